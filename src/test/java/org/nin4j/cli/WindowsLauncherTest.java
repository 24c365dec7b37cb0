package org.nin4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Whether nin.cmd, which no test runs, says what nin does. */
class WindowsLauncherTest {
  /** Of glibc, GNU's OpenMP, locales and terminals as Unix has them. */
  private static final Set<String> UNIX_ALONE =
      Set.of("GLIBC_TUNABLES", "GOMP_SPINCOUNT", "GOMP_CPU_AFFINITY", "LC_ALL", "COLUMNS");

  /** Java on Windows takes a file for a terminal without it. */
  private static final String WINDOWS_ALONE = "-Djdk.console=java.base";

  private static final Pattern VARIABLE = Pattern.compile("\\b[A-Z]{2,}(_[A-Z]+)+\\b");
  private static final Pattern FLAG =
      Pattern.compile("(?<![A-Za-z0-9-])-(X|D|-)[A-Za-z0-9.:+=_-]+");
  private static final Pattern LABEL = Pattern.compile("(?:goto |call :)([a-z_]+)");

  private static String read(String file) throws IOException {
    return Files.readString(Path.of(file), StandardCharsets.UTF_8);
  }

  /** Without comments. */
  private static String code(String file, String comment) throws IOException {
    return read(file)
        .lines()
        .map(String::strip)
        .filter(line -> !line.startsWith(comment))
        .collect(Collectors.joining("\n"));
  }

  /** But for the part on Spark, which Windows does without. */
  private static String unix() throws IOException {
    String all = code("nin", "#");
    int begin = all.indexOf("if [[ ${1:-} == spark-submit ]]; then");
    String last = "exec \"${start[@]}\"\nfi\n";
    int end = all.indexOf(last, begin) + last.length();
    assertTrue(0 < begin && begin + last.length() < end, "the part on Spark looks otherwise");
    return all.substring(0, begin) + all.substring(end);
  }

  private static String windows() throws IOException {
    return code("nin.cmd", "rem ");
  }

  private static Set<String> all(Pattern pattern, String text) {
    Set<String> all = new TreeSet<>();
    Matcher matcher = pattern.matcher(text);
    while (matcher.find()) {
      all.add(matcher.group(matcher.groupCount() > 0 && pattern == LABEL ? 1 : 0));
    }
    return all;
  }

  /** The flags for Java, but for -cp and what names the command. */
  private static Set<String> flags(String text) {
    Set<String> flags = all(FLAG, text);
    flags.removeIf(f -> f.startsWith("-Dnin4j.command") || f.startsWith("--threads"));
    // Maven's.
    flags.remove("-DskipTests");
    return flags;
  }

  @Test
  void javaGetsTheSameFlags() throws IOException {
    Set<String> expected = new TreeSet<>(flags(unix()));
    assertTrue(expected.contains("--sun-misc-unsafe-memory-access=allow"), expected::toString);
    assertTrue(expected.contains("-XX:+UseSerialGC"), expected::toString);
    expected.add(WINDOWS_ALONE);
    assertEquals(expected, flags(windows()));
  }

  @Test
  void theSameVariablesCount() throws IOException {
    Set<String> expected = new TreeSet<>(all(VARIABLE, unix()));
    assertTrue(expected.contains("OMP_NUM_THREADS"), expected::toString);
    assertTrue(expected.contains("NIN_JAVA_FLAGS"), expected::toString);
    expected.removeAll(UNIX_ALONE);
    // The shell's own, and what Java's file "release" holds.
    Set<String> ofUnix = Set.of("BASH_SOURCE", "_NPROCESSORS_ONLN", "ANSI_X3");
    expected.removeIf(name -> ofUnix.stream().anyMatch(name::startsWith));
    Set<String> found = new TreeSet<>(all(VARIABLE, windows()));
    found.remove("NUMBER_OF_PROCESSORS");
    assertEquals(expected, found);
  }

  @Test
  void bothStartTheSameProgramFromTheSameJars() throws IOException {
    for (String text : new String[] {unix(), windows().replace('\\', '/')}) {
      assertTrue(text.contains("org.nin4j.cli.Main"));
      for (String part :
          new String[] {"target/nin4j.jar", "target/lib", "lib/nin4j.jar", "runtime/bin/java"}) {
        assertTrue(text.contains(part), part);
      }
      assertTrue(text.contains("mvn -q -B -ntp -DskipTests package"));
      assertTrue(text.contains("--threads"));
      assertTrue(text.contains("it must be built, and mvn is not on the PATH"));
      assertTrue(text.contains("the build failed; its output is above"));
      assertTrue(text.contains(" is left aside: oneDNN needs all its threads, on all cores"));
    }
  }

  /** The rest of what a look can tell: labels that exist, closed blocks, plain ASCII. */
  @Test
  void itIsWellFormed() throws IOException {
    String text = windows();
    Set<String> labels = new TreeSet<>();
    text.lines().filter(l -> l.startsWith(":")).forEach(l -> labels.add(l.substring(1)));
    assertEquals(labels, all(LABEL, text));
    assertEquals(
        text.lines().filter(l -> l.endsWith("(")).count(),
        text.lines().filter(l -> l.equals(")")).count());
    assertTrue(text.chars().allMatch(c -> c == '\n' || c >= ' ' && c < 127));
    assertTrue(
        text.lines()
            .allMatch(
                l ->
                    l.chars().filter(c -> c == '"').count() % 2 == 0
                        || l.startsWith("for /f tokens^=")),
        "quotes");
    // cmd loses labels in files whose lines end as on Unix; Git sees to it in every clone.
    assertTrue(read(".gitattributes").contains("*.cmd text eol=crlf"));
  }
}
