package org.nin4j.backend.cuda.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A kernel file with the headers that it includes, directly or not.
 *
 * @param name of the file, such as {@code relu.cu}
 * @param text its content
 * @param headers content by the name in the {@code #include} line
 */
public record KernelSource(String name, String text, Map<String, String> headers) {
  private static final String FOLDER = "/org/nin4j/backend/cuda/kernels/";

  private static final Pattern INCLUDE =
      Pattern.compile("^\\s*#include\\s+\"([^\"]+)\"", Pattern.MULTILINE);

  /** Reads one of the project's kernel files from the class path. */
  public static KernelSource of(String name) {
    String text = resource(name);
    Map<String, String> headers = new LinkedHashMap<>();
    collect(text, headers);
    return new KernelSource(name, text, headers);
  }

  private static void collect(String text, Map<String, String> headers) {
    Matcher matcher = INCLUDE.matcher(text);
    while (matcher.find()) {
      String header = matcher.group(1);
      if (!headers.containsKey(header)) {
        String content = resource(header);
        headers.put(header, content);
        collect(content, headers);
      }
    }
  }

  private static String resource(String name) {
    try (InputStream stream = KernelSource.class.getResourceAsStream(FOLDER + name)) {
      if (stream == null) {
        throw new IllegalStateException("the kernel file " + name + " is not on the class path");
      }
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
