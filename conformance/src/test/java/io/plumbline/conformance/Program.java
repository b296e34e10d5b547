package io.plumbline.conformance;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** One of the commands as a process of its own, in the network namespace of the calling thread. */
final class Program {
  private Program() {}

  /** What it ended with, and what it wrote. */
  record Result(int status, String out, String err) {}

  /** Starts a main class. */
  static ProcessBuilder builder(String main, String... args) {
    List<String> command =
        new ArrayList<>(
            List.of(
                // What runs in the background of a shell ignores SIGINT, what nohup runs SIGHUP.
                "env",
                "--default-signal=INT,HUP",
                ProcessHandle.current().info().command().orElse("java"),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                main));
    command.addAll(Arrays.asList(args));
    return new ProcessBuilder(command);
  }

  static Result run(String main, String input, Map<String, String> environment, String... args)
      throws Exception {
    ProcessBuilder builder = builder(main, args);
    builder.environment().putAll(environment);
    return finish(builder.start(), input);
  }

  static Result finish(Process process, String input) throws Exception {
    try (java.io.OutputStream in = process.getOutputStream()) {
      in.write(input.getBytes(StandardCharsets.UTF_8));
    } catch (java.io.IOException e) {
      // It does not read.
    }
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), out, err);
  }
}
