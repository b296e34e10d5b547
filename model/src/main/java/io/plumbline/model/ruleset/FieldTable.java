package io.plumbline.model.ruleset;

import io.plumbline.model.packet.PacketView;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * The fields that the rules of a language ask of a packet, in the order in which decision diagrams
 * compare them.
 *
 * <p>If the first field is an enumeration, its value is the class of the packet, and the other
 * fields may differ from class to class: an address of IPv4 is narrower than one of IPv6, a message
 * of ICMP has a type and no ports. Without one, all packets are of class 0.
 *
 * <p>A level is a number of up to 64 bits: a field has one, or two if it has 128 bits in some
 * class. A packet is then one number a level, called its key.
 */
public final class FieldTable {
  private final List<Field> fields;
  private final Function<FlowRegion, String> printer;
  private final int[] firstLevels;
  private final int[] fieldOfLevel;
  private final int[] partOfLevel;
  private final long[][] max;

  /**
   * For each class, the loads from headers.
   *
   * <pre>
   * bits: 31..16 offset | 12 from the transport header | 11..8 bytes | 7..0 level
   * </pre>
   */
  private final int[][] reads;

  /** Makes a table whose regions are printed field by field. */
  public FieldTable(List<Field> fields) {
    this(fields, FieldTable::plain);
  }

  /**
   * Makes a table.
   *
   * @param printer writes a region as the language does
   */
  public FieldTable(List<Field> fields, Function<FlowRegion, String> printer) {
    this.fields = List.copyOf(fields);
    this.printer = printer;
    firstLevels = new int[fields.size()];
    int levels = 0;
    for (int i = 0; i < fields.size(); i++) {
      int forms = fields.get(i).forms().size();
      if (forms != 1 && (i == 0 || forms != classes())) {
        throw new IllegalArgumentException(
            "field %s: %d forms: expected 1, or one for each class"
                .formatted(fields.get(i), forms));
      }
      firstLevels[i] = levels;
      levels += fields.get(i).parts();
    }
    fieldOfLevel = new int[levels];
    partOfLevel = new int[levels];
    for (int i = 0; i < fields.size(); i++) {
      for (int part = 0; part < fields.get(i).parts(); part++) {
        fieldOfLevel[firstLevels[i] + part] = i;
        partOfLevel[firstLevels[i] + part] = part;
      }
    }
    max = new long[classes()][levels];
    reads = new int[classes()][];
    for (int c = 0; c < classes(); c++) {
      for (int level = 0; level < levels; level++) {
        max[c][level] = fields.get(fieldOfLevel[level]).max(c, partOfLevel[level]);
      }
      reads[c] = reads(c);
    }
  }

  private int[] reads(int flowClass) {
    List<Integer> reads = new ArrayList<>();
    for (int i = 0; i < fields.size(); i++) {
      Form form = fields.get(i).form(flowClass);
      if (form.location().isPresent()) {
        Form.Location location = form.location().get();
        int bytes = Math.min(8, form.bits() / 8);
        for (int part = 0; part < form.bits() / 8 / bytes; part++) {
          reads.add(
              location.offsetBytes() + bytes * part << 16
                  | (location.base() == Form.Base.TRANSPORT ? 1 : 0) << 12
                  | bytes << 8
                  | firstLevels[i] + part);
        }
      }
    }
    return reads.stream().mapToInt(Integer::intValue).toArray();
  }

  /** Returns the fields in order. */
  public List<Field> fields() {
    return fields;
  }

  /** Returns whether the first field is the class. */
  public boolean classed() {
    return fields.get(0).kind() == Field.Kind.ENUMERATION;
  }

  /** Returns how many classes there are. */
  public int classes() {
    return classed() ? fields.get(0).words().size() : 1;
  }

  /** Returns how many numbers a key has. */
  public int levels() {
    return fieldOfLevel.length;
  }

  /** Returns the position of a field. */
  int indexOf(Field field) {
    int index = fields.indexOf(field);
    if (index < 0) {
      throw new IllegalArgumentException("field %s: expected one of %s".formatted(field, fields));
    }
    return index;
  }

  /** Returns the first level of a field. */
  public int level(Field field) {
    return firstLevels[indexOf(field)];
  }

  /** Returns the first level of the field at a position. */
  int firstLevel(int index) {
    return firstLevels[index];
  }

  int fieldOfLevel(int level) {
    return fieldOfLevel[level];
  }

  int partOfLevel(int level) {
    return partOfLevel[level];
  }

  /** Returns the highest value of a level in a class. */
  long max(int flowClass, int level) {
    return max[flowClass][level];
  }

  /** Returns all packets of a class. */
  public FlowRegion any(int flowClass) {
    List<Values> values = new ArrayList<>();
    for (Field field : fields) {
      values.add(field.any(flowClass));
    }
    if (classed()) {
      values.set(0, ValueRange.of(flowClass));
    }
    return new FlowRegion(this, values.toArray(Values[]::new));
  }

  /**
   * Reads the fields that packets have in their headers; allocates nothing.
   *
   * @param transport offset of the transport header in the frame
   * @param key receives the class and those fields, and 0 for the others
   */
  public void read(PacketView frame, int flowClass, int transport, long[] key) {
    Arrays.fill(key, 0);
    if (classed()) {
      key[0] = flowClass;
    }
    for (int load : reads[flowClass]) {
      int at = (load >>> 16) + (transport & -(load >>> 12 & 1));
      key[load & 0xFF] =
          switch (load >>> 8 & 0xF) {
            case 2 -> frame.u16(at);
            case 4 -> frame.u32(at);
            case 8 -> frame.u64(at);
            default -> frame.u8(at);
          };
    }
  }

  String text(FlowRegion region) {
    return printer.apply(region);
  }

  private static String plain(FlowRegion region) {
    List<String> parts = new ArrayList<>();
    for (Field field : region.table().fields()) {
      if (!region.isAny(field) || region.table().classed() && parts.isEmpty()) {
        parts.add(field.name() + " " + field.text(region.get(field)));
      }
    }
    return parts.isEmpty() ? "any" : String.join(", ", parts);
  }
}
