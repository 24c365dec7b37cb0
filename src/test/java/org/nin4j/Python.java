package org.nin4j;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;
import org.nin4j.text.Text;

/**
 * A Python with others' programs, that judge files: {@code $NIN4J_PYTHON}, else {@code python3}.
 */
public final class Python {
  private static final String NAME =
      Optional.ofNullable(System.getenv("NIN4J_PYTHON")).orElse("python3");

  private Python() {}

  /** Skips the test, with a printed reason, where such modules cannot be imported. */
  public static void require(String... modules) throws InterruptedException {
    int code;
    try {
      code =
          new ProcessBuilder(NAME, "-c", "import " + String.join(", ", modules))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor();
    } catch (IOException e) {
      code = -1;
    }
    if (code != 0) {
      String reason =
          Text.of(
              "%s has no %s; $NIN4J_PYTHON names another interpreter",
              NAME, String.join(" or ", modules));
      System.out.println("skipped: " + reason);
      Assumptions.abort(reason);
    }
  }

  /**
   * Runs a script that lies beside a class, and gives the lines that it printed.
   *
   * @param folder for the script and what it prints
   */
  public static List<String> run(Class<?> beside, String script, Path folder, List<String> more)
      throws IOException, InterruptedException {
    Path copy = folder.resolve(script);
    Files.write(copy, beside.getResourceAsStream(script).readAllBytes());
    List<String> command = new ArrayList<>(List.of(NAME, copy.toString()));
    command.addAll(more);
    Path out = folder.resolve(script + ".out");
    Path err = folder.resolve(script + ".err");
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    Assertions.assertTrue(process.waitFor(5, TimeUnit.MINUTES), "Python takes too long");
    Assertions.assertEquals(
        0, process.exitValue(), () -> "the script's exit code; it said: " + text(out) + text(err));
    return Files.readAllLines(out);
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
