package org.nin4j.backend.onednn.convolution;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import org.nin4j.backend.CpuOptions.Convolution;

/**
 * What was chosen for which shapes, on one kind of processor: a text file with a line {@code shape
 * = way} for each. Where it cannot be written, or several processes choose at once, the first
 * choice that stands there counts, and else this process's own.
 */
public final class KeptChoices {
  private static final String EQUALS = " = ";

  private final Optional<Path> file;
  private final String environment;
  private final Map<String, Convolution> given;
  private final Map<String, Convolution> choices = new TreeMap<>();

  private KeptChoices(Optional<Path> file, String environment, Map<String, Convolution> given) {
    this.file = file;
    this.environment = environment;
    this.given = given;
    choices.putAll(read());
  }

  /**
   * Kept in this process only.
   *
   * @param given what counts before anything else
   */
  public static KeptChoices here(Map<String, Convolution> given) {
    return new KeptChoices(Optional.empty(), "", given);
  }

  /**
   * Kept in a folder, which need not exist.
   *
   * @param environment what the choices depend on: processor, threads, versions
   * @param given what counts before anything else, and is not kept
   */
  public static KeptChoices in(Path folder, String environment, Map<String, Convolution> given) {
    UUID name = UUID.nameUUIDFromBytes(environment.getBytes(StandardCharsets.UTF_8));
    return new KeptChoices(Optional.of(folder.resolve(name + ".txt")), environment, given);
  }

  public Optional<Convolution> find(String shape) {
    return Optional.ofNullable(given.getOrDefault(shape, choices.get(shape)));
  }

  /** All of them by shape. */
  public Map<String, Convolution> all() {
    Map<String, Convolution> all = new TreeMap<>(choices);
    all.putAll(given);
    return all;
  }

  /** Keeps a choice, unless another process was first; what counts from now on. */
  public Convolution keep(String shape, Convolution chosen) {
    choices.putAll(read());
    choices.putIfAbsent(shape, chosen);
    file.ifPresent(this::write);
    return choices.get(shape);
  }

  private Map<String, Convolution> read() {
    Map<String, Convolution> read = new TreeMap<>();
    if (file.isEmpty() || !Files.isRegularFile(file.get())) {
      return read;
    }
    try {
      for (String line : Files.readAllLines(file.get())) {
        int equals = line.indexOf(EQUALS);
        for (Convolution way : Convolution.values()) {
          if (equals > 0 && line.substring(equals + EQUALS.length()).equals(way.name())) {
            read.put(line.substring(0, equals), way);
          }
        }
      }
    } catch (IOException e) {
      // It is tried again, as if there were none.
    }
    return read;
  }

  private void write(Path target) {
    StringBuilder text = new StringBuilder("# " + environment + "\n");
    choices.forEach((shape, way) -> text.append(shape).append(EQUALS).append(way).append('\n'));
    try {
      Files.createDirectories(target.getParent());
      Path fresh = Files.createTempFile(target.getParent(), ".new-", ".txt");
      try {
        Files.writeString(fresh, text);
        Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(fresh);
      }
    } catch (IOException e) {
      // It is tried again at the next start.
    }
  }
}
