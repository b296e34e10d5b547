package io.plumbline.model.decision;

import io.plumbline.model.packet.Ipv6Extensions;
import io.plumbline.model.packet.PacketView;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * A decision list with its input and mode filled in, ready to judge frames: guards and expressions
 * become a tree of small functions over {@link PacketView}. Judging allocates nothing; a decider
 * may be shared between threads.
 */
public final class Decider {
  /** A number of a frame. */
  private interface Number64 {
    long of(PacketView frame);
  }

  /** A condition of a frame. */
  private interface Condition {
    boolean holds(PacketView frame);
  }

  private final Condition[] guards;
  private final Action[] actions;

  /**
   * Fills in a list.
   *
   * @param scalar what {@link Expr.Input} stands for; not looked at when the list has none
   * @param allowed what {@link Guard.InAllowed} stands for: values of 0..0xFFFF
   * @param chained whether the program is a stage of a chain
   */
  public Decider(DecisionList list, long scalar, List<Integer> allowed, boolean chained) {
    Binding binding = new Binding(scalar, allowed, chained);
    guards = list.clauses().stream().map(c -> binding.bind(c.guard())).toArray(Condition[]::new);
    actions = list.clauses().stream().map(Clause::action).toArray(Action[]::new);
  }

  /** Returns the index of the clause that decides this frame. */
  public int decide(PacketView frame) {
    int i = 0;
    while (!guards[i].holds(frame)) {
      i++;
    }
    return i;
  }

  /** Returns what the clause of an index decides. */
  public Action action(int clause) {
    return actions[clause];
  }

  /**
   * Returns what a guard looks at in one frame, as {@code ip.daddr[30..33]=0x0a000001}; fields that
   * the frame does not have are left out.
   */
  public static List<String> evidence(Guard guard, PacketView frame) {
    Set<String> found = new LinkedHashSet<>();
    new Evidence(frame, found).add(guard);
    return List.copyOf(found);
  }

  /** Collects the fields that guards and expressions name. */
  private record Evidence(PacketView frame, Set<String> found) {
    void add(Guard guard) {
      if (guard instanceof Guard.Compare compare) {
        add(compare.left(), "");
        add(compare.right(), "");
      } else if (guard instanceof Guard.InAllowed in) {
        add(in.value(), "");
      } else if (guard instanceof Guard.InPrefix in) {
        add(in.value(), "");
      } else if (guard instanceof Guard.InRange in) {
        add(in.value(), "");
      } else if (guard instanceof Guard.Not not) {
        add(not.guard());
      } else if (guard instanceof Guard.Named named) {
        add(named.guard());
      } else if (guard instanceof Guard.AllOf all) {
        all.guards().forEach(this::add);
      } else if (guard instanceof Guard.AnyOf any) {
        // What a packet has in common with one alternative says why it matches; others do not.
        Binding binding = new Binding(0, List.of(), false);
        any.guards().stream()
            .filter(g -> holds(binding, g))
            .findFirst()
            .ifPresentOrElse(this::add, () -> any.guards().forEach(this::add));
      }
    }

    private boolean holds(Binding binding, Guard guard) {
      try {
        return binding.bind(guard).holds(frame);
      } catch (IndexOutOfBoundsException e) {
        return false;
      }
    }

    private void add(Expr expr, String name) {
      Binding binding = new Binding(0, List.of(), false);
      try {
        if (expr instanceof Expr.Named named) {
          add(named.expr(), name.isEmpty() ? named.name() : name);
        } else if (expr instanceof Expr.Load load) {
          long at = binding.bind(load.offset()).of(frame);
          String where =
              load.bytes() == 1
                  ? "[%d]".formatted(at)
                  : "[%d..%d]".formatted(at, at + load.bytes() - 1);
          String value =
              String.format("0x%0" + 2 * load.bytes() + "x", binding.bind(expr).of(frame));
          found.add((name.isEmpty() ? "frame" : name) + where + "=" + value);
        } else if (expr instanceof Expr.Binary binary) {
          add(binary.left(), name);
          add(binary.right(), "");
        } else if (expr instanceof Expr.Choice choice) {
          add(binding.bind(choice.guard()).holds(frame) ? choice.then() : choice.otherwise(), name);
        } else if (expr instanceof Expr.Ipv6Walk || expr instanceof Expr.Length) {
          found.add(expr + "=" + binding.bind(expr).of(frame));
        }
      } catch (IndexOutOfBoundsException e) {
        // The frame ends before this field: there is nothing to show of it.
      }
    }
  }

  private static final class Binding {
    private final long scalar;
    private final boolean[] allowed = new boolean[0x10000];
    private final boolean chained;

