package io.plumbline.loader.libbpf;

import com.sun.jna.Memory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What bpf(2) knows of programs, maps and links that are in the kernel already, and how they are
 * attached (kernel {@code include/uapi/linux/bpf.h}). Every call returns {@code -errno} when it is
 * refused; fds are the caller's to close.
 */
public final class Bpf {
  public static final int ATTACH_XDP = 37;
  public static final int ATTACH_TCX_INGRESS = 46;
  public static final int ATTACH_TCX_EGRESS = 47;
  public static final int F_REPLACE = 1 << 2;
  public static final int F_BEFORE = 1 << 3;
  public static final int F_AFTER = 1 << 4;
  public static final int F_ID = 1 << 5;
  public static final int XDP_FLAGS_SKB_MODE = 1 << 1;
  public static final int XDP_FLAGS_DRV_MODE = 1 << 2;
  public static final int LINK_TYPE_XDP = 6;
  public static final int LINK_TYPE_TCX = 11;

  private static final int OBJ_PIN = 6;
  private static final int OBJ_GET = 7;
  private static final int PROG_ATTACH = 8;
  private static final int PROG_DETACH = 9;
  private static final int PROG_GET_FD_BY_ID = 13;
  private static final int MAP_GET_FD_BY_ID = 14;
  private static final int OBJ_GET_INFO_BY_FD = 15;
  private static final int PROG_QUERY = 16;
  private static final int MAP_FREEZE = 22;
  private static final int LINK_CREATE = 28;
  private static final int LINK_UPDATE = 29;
  private static final int LINK_GET_FD_BY_ID = 30;
  private static final int LINK_GET_NEXT_ID = 31;
  private static final int LINK_DETACH = 34;
  private static final int PROG_BIND_MAP = 35;

  private static final int INFO_BYTES = 256;
  private static final int MAX_QUERIED = 64;

  private Bpf() {}

  /**
   * A program in the kernel.
   *
   * @param tag the hash of its instructions, in hexadecimal
   * @param loadedNanos since boot, {@code CLOCK_BOOTTIME}
   */
  public record ProgramInfo(
      int id,
      int type,
      String name,
      String tag,
      int instructionBytes,
      long loadedNanos,
      int uid,
      List<Integer> mapIds) {
    public ProgramInfo {
      mapIds = List.copyOf(mapIds);
    }
  }

  /** A map in the kernel. */
  public record MapInfo(int id, int type, String name, int keyBytes, int valueBytes, int entries) {}

  /** A link in the kernel: what attaches a program as long as somebody holds it. */
  public record LinkInfo(int id, int type, int programId, int ifindex, int attachType) {}

  /** One program on a TCX hook; its link's id is 0 if it was attached without one. */
  public record Attached(int programId, int linkId) {}

  /** Makes a link of a program to an interface of the calling thread's network namespace. */
  public static int linkCreate(
      int programFd, int ifindex, int attachType, int flags, int relativeFdOrId) {
    try (Memory attr = BpfSyscall.attr()) {
      attr.setInt(0, programFd);
      attr.setInt(4, ifindex);
      attr.setInt(8, attachType);
      attr.setInt(12, flags);
      attr.setInt(16, relativeFdOrId);
      return BpfSyscall.call(LINK_CREATE, attr);
    }
  }

  /**
   * Puts another program in the place of the one that a link has; every packet sees one of them.
   */
  public static int linkUpdate(int linkFd, int programFd) {
    try (Memory attr = BpfSyscall.attr()) {
      attr.setInt(0, linkFd);
      attr.setInt(4, programFd);
      return BpfSyscall.call(LINK_UPDATE, attr);
    }
  }

  /** Takes a link's program off its hook, whoever else holds the link. */
  public static int linkDetach(int linkFd) {
    try (Memory attr = BpfSyscall.attr()) {
      attr.setInt(0, linkFd);
      return BpfSyscall.call(LINK_DETACH, attr);
    }
  }

  /** Attaches a program without a link: it stays until it is detached. */
  public static int attach(int programFd, int ifindex, int attachType) {
    return target(PROG_ATTACH, programFd, ifindex, attachType);
  }

  /** Takes a program that was attached without a link off its hook. */
  public static int detach(int programFd, int ifindex, int attachType) {
    return target(PROG_DETACH, programFd, ifindex, attachType);
  }

  private static int target(int command, int programFd, int ifindex, int attachType) {
    try (Memory attr = BpfSyscall.attr()) {
      attr.setInt(0, ifindex);
      attr.setInt(4, programFd);
      attr.setInt(8, attachType);
      return BpfSyscall.call(command, attr);
    }
  }

  /** Gives an object a name in a BPF file system. */
  public static int pin(int fd, String path) {
    return path(OBJ_PIN, fd, path);
  }

  /** Opens an object by its name in a BPF file system. */
  public static int pinned(String path) {
    return path(OBJ_GET, 0, path);
  }

  private static int path(int command, int fd, String path) {
    byte[] bytes = path.getBytes(StandardCharsets.UTF_8);
    try (Memory attr = BpfSyscall.attr();
        Memory name = new Memory(bytes.length + 1L)) {
      name.clear();
      name.write(0, bytes, 0, bytes.length);
      attr.setPointer(0, name);
      attr.setInt(8, fd);
      return BpfSyscall.call(command, attr);
    }
  }

