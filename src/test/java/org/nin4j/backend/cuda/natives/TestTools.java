package org.nin4j.backend.cuda.natives;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;

/** Programs and files that these tests use where the machine has them. */
public final class TestTools {
  static final List<String> JCUDA_NATIVES = List.of("JCudaDriver", "JNvrtc", "JCublas2", "JCudnn");

  private TestTools() {}

  /** What a program that ended wrote, and its exit code. */
  public record Outcome(int exitCode, String output) {}

  public static Outcome run(Map<String, String> environment, List<String> command)
      throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().remove("LD_LIBRARY_PATH");
    builder.environment().putAll(environment);
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      return new Outcome(process.waitFor(), output);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Runs a main class of the tests in a JVM of its own, on this one's class path. */
  static Outcome fork(
      Map<String, String> environment, List<String> jvmOptions, Class<?> main, Object... arguments)
      throws IOException {
    return run(environment, javaCommand(jvmOptions, main, arguments));
  }

  public static List<String> javaCommand(
      List<String> jvmOptions, Class<?> main, Object... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(jvmOptions);
    command.addAll(List.of("-Xmx256m", "-cp", System.getProperty("java.class.path")));
    command.add(main.getName());
    Arrays.stream(arguments).map(Object::toString).forEach(command::add);
    return command;
  }

  /** Leaves the test out, with its reason in the output, where a program is not installed. */
  public static void assumeInstalled(String program) {
    boolean installed =
        Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":"))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    if (!installed) {
      skip(program + " is not installed");
    }
  }

  public static void skip(String reason) {
    System.out.println("skipped: " + reason);
    Assumptions.abort(reason);
  }

  /** Compiles C into a shared library whose symbols have the soname as their version. */
  public static Path compile(Path folder, String soname, String code, Path... linked)
      throws IOException {
    assumeInstalled("gcc");
    Path source = Files.writeString(folder.resolve(soname + ".c"), code);
    Path library = folder.resolve(soname);
    List<String> command =
        new ArrayList<>(
            List.of(
                "gcc",
                "-shared",
                "-fPIC",
                "-O1",
                "-Wl,-soname," + soname,
                "-Wl,--default-symver",
                "-o",
                library.toString(),
                source.toString()));
    Arrays.stream(linked).map(Path::toString).forEach(command::add);
    Outcome outcome = run(Map.of(), command);
    assertEquals(0, outcome.exitCode(), outcome.output());
    Files.delete(source);
    return library;
  }

  /** One of JCuda's natives, from its jar. */
  public static byte[] jcudaNative(String name) throws IOException {
    try (InputStream stream =
        TestTools.class.getResourceAsStream("/lib/" + JCudaNatives.fileName(name))) {
      return stream.readAllBytes();
    }
  }
}
