package io.plumbline.model.decision;

/**
 * One line of a decision list.
 *
 * @param name unique in its list, lower case with underscores; reports and coverage use it
 * @param guard when this clause decides, provided that no clause before it did
 * @param action what it decides
 * @param meaning the reason in words, as a report gives it: "the destination port is not the
 *     allowed one"
 */
public record Clause(String name, Guard guard, Action action, String meaning) {}
