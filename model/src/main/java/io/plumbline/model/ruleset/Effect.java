package io.plumbline.model.ruleset;

/** What a rule does to the packets that it decides. */
public enum Effect {
  DROP,
  ACCEPT;

  /** Returns the opposite. */
  public Effect other() {
    return this == DROP ? ACCEPT : DROP;
  }
}
