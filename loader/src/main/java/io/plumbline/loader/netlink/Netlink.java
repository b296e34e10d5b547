package io.plumbline.loader.netlink;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.libbpf.LibC;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A socket to the kernel's network configuration, of the network namespace that the thread was in
 * when it was opened.
 */
public final class Netlink implements AutoCloseable {
  private static final int AF_NETLINK = 16;
  private static final int SOCK_RAW_CLOEXEC = 3 | 0x80000;
  private static final int SOL_NETLINK = 270;
  private static final int NETLINK_EXT_ACK = 11;
  private static final int NLMSG_ERROR = 2;
  private static final int NLMSG_DONE = 3;
  private static final int F_CAPPED = 0x100;
  private static final int F_ACK_TLVS = 0x200;
  private static final int NLMSGERR_ATTR_MSG = 1;
  private static final int BUFFER = 1 << 16;
  private static final int MSG_TRUNC = 0x20;

  private final int fd;
  private final Memory buffer = new Memory(BUFFER);
  private int sequence;

  /** What came of one message: 0 or an error number, the kernel's words, and what it sent back. */
  record Result(int errno, String detail, List<Message> replies) {
    void check(String what) throws NetlinkException {
      if (errno != 0) {
        throw new NetlinkException(what, errno, detail);
      }
    }
  }

  /** Opens one. */
  public Netlink() throws NetlinkException {
    fd = LibC.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, 0);
    if (fd < 0) {
      throw new NetlinkException("netlink: open a socket", Native.getLastError(), "");
    }
    try (Memory one = new Memory(4)) {
      one.setInt(0, 1);
      LibC.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, one, 4);
    }
  }

  /** Asks for all of something. */
  List<Message> dump(String what, Message request) throws NetlinkException {
    int number = ++sequence;
    send(what, request.encode(number, false));
    List<Message> all = new ArrayList<>();
    while (true) {
      for (Message reply : receive(what)) {
        if (reply.sequence() != number) {
          continue;
        }
        if (reply.type() == NLMSG_DONE) {
          return all;
        }
        if (reply.type() == NLMSG_ERROR) {
          result(reply, List.of()).check(what);
          return all;
        }
        all.add(reply);
      }
    }
  }

  /**
   * Sends messages in one system call: the kernel works through all of them, in order, even if one
   * is refused or this process is killed meanwhile.
   */
  List<Result> send(String what, List<Message> messages) throws NetlinkException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    int first = sequence + 1;
    for (Message message : messages) {
      bytes.writeBytes(message.encode(++sequence, true));
    }
    send(what, bytes.toByteArray());
    List<Result> results = new ArrayList<>();
    List<Message> replies = new ArrayList<>();
    while (results.size() < messages.size()) {
      for (Message reply : receive(what)) {
        if (reply.sequence() != first + results.size()) {
          continue;
        }
        if (reply.type() == NLMSG_ERROR) {
          results.add(result(reply, List.copyOf(replies)));
          replies.clear();
        } else {
          replies.add(reply);
        }
      }
    }
    return results;
  }

  private static Result result(Message error, List<Message> replies) {
    int errno = -error.u32At(0);
    String detail = "";
    if ((error.flags() & F_ACK_TLVS) != 0) {
      // struct nlmsgerr: the error, then the header of the request, or all of the request.
      int quoted = (error.flags() & F_CAPPED) != 0 ? Message.HEADER : error.u32At(4);
      detail = error.attributes(4 + (quoted + 3) / 4 * 4).text(NLMSGERR_ATTR_MSG);
    }
    return new Result(errno, detail, replies);
  }

  private void send(String what, byte[] bytes) throws NetlinkException {
    try (Memory memory = new Memory(bytes.length)) {
      memory.write(0, bytes, 0, bytes.length);
      if (LibC.send(fd, memory, bytes.length, 0) < 0) {
        throw new NetlinkException(what, Native.getLastError(), "");
      }
    }
  }

  private List<Message> receive(String what) throws NetlinkException {
    long received;
    do {
      received = LibC.recv(fd, buffer, BUFFER, MSG_TRUNC);
    } while (received < 0 && Native.getLastError() == Errno.EINTR);
    if (received < 0 || received > BUFFER) {
      throw new NetlinkException(
          what, received < 0 ? Native.getLastError() : Errno.ENOBUFS, "no answer");
    }
    byte[] bytes = buffer.getByteArray(0, (int) received);
    List<Message> messages = new ArrayList<>();
    int at = 0;
    while (at + Message.HEADER <= bytes.length) {
      int length = buffer.getInt(at);
      if (length < Message.HEADER || at + length > bytes.length) {
        break;
      }
      messages.add(Message.received(Arrays.copyOfRange(bytes, at, at + length)));
      at += (length + 3) / 4 * 4;
    }
    return messages;
  }

  @Override
  public void close() {
    LibC.close(fd);
    buffer.close();
  }
}
