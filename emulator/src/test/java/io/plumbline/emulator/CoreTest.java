package io.plumbline.emulator;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.emulator.object.BpfObject;
import io.plumbline.emulator.object.Btf;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Relocation by types, between two objects that a compiler makes of one structure in two shapes.
 */
class CoreTest {
  private static final String PROGRAM =
      """
      #define core __attribute__((preserve_access_index))
      struct inner { int a; int b; } core;
      struct thing { %s } core;
      struct only_here { int x; } core;
      __attribute__((section("tc"), used)) long f(struct thing *t)
      {
        long r = t->wanted + t->in.b;
        if (__builtin_preserve_field_info(((struct only_here *)t)->x, 2)) r += 1000;
        r += __builtin_preserve_field_info(t->bits, 0) + __builtin_preserve_field_info(t->wanted, 1);
        return r + __builtin_preserve_type_info(*(struct thing *)0, 1);
      }
      """;

  @TempDir Path folder;

  @BeforeEach
  void clangIsThere() {
    Clang.orSkip();
  }

  private byte[] compile(String name, String members) throws Exception {
    return Clang.compile(folder, name, PROGRAM.formatted(members));
  }

  private static List<String> text(BpfObject object) {
    return object.programs().get(0).insns().stream().map(Object::toString).toList();
  }

  @Test
  void fieldsAreWhereTheTargetHasThem() throws Exception {
    byte[] here = compile("here", "int wanted; struct inner in; int bits : 3;");
    byte[] there =
        compile("there", "long first; struct inner in; char gap[64]; int wanted; int bits : 3;");
    Btf target = BpfObject.read(there).btf();
    BpfObject.Options options = new BpfObject.Options(Map.of(), Optional.of(target));
    // The same source compiled for the target's types is what relocation has to give.
    assertThat(loads(text(BpfObject.read(here, options))))
        .isEqualTo(loads(text(BpfObject.read(there, options))))
        .isNotEqualTo(loads(text(BpfObject.read(here))));
  }

  private static List<String> loads(List<String> text) {
    return text.stream()
        .filter(line -> line.contains("= *(") || line.matches("r\\d = \\d+"))
        .toList();
  }
}
