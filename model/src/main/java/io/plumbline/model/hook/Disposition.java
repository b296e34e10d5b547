package io.plumbline.model.hook;

/** What becomes of a packet after a return code, independent of the hook's spelling. */
public enum Disposition {
  /** The packet continues, and no later program of this hook is asked. */
  ACCEPT,
  /** The packet is dropped. */
  DROP,
  /** The next program of this hook is asked; the packet continues if there is none. */
  NEXT,
  /** Some back ends of the hook take the packet for dropped, others ask the next program. */
  DROP_OR_NEXT,
  /** The packet is sent elsewhere. */
  REDIRECT,
  /** The packet is dropped, and the kernel reports an error of the program. */
  ABORT
}
