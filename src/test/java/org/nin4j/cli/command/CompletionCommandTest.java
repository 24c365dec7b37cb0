package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.cli.Shell;
import org.nin4j.text.Text;

class CompletionCommandTest {
  @TempDir private Path folder;

  /** Bash itself completes a command and an option. */
  @Test
  void bashCompletes() throws IOException, InterruptedException {
    Shell.Outcome outcome = new Shell(folder).run("completion");
    assertEquals(0, outcome.code());
    Path script = folder.resolve("nin.bash");
    Files.write(script, outcome.out());
    assertEquals("train", completed(script, "nin", "tra"));
    assertEquals("--label-smoothing", completed(script, "nin", "train", "--label-s"));
  }

  private String completed(Path script, String... words) throws IOException, InterruptedException {
    String line = String.join(" ", words);
    String commands =
        Text.of(
            "source %s; COMP_WORDS=(%s); COMP_CWORD=%d; COMP_LINE='%s'; COMP_POINT=%d; _complete_nin; echo \"${COMPREPLY[@]}\"",
            script, line, words.length - 1, line, line.length());
    Process process =
        new ProcessBuilder("bash", "-c", commands)
            // Where no key was pressed, compopt says so.
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .redirectOutput(folder.resolve("out").toFile())
            .start();
    assertEquals(0, process.waitFor());
    String answer = Files.readString(folder.resolve("out")).strip();
    assertTrue(!answer.isEmpty(), "nothing was completed");
    return answer;
  }
}
