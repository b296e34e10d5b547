package io.plumbline.model.hook;

/**
 * What a program returned, and where: the hook says what the code means.
 *
 * @param code the return code, never rounded to one that is known
 */
public record Verdict(Hook hook, int code) {
  @Override
  public String toString() {
    return hook.verdictName(code);
  }
}