    Binding(long scalar, List<Integer> allowed, boolean chained) {
      this.scalar = scalar;
      allowed.forEach(value -> this.allowed[value] = true);
      this.chained = chained;
    }

    Condition bind(Guard guard) {
      if (guard instanceof Guard.Always) {
        return frame -> true;
      } else if (guard instanceof Guard.Compare compare) {
        Number64 left = bind(compare.left());
        Number64 right = bind(compare.right());
        return switch (compare.relation()) {
          case EQ -> frame -> left.of(frame) == right.of(frame);
          case NE -> frame -> left.of(frame) != right.of(frame);
          case LT -> frame -> Long.compareUnsigned(left.of(frame), right.of(frame)) < 0;
        };
      } else if (guard instanceof Guard.InAllowed in) {
        Number64 value = bind(in.value());
        return frame -> allowed[(int) value.of(frame)];
      } else if (guard instanceof Guard.InPrefix in) {
        Number64 value = bind(in.value());
        int shift = 32 - in.length();
        long prefix = (in.address() & 0xFFFF_FFFFL) >>> shift;
        return frame -> value.of(frame) >>> shift == prefix;
      } else if (guard instanceof Guard.InRange in) {
        Number64 value = bind(in.value());
        long low = in.low() + Long.MIN_VALUE;
        long high = in.high() + Long.MIN_VALUE;
        return frame -> {
          long biased = value.of(frame) + Long.MIN_VALUE;
          return low <= biased && biased <= high;
        };
      } else if (guard instanceof Guard.Named named) {
        return bind(named.guard());
      } else if (guard instanceof Guard.Chained) {
        return frame -> chained;
      } else if (guard instanceof Guard.Not not) {
        Condition inner = bind(not.guard());
        return frame -> !inner.holds(frame);
      } else if (guard instanceof Guard.AllOf all) {
        return all.guards().stream()
            .map(this::bind)
            .reduce((a, b) -> frame -> a.holds(frame) && b.holds(frame))
            .orElse(frame -> true);
      } else if (guard instanceof Guard.AnyOf any) {
        return any.guards().stream()
            .map(this::bind)
            .reduce((a, b) -> frame -> a.holds(frame) || b.holds(frame))
            .orElse(frame -> false);
      }
      throw new IllegalStateException("guard: no evaluation for " + guard.getClass());
    }

    Number64 bind(Expr expr) {
      if (expr instanceof Expr.Constant constant) {
        long value = constant.value();
        return frame -> value;
      } else if (expr instanceof Expr.HexConstant constant) {
        long value = constant.value();
        return frame -> value;
      } else if (expr instanceof Expr.Length) {
        return PacketView::length;
      } else if (expr instanceof Expr.Input) {
        return frame -> scalar;
      } else if (expr instanceof Expr.Load load) {
        return bindLoad(load);
      } else if (expr instanceof Expr.Binary binary) {
        Number64 left = bind(binary.left());
        Number64 right = bind(binary.right());
        return switch (binary.operator()) {
          case ADD -> frame -> left.of(frame) + right.of(frame);
          case MULTIPLY -> frame -> left.of(frame) * right.of(frame);
          case AND -> frame -> left.of(frame) & right.of(frame);
          case SHIFT_RIGHT -> frame -> left.of(frame) >>> right.of(frame);
        };
      } else if (expr instanceof Expr.Choice choice) {
        Condition guard = bind(choice.guard());
        Number64 then = bind(choice.then());
        Number64 otherwise = bind(choice.otherwise());
        return frame -> guard.holds(frame) ? then.of(frame) : otherwise.of(frame);
      } else if (expr instanceof Expr.Ipv6Walk walk) {
        return frame -> walk.part().of(Ipv6Extensions.walk(frame));
      } else if (expr instanceof Expr.Named named) {
        return bind(named.expr());
      }
      throw new IllegalStateException("expression: no evaluation for " + expr.getClass());
    }

    private Number64 bindLoad(Expr.Load load) {
      if (load.offset() instanceof Expr.Constant constant) {
        int at = (int) constant.value();
        return switch (load.bytes()) {
          case 1 -> frame -> frame.u8(at);
          case 2 -> frame -> frame.u16(at);
          case 4 -> frame -> frame.u32(at);
          default -> frame -> frame.u64(at);
        };
      }
      Number64 offset = bind(load.offset());
      return switch (load.bytes()) {
        case 1 -> frame -> frame.u8((int) offset.of(frame));
        case 2 -> frame -> frame.u16((int) offset.of(frame));
        case 4 -> frame -> frame.u32((int) offset.of(frame));
        default -> frame -> frame.u64((int) offset.of(frame));
      };
    }
  }
}
