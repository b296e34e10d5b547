package io.plumbline.loader.cni;

/** Error that a plugin prints (CNI specification 1.1.0, section 5, Error). */
final class CniException extends Exception {
  /** A CNI version that is not supported. */
  static final int VERSION = 1;

  /** A key of the configuration that is not supported. */
  static final int FIELD = 2;

  /** An environment variable is missing or wrong. */
  static final int ENVIRONMENT = 4;

  /** Input or output. */
  static final int IO = 5;

  /** The configuration is not JSON. */
  static final int DECODE = 6;

  /** The configuration is invalid, or cannot be carried out. */
  static final int CONFIGURATION = 7;

  /** The plugin cannot serve ADD here (STATUS). */
  static final int NOT_AVAILABLE = 50;

  /** CHECK: the filter is missing, is another one, or does not see every packet. */
  static final int NOT_AS_ADDED = 100;

  private static final long serialVersionUID = 1L;

  private final int code;
  private final String details;

  CniException(int code, String message) {
    this(code, message, message);
  }

  CniException(int code, String message, String details) {
    super(message, null, false, false);
    this.code = code;
    this.details = details;
  }

  int code() {
    return code;
  }

  String details() {
    return details;
  }
}
