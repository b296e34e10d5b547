package io.plumbline.loader.process;

/** Who started this process. */
public final class User {
  private User() {}

  /** Returns the user's name, behind {@code sudo} that of who typed it. */
  public static String name() {
    String sudo = System.getenv("SUDO_USER");
    return sudo == null || sudo.isEmpty() ? System.getProperty("user.name", "?") : sudo + " (sudo)";
  }
}
