package io.plumbline.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.plumbline.loader.kernel.KernelEngine;
import io.plumbline.loader.kernel.ObjectSource;
import io.plumbline.model.catalog.ProgramCatalog;
import io.plumbline.model.engine.Runner;
import io.plumbline.model.engine.Subject;
import io.plumbline.model.packet.Packet;
import io.plumbline.model.program.ProgramSpec;
import io.plumbline.pcaps.PacketText;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * bpftool, run on the very program that the kernel engine loaded, says what the kernel engine says.
 */
@Tag("kernel")
class SecondOpinionTest {
  private static final Pattern ID =
      Pattern.compile("(\\d+): sched_cls  name block_port  tag ([0-9a-f]{16})");

  @BeforeEach
  void kernelIsThere() {
    KernelNeeded.orSkip();
  }

  static String bpftool(String... arguments) throws IOException, InterruptedException {
    String[] command = new String[arguments.length + 1];
    command[0] = Files.exists(Path.of("/usr/sbin/bpftool")) ? "/usr/sbin/bpftool" : "bpftool";
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return output;
  }

  private static Set<String> listed() throws IOException, InterruptedException {
    return ID.matcher(bpftool("prog", "show", "name", "block_port"))
        .results()
        .map(found -> found.group(1))
        .collect(Collectors.toSet());
  }

  @Test
  void bpftoolAgrees(@TempDir Path folder) throws Exception {
    ProgramSpec program = ProgramCatalog.find("block_port").orElseThrow();
    Subject subject = new Subject.Standalone(program, program.grammar().parse("443"));
    // Others of this name may be loaded on the machine, with another port and another way out.
    Set<String> others = listed();
    try (Runner runner = new KernelEngine(ObjectSource.builtIn()).load(subject)) {
      Set<String> ours = listed();
      ours.removeAll(others);
      assertThat(ours).as("the loaded program is listed").hasSize(1);
      String id = ours.iterator().next();
      for (String text :
          new String[] {"eth ipv4(192.0.2.1) tcp(1,443)", "eth ipv4(192.0.2.1) tcp(1,80)"}) {
        Packet packet = PacketText.parse(text);
        Path in = Files.write(folder.resolve("in"), packet.bytes());
        String said = bpftool("prog", "run", "id", id, "data_in", in.toString());
        String expected = runner.run(packet).toString().equals("TC_ACT_SHOT") ? "2" : "0";
        assertThat(said).contains("Return value: " + expected + ",");
      }
    }
  }
}
