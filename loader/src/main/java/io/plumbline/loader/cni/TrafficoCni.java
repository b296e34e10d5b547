package io.plumbline.loader.cni;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.plumbline.loader.attach.AttachException;
import io.plumbline.loader.attach.Attacher;
import io.plumbline.loader.attach.Attachment;
import io.plumbline.loader.attach.Backend;
import io.plumbline.loader.attach.CounterLines;
import io.plumbline.loader.attach.Description;
import io.plumbline.loader.attach.Feature;
import io.plumbline.loader.attach.GoneException;
import io.plumbline.loader.attach.HookOrder;
import io.plumbline.loader.attach.Order;
import io.plumbline.loader.json.Json;
import io.plumbline.loader.json.JsonText;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.loader.netlink.Link;
import io.plumbline.loader.netlink.NetlinkException;
import io.plumbline.loader.netlink.NetworkNamespace;
import io.plumbline.loader.process.CommandProcess;
import io.plumbline.loader.process.Stop;
import io.plumbline.loader.process.User;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.policy.Direction;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** CNI plugin: one command from the environment, the configuration on standard input. */
public final class TrafficoCni {
  private static final int FAILED = 255;
  private static final int MAX_INPUT = 16 << 20;
  private static final String TOOL = "traffico-cni";

  private final Map<String, String> environment;
  private final InputStream in;
  private final PrintStream out;
  private final PrintStream err;
  private String version = "1.0.0";

  private TrafficoCni(
      Map<String, String> environment, InputStream in, PrintStream out, PrintStream err) {
    this.environment = environment;
    this.in = in;
    this.out = out;
    this.err = err;
  }

  /** Runs the command and ends the process. */
  public static void main(String[] args) {
    CommandProcess.begin("traffico-cni", false);
    PrintStream out = stream(FileDescriptor.out);
    PrintStream err = stream(FileDescriptor.err);
    int status = run(System.getenv(), System.in, out, err);
    err.flush();
    Stop.exit(out.checkError() ? FAILED : status);
  }

  private static PrintStream stream(FileDescriptor fd) {
    return new PrintStream(new FileOutputStream(fd), false, UTF_8);
  }

  /**
   * Runs the command and returns its exit status.
   *
   * @param err gets warnings; errors are part of the output
   */
  public static int run(
      Map<String, String> environment, InputStream in, PrintStream out, PrintStream err) {
    return new TrafficoCni(environment, in, out, err).run();
  }

  private int run() {
    try {
      return command();
    } catch (CniException e) {
      return failed(e);
    } catch (OutOfMemoryError e) {
      return failed(new CniException(CniException.IO, "out of memory"));
    }
  }

  private int command() throws CniException {
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
  }

