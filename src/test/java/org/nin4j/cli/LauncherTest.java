package org.nin4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.cli.output.ShellWords;

/**
 * The launcher in a clone of its own: with a Java that only prints what it was started with, and
 * with the real one.
 */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class LauncherTest {
  /** Not set, whatever the tests were started with. */
  private static final List<String> SETTINGS =
      List.of(
          "JAVA_HOME",
          "LANG",
          "LC_ALL",
          "LC_CTYPE",
          "NIN_JAVA_FLAGS",
          "OMP_NUM_THREADS",
          "OMP_DYNAMIC",
          "OMP_THREAD_LIMIT",
          "OMP_MAX_ACTIVE_LEVELS",
          "OMP_PROC_BIND",
          "OMP_PLACES",
          "GOMP_CPU_AFFINITY",
          "GOMP_SPINCOUNT");

  /** In UTF-8: only the process's own locale decides how Java would write it. */
  private static final String NON_ASCII = "$'it\\'s \\xc3\\xb6'";

  private static final String TRAIN =
      " train --recipe d2l --device reference --precision fp32 --dataset shapes --network nin-mini"
          + " --size 8 --batch 8 --limit 40";

  /** The SHA-256 of nothing. */
  private static final String PINNED =
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

  /** The program without the launcher. */
  private static final String JAVA =
      ShellWords.quote(Path.of(System.getProperty("java.home"), "bin", "java"))
          + " -cp "
          + ShellWords.quote(System.getProperty("java.class.path"))
          + " "
          + Main.class.getName();

  @TempDir private Path folder;

  private Path clone;

  @BeforeEach
  void makeClone() throws IOException {
    clone = Files.createDirectory(folder.resolve("clone"));
    Files.copy(Path.of("nin"), clone.resolve("nin"));
    executable(clone.resolve("nin"));
    Files.writeString(clone.resolve("pom.xml"), "");
    Files.writeString(clone.resolve("dependencies.sha256"), PINNED + "  pinned.jar\n");
    Files.createDirectories(clone.resolve("src/main"));
    Files.createDirectories(clone.resolve("target/lib"));
    Files.writeString(clone.resolve("target/nin4j.jar"), "");
    Path bin = Files.createDirectories(folder.resolve("fake/bin"));
    Files.writeString(bin.resolve("java"), "#!/bin/sh\nenv\nprintf 'argument %s\\n' \"$@\"\n");
    executable(bin.resolve("java"));
  }

  private static void executable(Path file) throws IOException {
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private record Run(int code, List<String> out, List<String> err) {
    @Override
    public String toString() {
      return code + "\n" + String.join("\n", out) + "\n" + String.join("\n", err);
    }
  }

  /** Runs a line in bash, in the test's folder, with these settings and no others. */
  private Run bash(Map<String, String> environment, String line)
      throws IOException, InterruptedException {
    Path err = folder.resolve("err.txt");
    ProcessBuilder builder =
        new ProcessBuilder("bash", "-c", line)
            .directory(folder.toFile())
            .redirectError(err.toFile());
    builder.environment().keySet().removeAll(SETTINGS);
    builder.environment().putAll(environment);
    Process process = builder.start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Run(process.waitFor(), out.lines().toList(), Files.readAllLines(err));
  }

  /** Runs the launcher with the Java that prints. */
  private Run print(Map<String, String> environment, String arguments)
      throws IOException, InterruptedException {
    Map<String, String> all = new HashMap<>(environment);
    all.put("JAVA_HOME", folder.resolve("fake").toString());
    return bash(all, "clone/nin " + arguments);
  }

  private static int cores() {
    return Runtime.getRuntime().availableProcessors();
  }

  @ParameterizedTest
  @CsvSource({
    "--threads 1, 1",
    "--threads=1, 1",
    "--threads x, 0",
    "--threads 1000, 0",
    "--threads, 0",
    "'', 0"
  })
  void openMpGetsTheThreadsUpToTheCores(String arguments, int expected)
      throws IOException, InterruptedException {
    Run run = print(Map.of(), "train " + arguments);
    assertEquals(0, run.code(), run::toString);
    assertTrue(
        run.out().contains("OMP_NUM_THREADS=" + (expected == 0 ? cores() : expected)),
        run::toString);
    assertEquals(List.of(), run.err());
  }

  @Test
  void onesOwnValuesWin() throws IOException, InterruptedException {
    Run run = print(Map.of("OMP_NUM_THREADS", "1", "GOMP_SPINCOUNT", "7"), "train --threads 2");
    assertTrue(run.out().contains("OMP_NUM_THREADS=1"), run::toString);
    assertTrue(run.out().contains("GOMP_SPINCOUNT=7"), run::toString);
  }

  @ParameterizedTest
  @CsvSource({
    "OMP_DYNAMIC, TRUE",
    "OMP_THREAD_LIMIT, 1",
    "OMP_MAX_ACTIVE_LEVELS, 0",
    "OMP_PROC_BIND, close",
    "OMP_PLACES, {0}",
    "GOMP_CPU_AFFINITY, 0"
  })
  void settingsThatHangOrCrawlAreLeftAsideAndSaid(String name, String value)
      throws IOException, InterruptedException {
    Run run = print(Map.of(name, value), "train");
    assertTrue(run.out().stream().noneMatch(l -> l.startsWith(name + "=")), run::toString);
    assertTrue(run.out().contains("OMP_NUM_THREADS=" + cores()), run::toString);
    assertEquals(1, run.err().size(), run::toString);
    assertTrue(run.err().get(0).startsWith("nin: " + name + "=" + value + " is left aside"));
  }

  @Test
  void aLocaleIsSetWhereThereIsNone() throws IOException, InterruptedException {
    Run none = print(Map.of("LC_ALL", "C"), "train");
    assertTrue(none.out().stream().anyMatch(l -> l.matches("LC_ALL=.*\\.UTF-8")), none::toString);
    assertFalse(none.out().contains("LC_ALL=C"), none::toString);
    Run some = print(Map.of("LANG", "C.UTF-8"), "train");
    assertTrue(some.out().stream().noneMatch(l -> l.startsWith("LC_ALL=")), some::toString);
  }

  /** A path of what the launcher calls, without Maven. */
  private String pathWithoutMaven() throws IOException {
    Path bin = Files.createDirectories(folder.resolve("bin"));
    for (String tool : List.of("bash", "env", "dirname", "readlink", "find", "locale", "nproc")) {
      Path script = bin.resolve(tool);
      Files.writeString(script, "#!/bin/sh\nexec /usr/bin/" + tool + " \"$@\"\n");
      executable(script);
    }
    return bin.toString();
  }

  @Test
  void mavenIsAskedForOnlyWhenSomethingMustBeBuilt() throws IOException, InterruptedException {
    Map<String, String> noMaven = Map.of("PATH", pathWithoutMaven());
    Run built = print(noMaven, "train");
    assertEquals(0, built.code(), built::toString);
    assertTrue(built.out().contains("argument org.nin4j.cli.Main"), built::toString);
    Files.delete(clone.resolve("target/nin4j.jar"));
    Run unbuilt = print(noMaven, "train");
    assertEquals(1, unbuilt.code(), unbuilt::toString);
    assertEquals(1, unbuilt.err().size(), unbuilt::toString);
    assertTrue(unbuilt.err().get(0).contains("mvn is not on the PATH"), unbuilt::toString);
  }

  @Test
  void withoutJavaItSaysSo() throws IOException, InterruptedException {
    Run run = bash(Map.of("JAVA_HOME", folder.resolve("none").toString()), "clone/nin train");
    assertEquals(1, run.code());
    assertTrue(run.err().get(0).contains("which JAVA_HOME names"), run::toString);
  }

  /** The clone gets what was compiled, under a name that is neither ASCII nor one word. */
  private Map<String, String> realClone() throws IOException, InterruptedException {
    List<Path> classPath =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .map(Path::of)
            .toList();
    try (OutputStream file = Files.newOutputStream(clone.resolve("target/nin4j.jar"));
        JarOutputStream jar = new JarOutputStream(file)) {
      jar.setLevel(0);
      for (Path entry : classPath) {
        if (Files.isDirectory(entry)) {
          add(entry, jar);
        } else {
          link(entry, clone.resolve("target/lib").resolve(entry.getFileName()));
        }
      }
    }
    assertEquals(0, bash(Map.of(), "mv clone " + NON_ASCII).code());
    return Map.of("JAVA_HOME", System.getProperty("java.home"), "LC_ALL", "C");
  }

  /** Without a copy where both are on one disk. */
  private static void link(Path file, Path name) throws IOException {
    try {
      Files.createLink(name, file);
    } catch (IOException elsewhere) {
      Files.copy(file, name);
    }
  }

  private static void add(Path classes, JarOutputStream jar) throws IOException {
    if (!Files.exists(classes.resolve("org/nin4j/cli/Main.class"))) {
      return;
    }
    try (Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        jar.putNextEntry(new JarEntry(classes.relativize(file).toString()));
        Files.copy(file, jar);
        jar.closeEntry();
      }
    }
  }

  /**
   * No Java has anything to warn of, either. Without a locale, in folders named in UTF-8 with a
   * space and a quote, the launcher's too.
   */
  @Test
  void namesThatAreNotAsciiWorkWithoutALocale() throws IOException, InterruptedException {
    Map<String, String> environment = realClone();
    String inside = "cd " + NON_ASCII + " && ";
    String onCpu = TRAIN.replace("--device reference", "--device cpu");
    Run trained = bash(environment, inside + "./nin" + onCpu + " --epochs 1");
    assertEquals(0, trained.code(), trained::toString);
    assertEquals(List.of(), trained.err());
    ImageIO.write(
        new BufferedImage(28, 28, BufferedImage.TYPE_BYTE_GRAY),
        "png",
        folder.resolve("a.png").toFile());
    Run predicted =
        bash(
            environment,
            "mv a.png "
                + NON_ASCII
                + "/"
                + NON_ASCII
                + ".png; "
                + inside
                + "./nin predict --device reference "
                + NON_ASCII
                + ".png");
    assertEquals(0, predicted.code(), predicted::toString);
    assertTrue(predicted.out().get(3).startsWith("it's ö.png  "), predicted::toString);
    Run data =
        bash(
            environment,
            inside
                + "./nin data --dataset shapes --limit 20 --out "
                + NON_ASCII
                + " && ./nin data --dataset mnist --data "
                + NON_ASCII);
    assertEquals(0, data.code(), data::toString);
    assertTrue(data.out().contains("written: it's ö"), data::toString);
    assertTrue(data.out().contains("MNIST, it's ö"), data::toString);
  }

  /** The line that a stopped run prints is one that bash can read. */
  @Test
  void aStoppedRunGoesOnByTheLineThatItPrints() throws IOException, InterruptedException {
    Map<String, String> environment = realClone();
    String stopAfterOneEpoch =
        "\"$PWD\"/"
            + NON_ASCII
            + "/nin"
            + TRAIN
            + " --epochs 100000 --out "
            + NON_ASCII
            + "/runs > log & until grep -q '^epoch 2/' log; do sleep 0.1; done; kill -TERM $!;"
            + " wait $!; tail -n 1 log";
    Run stopped = bash(environment, stopAfterOneEpoch);
    assertEquals(1, stopped.out().size(), stopped::toString);
    String line = stopped.out().get(0).replaceAll(".*; go on with: ", "");
    assertTrue(line.contains("--resume 'it'\\''s ö/runs/"), line);
    Run resumed = bash(environment, line + " --epochs 1");
    // So the run was found.
    assertEquals(2, resumed.code(), resumed::toString);
    assertTrue(resumed.err().get(0).contains("the run is complete"), resumed::toString);
  }

  @Test
  void withoutTheLauncherAndALocaleOneLineSaysWhatWouldHelp()
      throws IOException, InterruptedException {
    Run run = bash(Map.of("LC_ALL", "C"), JAVA + " predict " + NON_ASCII + ".png");
    assertEquals(1, run.err().size(), run::toString);
    assertTrue(run.err().get(0).contains("set LC_ALL=C.UTF-8, or start with nin"), run::toString);
    assertEquals(2, run.code());
  }

  /** What only tells how long it took, or draws, does not end a run. */
  @Test
  void withoutTheLauncherAndALocaleARunEndsWellInAFolderThatJavaCannotName()
      throws IOException, InterruptedException {
    assertEquals(0, bash(Map.of(), "mkdir " + NON_ASCII).code());
    Run run =
        bash(Map.of("LC_ALL", "C"), "cd " + NON_ASCII + " && " + JAVA + TRAIN + " --epochs 1");
    assertEquals(0, run.code(), run::toString);
    assertTrue(run.out().stream().anyMatch(l -> l.startsWith("nin-mini on shapes")));
  }

  @Test
  void whereOneDnnCannotBeUsedTrainingEndsInsteadOfCrawling()
      throws IOException, InterruptedException {
    Run run = bash(Map.of("OMP_DYNAMIC", "true"), JAVA + TRAIN.replace("--device reference", ""));
    assertEquals(8, run.code(), run::toString);
    String line = run.err().get(run.err().size() - 1);
    assertTrue(line.contains("OMP_DYNAMIC=true lets OpenMP start fewer threads"), line);
    assertTrue(line.contains("--device reference"), line);
  }

  @ParameterizedTest
  @CsvSource({"'', 0", "changed, 1"})
  void whatIsBuiltRunsWithPinnedLibrariesOnly(String content, int code)
      throws IOException, InterruptedException {
    Files.delete(clone.resolve("target/nin4j.jar"));
    Files.writeString(clone.resolve("target/lib/left-over.jar"), "");
    Path mvn = folder.resolve("maven/mvn");
    Files.createDirectories(mvn.getParent());
    Files.writeString(
        mvn,
        "#!/bin/sh\nmkdir -p target/lib\n: > target/nin4j.jar\nprintf '"
            + content
            + "' > target/lib/pinned.jar\n");
    executable(mvn);
    String path = mvn.getParent() + ":" + System.getenv("PATH");

    Run run = print(Map.of("PATH", path), "--version");

    assertEquals(code, run.code(), run::toString);
    assertEquals(code == 0, Files.exists(clone.resolve("target/nin4j.jar")));
    if (code != 0) {
      assertEquals(
          "nin: not what dependencies.sha256 has, so it is not run: pinned.jar", run.err().get(1));
    }
  }
}
