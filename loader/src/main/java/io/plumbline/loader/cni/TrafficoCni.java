package io.plumbline.loader.cni;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.Backend;
import io.plumbline.loader.attach.CounterLines;
import io.plumbline.loader.attach.Description;
import io.plumbline.loader.attach.Feature;
import io.plumbline.loader.attach.GoneException;
import io.plumbline.loader.attach.Order;
import io.plumbline.loader.json.Json;
import io.plumbline.loader.json.JsonText;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.netlink.Link;
import io.plumbline.loader.netlink.NetlinkException;
import io.plumbline.loader.netlink.NetworkNamespace;
import io.plumbline.loader.process.Stop;
import io.plumbline.loader.process.User;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.policy.Direction;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The plugin: one command from the environment, the configuration on standard input. */
public final class TrafficoCni {
  private static final int FAILED = 255;
  private static final String TOOL = "traffico-cni";
  private static final String NEWEST = "1.1.0";
  private static final List<String> VERSIONS = List.of("0.3.1", "0.4.0", "1.0.0", NEWEST);

  private final Map<String, String> environment;
  private final InputStream in;
  private final PrintStream out;
  private String version = "1.0.0";

  private TrafficoCni(Map<String, String> environment, InputStream in, PrintStream out) {
    this.environment = environment;
    this.in = in;
    this.out = out;
  }

  /** Runs it and ends the process. */
  public static void main(String[] args) {
    PrintStream out =
        new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
    int status = run(System.getenv(), System.in, out);
    out.flush();
    Stop.exit(status);
  }

  /** Runs it and returns its exit status. */
  public static int run(Map<String, String> environment, InputStream in, PrintStream out) {
    return new TrafficoCni(environment, in, out).run();
  }

  private int run() {
    try {
      String command = environment.get("CNI_COMMAND");
      if (command == null) {
        throw new CniException(CniException.ENVIRONMENT, "CNI_COMMAND not set");
      }
      switch (command) {
        case "ADD" -> add();
        case "DEL" -> delete();
        case "CHECK" -> check();
        case "GC" -> collect();
        case "STATUS" -> status();
        case "VERSION" -> versions();
        default ->
            throw new CniException(
                CniException.ENVIRONMENT,
                "unknown CNI_COMMAND",
                "'%s': expected ADD, DEL, CHECK, GC, STATUS or VERSION".formatted(command));
      }
      return 0;
    } catch (CniException e) {
      print(
          Json.Obj.of(
              "cniVersion",
              version,
              "code",
              e.code(),
              "msg",
              String.valueOf(e.getMessage()),
              "details",
              e.details()));
      return FAILED;
    }
  }

  private void print(Json json) {
    out.print(JsonText.pretty(json) + "\n");
  }

  /** Reads standard input up to its end or its first zero byte. */
  private String input() throws CniException {
    try {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      int zero = text.indexOf('\0');
      return zero < 0 ? text : text.substring(0, zero);
    } catch (IOException e) {
      throw new CniException(CniException.IO, "Error reading stdin");
    }
  }

  private NetworkConfig config() throws CniException {
    String text = input();
    if (text.isEmpty()) {
      throw new CniException(CniException.IO, "Error reading stdin");
    }
    NetworkConfig config = NetworkConfig.parse(text);
    version = config.version();
    return config;
  }

  private void add() throws CniException {
    NetworkConfig config = config();
    config.requireFilter();
    NetworkConfig.Target target = config.target();
    try (Attacher attacher = enter(target)) {
      Optional<Link> link = attacher.linkNamed(target.ifname());
      if (link.isEmpty()) {
        throw new CniException(CniException.CONFIGURATION, "Failed to retrieve ifindex");
      }
      Subject subject = config.subject();
      Direction direction =
          config
              .direction()
              .orElseThrow(
                  () ->
                      new CniException(
                          CniException.CONFIGURATION,
                          "Failed to attach BPF program",
                          "attachPoint: expected INGRESS or EGRESS"));
      attach(attacher, link.get(), direction, subject, key(config.network()));
    } catch (AttachException e) {
      throw failed(e);
    }
    print(config.previousResult());
  }

  private void attach(
      Attacher attacher, Link link, Direction direction, Subject subject, String key)
      throws AttachException {
    Attacher.Request request =
        new Attacher.Request(
            new Attacher.What.OfSubject(subject, ObjectSource.builtIn()),
            link,
            direction,
            Optional.of(Feature.CLSACT.switchedOff() ? Backend.TCX : Backend.CLSACT),
            Order.EARLIEST,
            new Description(
                TOOL,
                subject.toString(),
                key,
                User.name(),
                ProcessHandle.current().pid(),
                Instant.now(),
                true,
                false,
                false,
                CounterLines.of(subject)));
    // A runtime that repeats ADD gets one filter, not two; but a list may have this plugin twice.
    Optional<Attachment> before =
        attacher.attachments(link).stream()
            .filter(a -> a.direction() == direction && isOf(a, key) && isFilter(a, subject))
            .findFirst();
    if (before.isPresent()) {
      attacher.replace(before.get(), request, false).close();
    } else {
      attacher.attach(request);
    }
  }

  /**
   * Returns what the filter of one container's interface says as its source: {@code cni NETWORK
   * CONTAINER INTERFACE}.
   */
  private String key(String network) {
    return "cni %s %s %s".formatted(word(network), word(container()), word(ifname()));
  }

  private static String word(String text) {
    return text.isEmpty() ? "-" : text.replace(' ', '_');
  }

  private String container() {
    return environment.getOrDefault("CNI_CONTAINERID", "");
  }

  private String ifname() {
    return environment.getOrDefault("CNI_IFNAME", "");
  }

