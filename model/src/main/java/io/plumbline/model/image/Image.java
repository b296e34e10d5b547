package io.plumbline.model.image;

import io.plumbline.model.hook.Hook;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a subject is lowered to: objects, the exact bytes of their read-only variables, tail calls
 * and the contents of maps. Inert; the same value is installed in the kernel and in the emulator.
 *
 * @param entry the program that a packet enters
 * @param tailCalls programs in slots 0, 1 and so on: the entry passes a packet on to slot 0, and
 *     each slot that does not drop it to the next one
 * @param tables maps of the entry; empty if it has none that user space fills
 * @param needs what the entry needs of a kernel beyond the oldest that is supported
 */
public record Image(
    Program entry, List<TailCall> tailCalls, Optional<Tables> tables, Optional<Need> needs) {

  /** The variable, of 32 bits, of every program that reads packets. */
  public static final String FIRST_LAYER = "first_layer";

  /** What that variable is in the objects. */
  private static final int ETHERNET = 2;

  public Image {
    tailCalls = List.copyOf(tailCalls);
  }

  /** Returns an image of one program. */
  public static Image of(Program program) {
    return new Image(program, List.of(), Optional.empty(), Optional.empty());
  }

  /**
   * Returns the only program that decides: the entry, or what it reaches by its only tail call.
   * Empty if several programs decide.
   */
  public Optional<Program> decider() {
    return switch (tailCalls.size()) {
      case 0 -> Optional.of(entry);
      case 1 -> Optional.of(tailCalls.get(0).program());
      default -> Optional.empty();
    };
  }

  /**
   * A program.
   *
   * @param name its name
   * @param object the name of its object, which differs between hooks
   * @param variables bytes of read-only variables, by symbol
   */
  public record Program(String name, String object, Map<String, byte[]> variables) {
    public Program {
      variables = new LinkedHashMap<>(variables);
    }

    /** Returns the program of a hook that reads no packets. */
    public static Program of(String name, Hook hook, Map<String, byte[]> variables) {
      return new Program(name, hook.objectOf(name), variables);
    }

    /** Returns the program of a hook that reads packets, which it must know the first layer of. */
    public static Program reading(String name, Hook hook, Map<String, byte[]> variables) {
      Map<String, byte[]> all = new LinkedHashMap<>(variables);
      if (hook.firstLayer() != ETHERNET) {
        all.put(
            FIRST_LAYER,
            ByteBuffer.allocate(4)
                .order(ByteOrder.nativeOrder())
                .putInt(hook.firstLayer())
                .array());
      }
      return of(name, hook, all);
    }
  }

  /**
   * A program in a slot of a map of programs.
   *
   * @param map the map's name; the entry and all programs that it reaches share it
   */
  public record TailCall(String map, int slot, Program program) {}

  /**
   * Maps that lie in a slot of outer maps. Several images of one program can be installed in one
   * loaded program, a slot each.
   *
   * @param active the array whose only value, 64 bits, is the slot in use
   * @param inner the inner maps, in the order in which they are put into the outer ones
   */
  public record Tables(String active, List<Table> inner) {
    public Tables {
      inner = List.copyOf(inner);
    }

    /** Returns the table of counters. */
    public Table counters() {
      return inner.stream().filter(table -> table.kind == Kind.COUNTERS).findFirst().orElseThrow();
    }
  }

  /** A kind of inner map. */
  public enum Kind {
    /** Rows of equal size, by number. */
    ARRAY,
    /** Four bytes by an exact key. */
    HASH,
    /** Four bytes by the longest prefix of a key. */
    LPM_TRIE,
    /** For each CPU and line a pair of 64-bit numbers, packets and bytes, all 0 at first. */
    COUNTERS
  }

  /**
   * An inner map.
   *
   * @param outer the outer map's name
   * @param bytes size of a row of an array, or of a key
   * @param rows an array's rows, one after the other; of other kinds empty
   * @param entries a keyed map's entries; of other kinds empty
   * @param lines how many lines are counted; of other kinds 0
   */
  public record Table(
      String outer, Kind kind, int bytes, byte[] rows, List<Entry> entries, int lines) {
    public Table {
      entries = List.copyOf(entries);
    }

    /** Returns an array. */
    public static Table array(String outer, int rowBytes, byte[] rows) {
      return new Table(outer, Kind.ARRAY, rowBytes, rows, List.of(), 0);
    }

    /** Returns a map from keys to four bytes. */
    public static Table keyed(String outer, Kind kind, int keyBytes, List<Entry> entries) {
      return new Table(outer, kind, keyBytes, new byte[0], entries, 0);
    }

    /** Returns counters. */
    public static Table counters(String outer, int lines) {
      return new Table(outer, Kind.COUNTERS, COUNTER_BYTES, new byte[0], List.of(), lines);
    }

    /** Returns the number of rows, entries or lines. */
    public int size() {
      return switch (kind) {
        case ARRAY -> rows.length / bytes;
        case HASH, LPM_TRIE -> entries.size();
        case COUNTERS -> lines;
      };
    }
  }

  /** Size of the packets and bytes of a counter. */
  public static final int COUNTER_BYTES = 16;

  /** One entry of a keyed map; the value is four bytes, in the machine's byte order. */
  public record Entry(byte[] key, int value) {
    @Override
    public String toString() {
      return HexFormat.of().formatHex(key) + " -> " + value;
    }
  }

  /**
   * A helper that a kernel may lack.
   *
   * @param subjects what cannot be run without it, as messages name it
   * @param helper its name, {@code bpf_loop}
   * @param since the first Linux version that has it, {@code 5.17}
   */
  public record Need(String subjects, String helper, String since) {}
}
