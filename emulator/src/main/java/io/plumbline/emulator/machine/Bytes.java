package io.plumbline.emulator.machine;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Little-endian numbers in arrays, unsigned in a long. */
public final class Bytes {
  private static final VarHandle U16 =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle U32 =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle U64 =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private Bytes() {}

  public static long get8(byte[] data, int at) {
    return data[at] & 0xFF;
  }

  public static long get16(byte[] data, int at) {
    return (short) U16.get(data, at) & 0xFFFF;
  }

  public static long get32(byte[] data, int at) {
    return (int) U32.get(data, at) & 0xFFFF_FFFFL;
  }

  public static long get64(byte[] data, int at) {
    return (long) U64.get(data, at);
  }

  public static void put8(byte[] data, int at, long value) {
    data[at] = (byte) value;
  }

  public static void put16(byte[] data, int at, long value) {
    U16.set(data, at, (short) value);
  }

  public static void put32(byte[] data, int at, long value) {
    U32.set(data, at, (int) value);
  }

  public static void put64(byte[] data, int at, long value) {
    U64.set(data, at, value);
  }

  /** Reads a number of 1, 2, 4 or 8 bytes. */
  public static long get(byte[] data, int at, int size) {
    return switch (size) {
      case 1 -> get8(data, at);
      case 2 -> get16(data, at);
      case 4 -> get32(data, at);
      default -> get64(data, at);
    };
  }

  /** Writes a number of 1, 2, 4 or 8 bytes. */
  public static void put(byte[] data, int at, int size, long value) {
    switch (size) {
      case 1 -> put8(data, at, value);
      case 2 -> put16(data, at, value);
      case 4 -> put32(data, at, value);
      default -> put64(data, at, value);
    }
  }
}