  private int failed(CniException e) {
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

  private void print(Json json) {
    out.print(JsonText.pretty(json) + "\n");
  }

  /** Reads standard input up to its end; empty if it has nothing. */
  private Optional<String> input() throws CniException {
    try {
      byte[] bytes = in.readNBytes(MAX_INPUT + 1);
      if (bytes.length > MAX_INPUT) {
        throw new CniException(
            CniException.IO,
            "Error reading stdin",
            "expected at most %d bytes".formatted(MAX_INPUT));
      }
      if (bytes.length == 0) {
        return Optional.empty();
      }
      String text = UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      int zero = text.indexOf('\0');
      return Optional.of(zero < 0 ? text : text.substring(0, zero));
    } catch (CharacterCodingException e) {
      throw new CniException(CniException.DECODE, "Error parsing JSON", "expected UTF-8");
    } catch (IOException e) {
      throw new CniException(CniException.IO, "Error reading stdin");
    }
  }

  private String requiredInput() throws CniException {
    return input().orElseThrow(() -> new CniException(CniException.IO, "Error reading stdin"));
  }

  private NetworkConfig config(String text) throws CniException {
    NetworkConfig config = NetworkConfig.parse(text);
    version = config.version();
    config.requireKnown();
    return config;
  }

  /** Returns the configuration of one container's filter. */
  private NetworkConfig filter(String text) throws CniException {
    NetworkConfig config = config(text);
    config.requireFilter();
    requireContainer(config.dropIn());
    return config;
  }

  /** Requires the id of a container; DEL would not find a filter that was added without one. */
  private void requireContainer(boolean maybeMissing) throws CniException {
    if (!NetworkConfig.isName(container()) && !(maybeMissing && container().isEmpty())) {
      throw new CniException(
          CniException.ENVIRONMENT,
          "invalid CNI_CONTAINERID",
          "CNI_CONTAINERID: '%s': expected %s".formatted(container(), NetworkConfig.NAME));
    }
  }

  private void add() throws CniException {
    NetworkConfig config = filter(requiredInput());
    Target target = config.target(environment);
    try (Attacher attacher = enter(target, config)) {
      Link link = link(attacher, target, CniException.CONFIGURATION);
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
      Attacher.Request request =
          new Attacher.Request(
              new Attacher.What.OfSubject(subject, ObjectSource.builtIn()),
              link,
              direction,
              backend(target, config),
              Order.EARLIEST,
              new Description(
                  TOOL,
                  subject.toString(),
                  key(config.network()),
                  User.name(),
                  ProcessHandle.current().pid(),
                  Instant.now(),
                  true,
                  false,
                  false,
                  CounterLines.of(subject)));
      attach(attacher, request, subject);
    } catch (AttachException e) {
      throw failed(e);
    }
    print(config.previousResult());
  }

  private static Link link(Attacher attacher, Target target, int code)
      throws AttachException, CniException {
    Optional<Link> link = attacher.linkNamed(target.ifname());
    if (link.isEmpty()) {
      throw new CniException(code, "Failed to retrieve ifindex", target.toString());
    }
    return link.get();
  }

  /**
   * Returns the backend to use: the one that survives moving the interface to another network
   * namespace; but a filter that the original would have made is where {@code tc filter show} and
   * its users expect it.
   */
  private static Optional<Backend> backend(Target target, NetworkConfig config) {
    boolean original = config.dropIn() && target.sandbox().isEmpty();
    return original && !Feature.CLSACT.switchedOff()
        ? Optional.of(Backend.CLSACT)
        : Optional.empty();
  }

  /** Attaches a filter; a runtime that repeats ADD gets one, but a list may have two plugins. */
  private void attach(Attacher attacher, Attacher.Request request, Subject subject)
      throws AttachException {
    Attacher.Selector same =
        onHook ->
            onHook.stream()
                .filter(a -> isOf(a, request.about().source()) && isFilter(a, subject))
                .findFirst();
    try (Attacher.Placed placed = attacher.attachOrReplace(request, same, false)) {
      if (!placed.note().isEmpty()) {
        warn(
            "%s: clsact filter, which is lost when the interface moves to another network namespace: %s"
                .formatted(request.link().name(), placed.note()));
      }
      attacher.bypasses(placed.attachment()).forEach(bypass -> warn(bypass.text()));
    }
  }

  private void warn(String text) {
    err.printf("%s: warning: %s%n", TOOL, text);
  }

  /** Returns the source in the description of this container's filters. */
  private String key(String network) {
    return NetworkConfig.key(network, container(), ifname());
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
   * Goes into the network namespace of an interface. A container whose namespace is gone has no
   * interface, and one of that name on the host is another one; only the original, which looks at
   * no namespace, would take it.
   */
  private Attacher enter(Target target, NetworkConfig config) throws CniException, AttachException {
    String netns = environment.getOrDefault("CNI_NETNS", "");
    boolean original = config.dropIn() || config.takesFirst();
    if (!netns.isEmpty() && !original && !Files.exists(Path.of(netns))) {
      throw unreachable(target, netns);
    }
    if (!target.sandbox().isEmpty() && !goInto(target.sandbox())) {
      throw unreachable(target, target.sandbox());
    }
    return new Attacher();
  }

  private static CniException unreachable(Target target, String namespace) {
    return new CniException(
        CniException.CONFIGURATION,
        "Failed to retrieve ifindex",
        "%s: network namespace %s cannot be entered".formatted(target.ifname(), namespace));
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
    requireContainer(true);
    if (container().isEmpty()) {
      return;
    }
    String end = " %s %s".formatted(NetworkConfig.word(container()), NetworkConfig.word(ifname()));
    everywhere(about -> about.source().startsWith("cni ") && about.source().endsWith(end));
  }

  /** Removes what belongs to this network and to no container that the runtime still knows. */
  private void collect() throws CniException {
    NetworkConfig config = config(requiredInput());
    Set<String> valid = config.validAttachments();
    String beginning = "cni " + NetworkConfig.word(config.network()) + " ";
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
    Optional<String> text = input();
    if (text.isEmpty()) {
      return;
    }
    NetworkConfig config = filter(text.get());
    Target target = config.target(environment);
    Subject wanted = config.subject();
    Optional<Direction> direction = config.direction();
    try (Attacher attacher = enter(target, config)) {
      Link link = link(attacher, target, CniException.NOT_AS_ADDED);
      List<Attachment> found =
          attacher.readable(link).stream()
              .filter(a -> direction.equals(Optional.of(a.direction())))
              .filter(a -> isOf(a, key(config.network())))
              .toList();
      if (found.isEmpty()) {
        throw new CniException(
            CniException.NOT_AS_ADDED,
            "filter is not attached",
            "%s: expected %s".formatted(target.ifname(), wanted));
      }
      Optional<Attachment> filter = found.stream().filter(a -> isFilter(a, wanted)).findFirst();
      if (filter.isEmpty()) {
        throw new CniException(
            CniException.NOT_AS_ADDED,
            "another filter is attached",
            "%s: %s: expected %s"
                .formatted(
                    target.ifname(),
                    found.get(0).about().map(Description::subject).orElse(""),
                    wanted));
      }
      for (HookOrder.Bypass bypass : attacher.bypasses(filter.get())) {
        if (bypass.hidesPackets()) {
          throw new CniException(
              CniException.NOT_AS_ADDED, "packets may not reach the filter", bypass.text());
        }
        warn(bypass.text());
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
    Optional<String> text = input().filter(given -> !given.isBlank());
    List<String> versions = NetworkConfig.VERSIONS;
    String newest = versions.get(versions.size() - 1);
    String asked =
        text.isEmpty()
            ? newest
            : NetworkConfig.parse(text.get()).json().text("cniVersion").orElse(newest);
    print(Json.Obj.of("cniVersion", asked, "supportedVersions", versions));
  }
}
