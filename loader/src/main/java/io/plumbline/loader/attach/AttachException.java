package io.plumbline.loader.attach;

import io.plumbline.loader.libbpf.Errno;
import io.plumbline.loader.netlink.NetlinkException;
import io.plumbline.loader.process.Capability;
import io.plumbline.model.engine.EngineException;
import java.util.Optional;

/** A request about an interface that was refused; the interface is as it was before. */
public class AttachException extends Exception {
  private static final long serialVersionUID = 1L;

  /** The cause of a refusal, which decides a command's exit status. */
  public enum Kind {
    /** The request is wrong, or the user's object is. */
    INPUT,

    /** This process lacks a capability. */
    PRIVILEGE,

    /** The interface, or what was attached to it, has disappeared. */
    GONE,

    /** The kernel or the system lacks something, or refuses for a reason of its own. */
    KERNEL
  }

  private final Kind kind;
  private final int errno;
  private final String detail;

  /** Makes one without an error number. */
  public AttachException(Kind kind, String message) {
    this(kind, message, 0, "");
  }

  /**
   * Makes one.
   *
   * @param errno the kernel's, positive; 0 if there is none
   * @param detail many lines, such as the verifier's log; may be empty
   */
  public AttachException(Kind kind, String message, int errno, String detail) {
    super(message);
    this.kind = kind;
    this.errno = errno;
    this.detail = detail;
  }

  /** Returns a refusal of the kernel's network configuration. */
  static AttachException of(NetlinkException e) {
    return of(String.valueOf(e.getMessage()), e.errno(), Capability.CAP_NET_ADMIN);
  }

  /**
   * Returns the refusal of a system call.
   *
   * @param needed the capability whose absence explains EPERM
   */
  static AttachException of(String message, int errno, Capability needed) {
    Kind kind =
        switch (errno) {
          case Errno.EPERM -> Kind.PRIVILEGE;
          case Errno.ENODEV -> Kind.GONE;
          default -> Kind.KERNEL;
        };
    Optional<String> lacking =
        kind == Kind.PRIVILEGE ? Capability.lacking(needed) : Optional.empty();
    return new AttachException(
        kind, message + lacking.map(text -> ": " + text).orElse(""), errno, "");
  }

  /** Returns a refusal by an engine, which is the kernel's. */
  static AttachException of(EngineException e) {
    return new AttachException(Kind.KERNEL, String.valueOf(e.getMessage()), 0, e.detail());
  }

  /** Returns the same with words before its message. */
  public AttachException in(String where) {
    return new AttachException(kind, where + ": " + getMessage(), errno, detail);
  }

  /** Returns the cause. */
  public Kind kind() {
    return kind;
  }

  /** Returns the kernel's error number, or 0. */
  public int errno() {
    return errno;
  }

  /** Returns the full text beside the message, such as a verifier log; may be empty. */
  public String detail() {
    return detail;
  }
}
