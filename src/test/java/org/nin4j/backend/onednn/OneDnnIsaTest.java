package org.nin4j.backend.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A processor without bf16, as oneDNN sees it when told so before it is loaded. */
class OneDnnIsaTest {
  @Test
  void bf16IsRefusedInWordsAndSinglePrecisionComputes() throws Exception {
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    ProcessBuilder builder =
        new ProcessBuilder(
            java.toString(), "-cp", System.getProperty("java.class.path"), IsaMain.class.getName());
    builder.environment().put("ONEDNN_MAX_CPU_ISA", "AVX2");
    Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    List<String> lines =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .toList();
    assertEquals(0, process.waitFor());
    assertEquals("computes in bf16: false", lines.get(0));
    assertTrue(
        lines.get(1).matches("this processor has no bf16 instructions \\(.*\\); use fp32"),
        lines.get(1));
    assertEquals("trained in fp32 as the reference does", lines.get(2));
  }
}
