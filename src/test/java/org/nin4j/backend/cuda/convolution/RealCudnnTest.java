package org.nin4j.backend.cuda.convolution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.standin.StandIn;

/**
 * The real cuDNN and NVRTC, where they are installed, asked for GPUs that are described to them: in
 * {@code target/cuda-libs}, where {@code make cuda-libs} puts them, or in {@code NIN4J_CUDA_LIBS}.
 * With {@code -Dreal.cudnn.table=FILE} every plan is compiled that the backend would try, which
 * takes minutes, and the tables are written there; with {@code -Dreal.cudnn.rows=REGEX} of those
 * convolutions and batch norms alone.
 */
class RealCudnnTest {
  private static final Path ROOT = Path.of(System.getProperty("basedir", "")).toAbsolutePath();

  private static final String ROWS = System.getProperty("real.cudnn.rows", "");

  @TempDir private Path folder;

  @Test
  void convolutionsAndNormsHaveEnginesAndEveryKernelCompiles() throws IOException {
    Optional<Path> libraries = libraries();
    if (libraries.isEmpty()) {
      String reason = "no cuDNN in target/cuda-libs (make cuda-libs) or NIN4J_CUDA_LIBS";
      System.out.println("skipped: " + reason);
      Assumptions.abort(reason);
    }
    StandIn.assumeAvailable();
    // Of the stand-in only the driver.
    Path driver = Files.createDirectory(folder.resolve("driver"));
    Files.copy(StandIn.libraries().resolve("libcuda.so.1"), driver.resolve("libcuda.so.1"));
    Optional<Path> table =
        Optional.ofNullable(System.getProperty("real.cudnn.table")).map(Path::of);
    String output = ask(libraries.get(), driver, table.isPresent() ? "all" : "some");
    List<String> lines = output.lines().toList();
    assertEquals(List.of(), lines.stream().filter(line -> line.startsWith("WRONG")).toList());
    assertEquals("done", lines.get(lines.size() - 1), output);
    long rows = lines.stream().filter(line -> line.startsWith("| ")).count();
    assertTrue(rows > (ROWS.isEmpty() ? 400 : 5), rows + " rows");
    if (table.isPresent()) {
      List<String> kept =
          lines.stream().filter(l -> !l.equals("done") && !l.startsWith("stand-in")).toList();
      Files.write(table.get(), kept);
    }
  }

  private String ask(Path libraries, Path driver, String how) throws IOException {
    Path output = folder.resolve("output");
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx512m",
            "-Dkernels=" + ROOT.resolve("src/main/cuda"),
            "-Dcubins=" + folder.resolve("cubins"),
            "-Drows=" + ROWS,
            "-cp",
            System.getProperty("java.class.path"),
            RealCudnnMain.class.getName(),
            libraries.toString(),
            driver.toString(),
            how);
    builder.environment().put("NIN4J_CACHE", folder.resolve("cache").toString());
    builder.environment().remove("LD_LIBRARY_PATH");
    builder.redirectErrorStream(true).redirectOutput(output.toFile());
    Process process = builder.start();
    try {
      int exit = process.waitFor();
      String text = Files.readString(output, StandardCharsets.UTF_8);
      assertEquals(0, exit, text);
      return text;
    } catch (InterruptedException e) {
      process.destroyForcibly();
      throw new IllegalStateException(e);
    }
  }

  private static Optional<Path> libraries() throws IOException {
    Optional<Path> set = Optional.ofNullable(System.getenv("NIN4J_CUDA_LIBS")).map(Path::of);
    Path installed = ROOT.resolve("target/cuda-libs/lib");
    if (set.isPresent() || !Files.isDirectory(installed)) {
      return set;
    }
    try (Stream<Path> pythons = Files.list(installed)) {
      return pythons
          .map(python -> python.resolve("site-packages"))
          .filter(packages -> Files.isDirectory(packages.resolve("nvidia/cudnn")))
          .findFirst();
    }
  }
}
