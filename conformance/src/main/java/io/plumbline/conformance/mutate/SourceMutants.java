package io.plumbline.conformance.mutate;

import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.MapSpec;
import io.plumbline.emulator.object.ObjectException;
import io.plumbline.model.hook.Hook;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** C sources in which one thing is another, and the objects that the compiler makes of them. */
public final class SourceMutants {
  private static final Pattern TOKEN =
      Pattern.compile(
          "(?<blank>\\s+|/\\*[\\s\\S]*?\\*/|//[^\\n]*|\"(?:\\\\.|[^\"\\\\])*\""
              + "|#define\\s+\\w+(?:\\([^)]*\\))?|#\\w+[^\\n]*)"
              + "|(?<number>0[xX][0-9A-Fa-f]+|\\d+)|(?<word>[A-Za-z_]\\w*)"
              + "|(?<operator>->|\\+\\+|--|<<=?|>>=?|[-+*/%&|^<>=!]=|&&|\\|\\||.)");

  private static final Pattern INCLUDE = Pattern.compile("(?m)^#include \"(\\w+\\.h)\"");

  /** A statement on a line of its own that is neither a declaration nor a return. */
  private static final Pattern STATEMENT =
      Pattern.compile(
          "(?m)^(\\t+)((?!return\\b|const\\b|struct\\b|enum\\b|bool\\b|int\\b|char\\b|__)[^\\s#/].*;)$");

  /** What an operator between two operands may become. */
  private static final Map<String, List<String>> OPERATORS =
      Map.ofEntries(
          Map.entry("<", List.of("<=", ">=")),
          Map.entry("<=", List.of("<", ">")),
          Map.entry(">", List.of(">=", "<=")),
          Map.entry(">=", List.of(">", "<")),
          Map.entry("==", List.of("!=")),
          Map.entry("!=", List.of("==")),
          Map.entry("&&", List.of("||")),
          Map.entry("||", List.of("&&")),
          Map.entry("<<", List.of(">>")),
          Map.entry(">>", List.of("<<")),
          Map.entry("+", List.of("-")),
          Map.entry("-", List.of("+")),
          Map.entry("&", List.of("|")),
          Map.entry("|", List.of("&")),
          Map.entry("+=", List.of("-=")),
          Map.entry("-=", List.of("+=")),
          Map.entry("&=", List.of("|=")),
          Map.entry("|=", List.of("&=")));

  private static final Map<String, String> WORDS = words();

  private static Map<String, String> words() {
    Map<String, String> words =
        new HashMap<>(Map.of("true", "false", "false", "true", "ACCEPT", "DROP", "DROP", "ACCEPT"));
    for (Hook hook : Hook.all()) {
      words.put(hook.verdictName(hook.accept()), hook.verdictName(hook.drop()));
      words.put(hook.verdictName(hook.drop()), hook.verdictName(hook.accept()));
    }
    return Map.copyOf(words);
  }

  private static final Set<String> BEFORE_AN_OPERAND = Set.of("return", "case", "if", "while");

  /**
   * One change.
   *
   * @param what the line, and what became of it
   * @param file whose text it is
   */
  public record Mutant(String what, String file, String text) {}

  private final Path folder;
  private final String program;
  private final Hook hook;
  private final Path sources;
  private final List<Mutant> mutants = new ArrayList<>();

  /**
   * Prepares the sources of a program at a hook.
   *
   * @param folder of {@code build.sh} and {@code src}
   */
  public SourceMutants(Path folder, String program, Hook hook) {
    this.folder = folder;
    this.program = program;
    this.hook = hook;
    sources = folder.resolve("src/main/c");
  }

  /** Returns the name of the program. */
  String program() {
    return program;
  }

  /** Returns every change of one thing in a program's file and in those it includes. */
  public List<Mutant> all() throws IOException {
    mutants.clear();
    for (Map.Entry<String, String> file : files().entrySet()) {
      tokens(file.getKey(), file.getValue());
      Matcher statement = STATEMENT.matcher(file.getValue());
      while (statement.find()) {
        change(file.getKey(), file.getValue(), statement.start(2), statement.end(2), ";");
      }
    }
    return List.copyOf(mutants);
  }

  private Map<String, String> files() throws IOException {
    Map<String, String> files = new LinkedHashMap<>();
    List<String> names = new ArrayList<>(List.of(program + ".bpf.c"));
    for (int i = 0; i < names.size(); i++) {
      String text = Files.readString(sources.resolve(names.get(i)));
      files.put(names.get(i), text);
      Matcher include = INCLUDE.matcher(text);
      while (include.find()) {
        if (!names.contains(include.group(1))) {
          names.add(include.group(1));
        }
      }
    }
    return files;
  }

