package io.plumbline.model.ruleset;

/** Which of several rules that match a packet decides it. */
public enum Combinator {
  /** The first rule that drops, if any; else the first that accepts. */
  DENY_OVERRIDES,

  /** The first rule, whatever it does. */
  FIRST_MATCH,

  /** Every rule accepts; the first one decides. */
  ALLOW_IF_ANY
}
