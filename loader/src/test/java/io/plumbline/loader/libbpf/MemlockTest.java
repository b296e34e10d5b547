package io.plumbline.loader.libbpf;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which kernels charge BPF memory to the limit of locked memory. */
class MemlockTest {
  @ParameterizedTest
  @CsvSource({
    "4.19.0, true",
    "5.10.0-32-cloud-amd64, true",
    "5.11.0, false",
    "5.17.0-rc1, false",
    "6.1.0-50-cloud-amd64, false",
    "10.0.1, false",
    "unknown, false"
  })
  void onlyKernelsBefore511Charge(String release, boolean charged) {
    assertThat(Memlock.isCharged(release)).isEqualTo(charged);
  }
}