  /** Opens a program by its number; needs CAP_SYS_ADMIN. */
  public static int programById(int id) {
    return byId(PROG_GET_FD_BY_ID, id);
  }

  /** Opens a map by its number; needs CAP_SYS_ADMIN. */
  public static int mapById(int id) {
    return byId(MAP_GET_FD_BY_ID, id);
  }

  /** Opens a link by its number; needs CAP_SYS_ADMIN. */
  public static int linkById(int id) {
    return byId(LINK_GET_FD_BY_ID, id);
  }

  private static int byId(int command, int id) {
    try (Memory attr = BpfSyscall.attr()) {
      attr.setInt(0, id);
      return BpfSyscall.call(command, attr);
    }
  }

  /** Returns the smallest number of a link behind a given one, or {@code -ENOENT}. */
  public static int nextLinkId(int id) {
    try (Memory attr = BpfSyscall.attr()) {
      attr.setInt(0, id);
      int result = BpfSyscall.call(LINK_GET_NEXT_ID, attr);
      return result < 0 ? result : attr.getInt(4);
    }
  }

  /** Makes a program hold a map that its instructions do not name. */
  public static int bindMap(int programFd, int mapFd) {
    try (Memory attr = BpfSyscall.attr()) {
      attr.setInt(0, programFd);
      attr.setInt(4, mapFd);
      return BpfSyscall.call(PROG_BIND_MAP, attr);
    }
  }

  /** Lets nobody write to a map through bpf(2) any more. */
  public static int freeze(int mapFd) {
    try (Memory attr = BpfSyscall.attr()) {
      attr.setInt(0, mapFd);
      return BpfSyscall.call(MAP_FREEZE, attr);
    }
  }

  /** Returns what a program's fd stands for. */
  public static Optional<ProgramInfo> programInfo(int fd) {
    try (Memory info = new Memory(INFO_BYTES);
        Memory maps = new Memory(4L * MAX_QUERIED)) {
      info.clear();
      // struct bpf_prog_info: nr_map_ids is both room and answer.
      info.setInt(52, MAX_QUERIED);
      info.setPointer(56, maps);
      if (info(fd, info) < 0) {
        return Optional.empty();
      }
      List<Integer> ids = new ArrayList<>();
      for (int i = 0; i < Math.min(info.getInt(52), MAX_QUERIED); i++) {
        ids.add(maps.getInt(4L * i));
      }
      StringBuilder tag = new StringBuilder();
      for (int i = 8; i < 16; i++) {
        tag.append("%02x".formatted(info.getByte(i)));
      }
      return Optional.of(
          new ProgramInfo(
              info.getInt(4),
              info.getInt(0),
              info.getString(64),
              tag.toString(),
              info.getInt(20),
              info.getLong(40),
              info.getInt(48),
              ids));
    }
  }

  /** Returns what a map's fd stands for. */
  public static Optional<MapInfo> mapInfo(int fd) {
    try (Memory info = new Memory(INFO_BYTES)) {
      info.clear();
      return info(fd, info) < 0
          ? Optional.empty()
          : Optional.of(
              new MapInfo(
                  info.getInt(4),
                  info.getInt(0),
                  info.getString(24),
                  info.getInt(8),
                  info.getInt(12),
                  info.getInt(16)));
    }
  }

  /** Returns what a link's fd stands for; interface and hook only of TCX and XDP links. */
  public static Optional<LinkInfo> linkInfo(int fd) {
    try (Memory info = new Memory(INFO_BYTES)) {
      info.clear();
      return info(fd, info) < 0
          ? Optional.empty()
          : Optional.of(
              new LinkInfo(
                  info.getInt(4),
                  info.getInt(0),
                  info.getInt(8),
                  info.getInt(16),
                  info.getInt(20)));
    }
  }

  private static int info(int fd, Memory info) {
    try (Memory attr = BpfSyscall.attr()) {
      attr.setInt(0, fd);
      attr.setInt(4, INFO_BYTES);
      attr.setPointer(8, info);
      return BpfSyscall.call(OBJ_GET_INFO_BY_FD, attr);
    }
  }

  /**
   * Adds the programs on a hook of an interface to a list, in the order in which they run.
   *
   * @return 0, or {@code -errno}: {@code -EINVAL} where the kernel has no such hook, {@code -EPERM}
   *     without CAP_NET_ADMIN
   */
  public static int query(int ifindex, int attachType, List<Attached> found) {
    try (Memory attr = BpfSyscall.attr();
        Memory programs = new Memory(4L * MAX_QUERIED);
        Memory links = new Memory(4L * MAX_QUERIED)) {
      programs.clear();
      links.clear();
      attr.setInt(0, ifindex);
      attr.setInt(4, attachType);
      attr.setPointer(16, programs);
      attr.setInt(24, MAX_QUERIED);
      attr.setPointer(40, links);
      int result = BpfSyscall.call(PROG_QUERY, attr);
      if (result < 0) {
        return result == -Errno.ENOENT ? 0 : result;
      }
      for (int i = 0; i < attr.getInt(24); i++) {
        found.add(new Attached(programs.getInt(4L * i), links.getInt(4L * i)));
      }
      return 0;
    }
  }
}
