package io.plumbline.conformance.live;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Backend;
import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.netlink.Link;
import io.plumbline.model.engine.EngineException;
import io.plumbline.model.hook.Hook;
import io.plumbline.model.policy.Direction;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * An interface in the network namespace of the calling thread, and a way to send frames past the
 * filter on it. All of it ends with the thread, and only that thread may use it.
 */
abstract class Wire implements AutoCloseable {
  /** The longest frame that a virtual interface takes. */
  static final int MAX_FRAME = 65535;

  static final int AF_PACKET = 17;
  static final int SOCK_RAW = 3;
  static final int SOCKADDR_LL_BYTES = 20;

  private final Attacher attacher;

  Wire() throws EngineException {
    try {
      attacher = new Attacher();
    } catch (AttachException e) {
      throw failed(e);
    }
  }

  /** Returns why there cannot be an interface of a hook; empty if there can. */
  static Optional<String> missing(Hook hook) {
    return hook.firstLayer() == 3 ? TunWire.missing() : Optional.empty();
  }

  /**
   * Makes the interface of a hook.
   *
   * @param backend how the filters will be attached
   */
  static Wire of(Hook hook, Direction direction, Backend backend) throws EngineException {
    return hook.firstLayer() == 3 ? new TunWire(direction) : new VethWire(direction, backend);
  }

  final Attacher attacher() {
    return attacher;
  }

  /** Returns an interface by its name. */
  final Link link(String name) throws EngineException {
    try {
      return attacher.link(name);
    } catch (AttachException e) {
      throw failed(e);
    }
  }

  private static EngineException failed(AttachException e) {
    return new EngineException("live: " + e.getMessage());
  }

  /** Returns the interface that filters are attached to. */
  abstract Link link();

  /**
   * Sends a frame; the bytes behind those given are zero.
   *
   * @param tag outside the frame, as {@code VlanTag.word()} gives it; 0 is none
   * @return 0, or the error number: out of the interface, ENOBUFS if the filter drops the frame
   */
  abstract int send(byte[] data, int offset, int captured, int length, int tag)
      throws EngineException;

  static void ip(String arguments) throws EngineException {
    try {
      Process process =
          new ProcessBuilder(("ip " + arguments).split(" ", -1)).redirectErrorStream(true).start();
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (process.waitFor() != 0) {
        throw new EngineException("live: ip " + arguments + ": " + output);
      }
    } catch (IOException e) {
      throw new EngineException("live: needs the command ip (package iproute2)");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new EngineException("live: interrupted");
    }
  }

  static EngineException failed(String what, int errno) {
    return new EngineException("live: %s: %s".formatted(what, Errno.describe(errno)));
  }

  @Override
  public void close() {
    attacher.close();
  }
}