  private void tokens(String file, String text) {
    Matcher token = TOKEN.matcher(text);
    String before = "";
    boolean operand = false; // whether the token before ends an operand
    while (token.find()) {
      if (token.group("blank") != null) {
        continue;
      }
      String now = token.group();
      int start = token.start();
      if (token.group("number") != null) {
        long number = Long.decode(now);
        change(file, text, start, token.end(), Long.toString(number + 1));
        if (number > 0) {
          change(file, text, start, token.end(), Long.toString(number - 1));
        }
      } else if (WORDS.containsKey(now)) {
        change(file, text, start, token.end(), WORDS.getOrDefault(now, now));
      } else if (now.equals("(") && before.equals("if")) {
        int end = closing(text, start);
        String condition = text.substring(start, end);
        change(file, text, start, end, "(1 || " + condition + ")");
        change(file, text, start, end, "(0 && " + condition + ")");
      } else if (now.equals("!") || now.equals("~")) {
        change(file, text, start, token.end(), "");
      } else if (operand) {
        for (String other : OPERATORS.getOrDefault(now, List.of())) {
          change(file, text, start, token.end(), other);
        }
      }
      operand =
          token.group("number") != null
              || (token.group("word") != null && !BEFORE_AN_OPERAND.contains(now))
              || now.equals(")")
              || now.equals("]");
      before = now;
    }
  }

  /** Returns where the parenthesis that opens at a place is closed. */
  private static int closing(String text, int open) {
    int depth = 0;
    int at = open;
    do {
      char c = text.charAt(at++);
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    } while (depth > 0 && at < text.length());
    return at;
  }

  private void change(String file, String text, int start, int end, String other) {
    int number = (int) text.substring(0, start).lines().count();
    mutants.add(
        new Mutant(
            "%s:%d: %s as %s"
                .formatted(
                    file,
                    text.charAt(start - 1) == '\n' ? number + 1 : number,
                    text.substring(start, end).replaceAll("\\s+", " "),
                    other.isEmpty() ? "nothing" : other.replaceAll("\\s+", " ")),
            file,
            text.substring(0, start) + other + text.substring(end)));
  }

  /** Returns the object that the unchanged sources come to. */
  public byte[] compileUnchanged() throws IOException {
    return compile(Map.of())
        .orElseThrow(
            () ->
                new IOException(
                    "%s: does not compile: expected clang-14, llvm-strip-14 and libbpf's headers"
                        .formatted(sources.resolve(program + ".bpf.c"))));
  }

  /** Returns the object that a mutant comes to; nothing if the compiler refuses it. */
  public Optional<byte[]> compile(Mutant mutant) throws IOException {
    return compile(Map.of(mutant.file(), mutant.text()));
  }

  private Optional<byte[]> compile(Map<String, String> changed) throws IOException {
    Path work = Files.createTempDirectory("plumbline-c");
    try {
      for (Map.Entry<String, String> file : files().entrySet()) {
        Files.writeString(
            work.resolve(file.getKey()), changed.getOrDefault(file.getKey(), file.getValue()));
      }
      Path object = work.toAbsolutePath().resolve("changed.o");
      Process build =
          new ProcessBuilder(
                  folder.resolve("build.sh").toAbsolutePath().toString(),
                  "compile",
                  work.toAbsolutePath().toString(),
                  program,
                  object.toString(),
                  hook.from(2).orElse(hook).name())
              .redirectErrorStream(true)
              .start();
      String said = new String(build.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (build.waitFor() != 0 && said.isEmpty()) {
        throw new IOException("build.sh: ended with " + build.exitValue());
      }
      return Files.exists(object) ? Optional.of(Files.readAllBytes(object)) : Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("build.sh: interrupted", e);
    } finally {
      try (Stream<Path> files = Files.list(work)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(work);
    }
  }

  /** Returns whether two objects have the same instructions and maps. */
  static boolean same(byte[] one, byte[] other) throws ObjectException {
    BpfObject a = BpfObject.read(one);
    BpfObject b = BpfObject.read(other);
    boolean same =
        a.programs().stream()
            .map(BpfObject.Program::insns)
            .toList()
            .equals(b.programs().stream().map(BpfObject.Program::insns).toList());
    same &= a.maps().size() == b.maps().size();
    for (int i = 0; same && i < a.maps().size(); i++) {
      same = same(a.maps().get(i), b.maps().get(i));
    }
    return same;
  }

  private static boolean same(MapSpec a, MapSpec b) {
    boolean inner =
        a.inner().isPresent() && b.inner().isPresent()
            ? same(a.inner().get(), b.inner().get())
            : a.inner().isEmpty() && b.inner().isEmpty();
    return inner
        && a.name().equals(b.name())
        && a.type() == b.type()
        && a.keySize() == b.keySize()
        && a.valueSize() == b.valueSize()
        && a.maxEntries() == b.maxEntries()
        && a.flags() == b.flags()
        && Arrays.equals(a.initial(), b.initial());
  }
}
