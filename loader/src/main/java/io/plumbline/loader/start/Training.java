package io.plumbline.loader.start;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.cli.LoaderCommands;
import io.plumbline.loader.cni.TrafficoCni;
import io.plumbline.loader.traffico.Traffico;
import io.plumbline.model.engine.Subject;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import picocli.CommandLine;

/**
 * Loads what a start needs, while the JVM records it for an archive of classes
 * (-XX:ArchiveClassesAtExit). Nothing is attached; what does not work here is left out.
 */
public final class Training {
  private static final int RULES = 32;

  private Training() {}

  /** Loads the classes of the model and the loader, and those of the JDK that they use. */
  public static void main(String[] args) throws IOException, URISyntaxException {
    for (Class<?> one : List.of(Training.class, Subject.class)) {
      Path jar = Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI());
      try (JarFile file = new JarFile(jar.toFile())) {
        for (JarEntry entry : file.stream().toList()) {
          if (entry.getName().endsWith(".class")) {
            load(entry.getName());
          }
        }
      }
    }
    rehearse();
  }

  private static void load(String file) {
    String name = file.substring(0, file.length() - ".class".length()).replace('/', '.');
    try {
      Class.forName(name, true, Training.class.getClassLoader());
    } catch (ClassNotFoundException | LinkageError e) {
      // It needs a library that is not here.
    }
  }

  /** Runs what needs no privilege and changes nothing. */
  private static void rehearse() {
    PrintStream out = new PrintStream(new ByteArrayOutputStream(), false, StandardCharsets.UTF_8);
    List<String> policy = new ArrayList<>(List.of("--dry-run", "--explain"));
    StringBuilder selectors = new StringBuilder();
    for (int i = 1; i <= RULES; i++) {
      String selector = "tcp/192.0.2.%d:443".formatted(i);
      policy.add("--allow=" + selector);
      selectors.append(i == 1 ? "" : ",").append('"').append(selector).append('"');
    }
    Traffico.run("traffico", policy, out, out);
    Traffico.run("traffico", List.of("--version"), out, out);
    Traffico.run("traffico", List.of("-i", "lo", "block_port"), out, out);
    for (String command : List.of("VERSION", "CHECK", "STATUS")) {
      String config =
          """
          {"cniVersion":"1.1.0","name":"n","allow":[%s],
           "prevResult":{"interfaces":[{"name":"lo"}]}}
          """
              .formatted(selectors);
      TrafficoCni.run(
          Map.of("CNI_COMMAND", command),
          new ByteArrayInputStream(config.getBytes(StandardCharsets.UTF_8)),
          out,
          out);
    }
    try (Attacher attacher = new Attacher()) {
      attacher.attachments();
    } catch (AttachException | LinkageError e) {
      // Not privileged.
    }
    CommandLine line = LoaderCommands.commandLine();
    line.setOut(new PrintWriter(new StringWriter()));
    line.setErr(new PrintWriter(new StringWriter()));
    line.execute("status");
    line.execute("attach", "--help");
  }
}
