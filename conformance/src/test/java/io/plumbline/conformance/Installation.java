package io.plumbline.conformance;

import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;

/** The launcher in a folder as it is installed, with jars that refer to the classes under test. */
final class Installation {
  private final Path home;

  private Installation(Path home) {
    this.home = home;
  }

  /** Makes one in an empty folder. */
  static Installation in(Path home) throws Exception {
    Path bin = Files.createDirectories(home.resolve("bin"));
    for (String command : List.of("plumb", "traffico", "traffico-cni")) {
      Path file = Files.copy(Path.of("src/main/dist/launch"), bin.resolve(command));
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    Path lib = Files.createDirectories(home.resolve("lib"));
    jar(lib.resolve("loader.jar"), "io.plumbline.loader.start.Main");
    jar(lib.resolve("plumb.jar"), "io.plumbline.conformance.cli.Plumb");
    for (String machine : List.of("linux-x86-64", "linux-aarch64")) {
      Path folder = Files.createDirectories(lib.resolve("native").resolve(machine));
      String name = "/com/sun/jna/" + machine + "/libjnidispatch.so";
      try (InputStream library = com.sun.jna.Native.class.getResourceAsStream(name)) {
        Files.copy(library, folder.resolve("libjnidispatch.so"));
      }
    }
    return new Installation(home);
  }

  private static void jar(Path file, String main) throws Exception {
    String classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    Manifest manifest = new Manifest();
    Attributes attributes = manifest.getMainAttributes();
    attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
    attributes.put(Attributes.Name.MAIN_CLASS, main);
    attributes.put(
        Attributes.Name.CLASS_PATH,
        Arrays.stream(classPath.split(":", -1))
            .map(entry -> Path.of(entry).toAbsolutePath().toUri().toString())
            .collect(Collectors.joining(" ")));
    try (OutputStream out = Files.newOutputStream(file)) {
      new JarOutputStream(out, manifest).close();
    }
  }

  /** Returns the path of a command. */
  Path command(String name) {
    return home.resolve("bin").resolve(name);
  }

  /** Starts a command. */
  ProcessBuilder builder(String name, String... args) {
    ProcessBuilder builder = new ProcessBuilder(command(name).toString());
    builder.command().addAll(Arrays.asList(args));
    return builder;
  }

  /** Runs a shell script in which $BIN is the folder of the commands. */
  Program.Result script(String script) throws Exception {
    ProcessBuilder builder = new ProcessBuilder("sh", "-c", script);
    builder.environment().put("BIN", home.resolve("bin").toString());
    return Program.finish(builder.start(), "");
  }
}