  private static boolean isOf(Attachment attachment, String key) {
    return attachment
        .about()
        .filter(about -> about.tool().equals(TOOL) && about.source().equals(key))
        .isPresent();
  }

  private static boolean isFilter(Attachment attachment, Subject subject) {
    return attachment
        .about()
        .filter(about -> about.subject().equals(subject.toString()))
        .filter(about -> about.lines().equals(CounterLines.of(subject)))
        .isPresent();
  }

  /**
   * Goes into the network namespace that an interface is said to be in. Where there is no such
   * namespace, and no container's either, the interface is looked for where this process is, as
   * traffico always does: an interface of that name on a host is not that of a container.
   */
  private Attacher enter(NetworkConfig.Target target) throws CniException, AttachException {
    String sandbox = target.sandbox();
    boolean there = sandbox.isEmpty() || goInto(sandbox);
    if (!there && Files.exists(Path.of(environment.getOrDefault("CNI_NETNS", "/none")))) {
      throw new CniException(
          CniException.CONFIGURATION,
          "Failed to retrieve ifindex",
          "%s: network namespace %s cannot be entered".formatted(target.ifname(), sandbox));
    }
    return new Attacher();
  }

  private static boolean goInto(String file) {
    try {
      NetworkNamespace.enter(Path.of(file));
      return true;
    } catch (NetlinkException | java.nio.file.InvalidPathException e) {
      return false;
    }
  }

  private static CniException failed(AttachException e) {
    return new CniException(
        CniException.CONFIGURATION, "Failed to attach BPF program", String.valueOf(e.getMessage()));
  }

  /** Removes what ADD made; what is gone already is not missed. */
  private void delete() throws CniException {
    if (container().isEmpty()) {
      return;
    }
    String end = " %s %s".formatted(word(container()), word(ifname()));
    everywhere(about -> about.source().startsWith("cni ") && about.source().endsWith(end));
  }

  /** Removes what belongs to this network and to no container that the runtime still knows. */
  private void collect() throws CniException {
    NetworkConfig config = config();
    Set<String> valid = new HashSet<>();
    for (Json attachment : config.json().items("cni.dev/valid-attachments")) {
      valid.add(
          "cni %s %s %s"
              .formatted(
                  word(config.network()),
                  word(attachment.text("containerID").orElse("")),
                  word(attachment.text("ifname").orElse(""))));
    }
    String beginning = "cni " + word(config.network()) + " ";
    everywhere(about -> about.source().startsWith(beginning) && !valid.contains(about.source()));
  }

  /** Detaches filters of this plugin here and in the container's network namespace. */
  private void everywhere(java.util.function.Predicate<Description> which) throws CniException {
    try (Attacher here = new Attacher()) {
      detach(here, which);
    } catch (AttachException e) {
      throw new CniException(
          CniException.CONFIGURATION, "Failed to detach", String.valueOf(e.getMessage()));
    }
    String netns = environment.getOrDefault("CNI_NETNS", "");
    // If it is gone, so is everything in it.
    if (netns.isEmpty() || !goInto(netns)) {
      return;
    }
    try (Attacher there = new Attacher()) {
      detach(there, which);
    } catch (AttachException e) {
      throw new CniException(
          CniException.CONFIGURATION, "Failed to detach", String.valueOf(e.getMessage()));
    }
  }

  private static void detach(Attacher attacher, java.util.function.Predicate<Description> which)
      throws AttachException {
    for (Attachment attachment : attacher.attachments()) {
      if (attachment.about().filter(about -> about.tool().equals(TOOL)).filter(which).isPresent()) {
        try {
          attacher.detach(attachment);
        } catch (GoneException e) {
          // Another DEL or GC was faster, or the interface went meanwhile.
        }
      }
    }
  }

  /** Checks that the filter of this configuration is where ADD put it. */
  private void check() throws CniException {
    String text = input();
    if (text.isEmpty()) {
      return;
    }
    NetworkConfig config = NetworkConfig.parse(text);
    version = config.version();
    config.requireFilter();
    NetworkConfig.Target target = config.target();
    Subject wanted = config.subject();
    Optional<Direction> direction = config.direction();
    try (Attacher attacher = enter(target)) {
      Optional<Link> link = attacher.linkNamed(target.ifname());
      if (link.isEmpty()) {
        throw new CniException(CniException.NOT_AS_ADDED, "Failed to retrieve ifindex");
      }
      List<Attachment> found =
          attacher.attachments(link.get()).stream()
              .filter(a -> direction.equals(Optional.of(a.direction())))
              .filter(a -> isOf(a, key(config.network())))
              .toList();
      if (found.isEmpty()) {
        throw new CniException(
            CniException.NOT_AS_ADDED,
            "filter is not attached",
            "%s: expected %s".formatted(target.ifname(), wanted));
      }
      if (found.stream().noneMatch(a -> isFilter(a, wanted))) {
        throw new CniException(
            CniException.NOT_AS_ADDED,
            "another filter is attached",
            "%s: %s: expected %s"
                .formatted(
                    target.ifname(),
                    found.get(0).about().map(Description::subject).orElse(""),
                    wanted));
      }
    } catch (AttachException e) {
      throw failed(e);
    }
  }

  private static void status() throws CniException {
    for (Feature feature : Feature.values()) {
      Optional<String> missing = feature.missing();
      if (feature.required() && missing.isPresent()) {
        throw new CniException(
            CniException.NOT_AVAILABLE, "cannot " + feature.purpose(), missing.get());
      }
    }
  }

  private void versions() throws CniException {
    String text = input();
    Optional<String> asked =
        text.isBlank() ? Optional.empty() : NetworkConfig.parse(text).json().text("cniVersion");
    print(Json.Obj.of("cniVersion", asked.orElse(NEWEST), "supportedVersions", VERSIONS));
  }
}
