package io.plumbline.conformance.symbolic;

import io.plumbline.emulator.machine.ContextType;
import io.plumbline.emulator.vm.Contexts;
import io.plumbline.model.hook.Hook;
import java.util.List;

/**
 * What a hook gives to a program when it starts, as terms: a frame of {@link #length} bytes, of
 * which the first {@link #linear} can be read directly, and the fields of the context.
 */
public abstract class ContextTerms {
  private static final int LENGTH_BITS = 20;
  private static final String TAGGED = "vlan_present";
  private static final String TAG_PROTOCOL = "vlan_proto";
  private static final String TAG_CONTROL = "vlan_tci";

  final Terms terms;
  private final ContextType type;

  ContextTerms(Terms terms, Hook hook) {
    this.terms = terms;
    type = Contexts.of(hook);
    if (terms.hidden() != hook.hidden()) {
      throw new IllegalArgumentException("terms of another hook than " + hook);
    }
  }

  /** Returns the start of programs at a hook. */
  static ContextTerms of(Hook hook, Terms terms) {
    return hook.equals(Hook.XDP) ? new XdpTerms(terms) : new SkbTerms(terms, hook);
  }

  /** Returns the assumptions of every result about programs at a hook. */
  public static List<String> assumptions(Hook hook) {
    return of(hook, new Terms(hook)).assumptions();
  }

  /** Returns what holds of every frame that reaches a hook. */
  public static List<Term> conditions(Hook hook, Terms terms) {
    return of(hook, terms).conditions();
  }

  /** Returns the length of a frame in bytes, without an offloaded VLAN tag. */
  public static Term length(Terms terms) {
    return terms.add(seen(terms), terms.constant(terms.hidden()));
  }

  /** Returns how many bytes of a frame a program sees, without an offloaded VLAN tag. */
  public static Term seen(Terms terms) {
    return terms.variable("len", LENGTH_BITS);
  }

  /** Returns how many bytes of a frame a program sees. */
  public static int seen(Assignment at) {
    return (int) at.variable("len");
  }

  /** Returns up to which byte of a frame it can be read directly. */
  public static Term linear(Terms terms) {
    return terms.add(terms.variable("linear", LENGTH_BITS), terms.constant(terms.hidden()));
  }

  /** Returns a new number of bytes that can be read directly, counted likewise. */
  static Term linearAfterwards(Terms terms) {
    return terms.add(terms.fresh("linear", LENGTH_BITS), terms.constant(terms.hidden()));
  }

  /** Returns how many bytes that a program sees of a frame can be read directly. */
  public static int linear(Assignment at) {
    return (int) at.variable("linear");
  }

  /** Returns 1 if a frame has an offloaded VLAN tag, otherwise 0. */
  static Term tag(Terms terms) {
    return terms.variable(TAGGED, 1);
  }

  /** Returns the condition that a frame has an offloaded VLAN tag. */
  public static Term tagged(Terms terms) {
    return terms.eq(tag(terms), terms.constant(1));
  }

  /** Returns the condition that a frame has an offloaded VLAN tag, or that it has none. */
  public static Term tagged(Terms terms, boolean there) {
    return there ? tagged(terms) : terms.eq(tag(terms), terms.constant(0));
  }

  /** Returns the protocol of an offloaded VLAN tag, in network order. */
  public static Term tagProtocol(Terms terms) {
    return terms.variable(TAG_PROTOCOL, 16);
  }

  /** Returns the tag control information of an offloaded VLAN tag, in host order. */
  public static Term tagControl(Terms terms) {
    return terms.variable(TAG_CONTROL, 16);
  }

  /** Returns whether a frame has an offloaded VLAN tag. */
  public static boolean isTagged(Assignment at) {
    return at.variable(TAGGED) != 0;
  }

  /** Returns the protocol of a frame's offloaded VLAN tag, in host order. */
  public static int tagProtocol(Assignment at) {
    return Short.reverseBytes((short) at.variable(TAG_PROTOCOL)) & 0xFFFF;
  }

  /** Returns the tag control information of a frame's offloaded VLAN tag. */
  public static int tagControl(Assignment at) {
    return (int) at.variable(TAG_CONTROL);
  }

  /** Returns the number of the interface that a frame is on. */
  public static Term ifindex(Hook hook, Terms terms) {
    return of(hook, terms).ifindex();
  }

  /** Returns the mark of a frame; 0 where there are no marks yet. */
  public static Term mark(Hook hook, Terms terms) {
    return of(hook, terms).mark();
  }

  abstract Term ifindex();

  abstract Term mark();

  /** Returns the context's layout. */
  ContextType type() {
    return type;
  }

  /** Returns how many bytes of a frame stand before the first that the program sees. */
  Term hidden() {
    return terms.constant(terms.hidden());
  }

  /** Returns what is assumed of frames and helpers, in words. */
  abstract List<String> assumptions();

  /** Returns up to which byte of the frame the program can read directly when it starts. */
  abstract Term readable();

  /** Returns what holds of every frame that reaches the hook. */
  abstract List<Term> conditions();

  /** Returns the value of a field before the program has changed anything. */
  abstract Term field(ContextType.Field field);
}
