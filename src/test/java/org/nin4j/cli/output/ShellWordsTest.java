package org.nin4j.cli.output;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class ShellWordsTest {
  private static final String CHARACTERS = "ab0 '\"\\$`!*?[]{}()<>|&;#~=%-+:,./\t";

  @Test
  void plainWordsStayAsTheyAre() {
    assertEquals("runs/20261126-001108-nin-2", ShellWords.quote("runs/20261126-001108-nin-2"));
    assertEquals("'a b'", ShellWords.quote("a b"));
    assertEquals("'it'\\''s'", ShellWords.quote("it's"));
    assertEquals("''", ShellWords.quote(""));
  }

  /** By the examples in Microsoft's documentation of CommandLineToArgvW. */
  @Test
  void windowsHasRulesOfItsOwn() {
    assertEquals("C:\\runs\\nin-2", ShellWords.quoteForWindows("C:\\runs\\nin-2"));
    assertEquals("\"a b\\\\\"", ShellWords.quoteForWindows("a b\\"));
    assertEquals("\"a\\\\\\\"b\"", ShellWords.quoteForWindows("a\\\"b"));
    assertEquals("\"it's\"", ShellWords.quoteForWindows("it's"));
    assertEquals("\"a,b=c\"", ShellWords.quoteForWindows("a,b=c"));
    assertEquals("\"\"", ShellWords.quoteForWindows(""));
  }

  @Test
  void bashReadsEveryWordAsItWas() throws IOException, InterruptedException {
    long seed = System.nanoTime();
    System.out.println("ShellWordsTest: seed " + seed);
    Random random = new Random(seed);
    List<String> words = new ArrayList<>(List.of("~", "!!", "-n", "$HOME", "a\\"));
    for (int i = 0; i < 200; i++) {
      words.add(
          random
              .ints(random.nextInt(8), 0, CHARACTERS.length())
              .mapToObj(c -> CHARACTERS.substring(c, c + 1))
              .collect(Collectors.joining()));
    }
    String line = words.stream().map(ShellWords::quote).collect(Collectors.joining(" "));
    Process bash =
        new ProcessBuilder("bash", "-c", "printf '%s\\n' " + line)
            .redirectErrorStream(true)
            .start();
    String answer = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, bash.waitFor(), answer);
    assertEquals(String.join("\n", words) + "\n", answer);
  }
}
