package io.plumbline.model.engine;

/** Where engines that run objects get them from. */
public interface ProgramObjects {
  /** Returns the bytes of the object of a program. */
  byte[] object(String program) throws EngineException;
}
