package org.nin4j.cli.output;

import java.io.UncheckedIOException;
import java.nio.file.InvalidPathException;
import java.util.List;
import org.nin4j.backend.BackendException;
import org.nin4j.data.DataException;
import org.nin4j.model.ShapeException;
import org.nin4j.model.json.DescriptionException;
import org.nin4j.study.StudyException;
import org.nin4j.text.Text;
import org.nin4j.train.NumericalException;
import org.nin4j.train.checkpoint.CheckpointException;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What people are told when a command fails, in one line. */
public final class Failures {
  private static final long LEAST_HEAP_MIB = 512;

  private Failures() {}

  /** The exit code for what went wrong. */
  public static ExitCode code(Throwable failure) {
    if (failure instanceof ParameterException || failure instanceof StudyException) {
      return ExitCode.USAGE;
    } else if (failure instanceof DataException) {
      return ExitCode.DATA;
    } else if (failure instanceof ShapeException || failure instanceof DescriptionException) {
      return ExitCode.NETWORK;
    } else if (failure instanceof CheckpointException) {
      return ExitCode.CHECKPOINT;
    } else if (failure instanceof NumericalException) {
      return ExitCode.NUMERICAL;
    } else if (failure instanceof UncheckedIOException || failure instanceof InvalidPathException) {
      return ExitCode.FILES;
    } else if (failure instanceof BackendException || failure instanceof OutOfMemoryError) {
      return ExitCode.DEVICE;
    }
    return ExitCode.BUG;
  }

  /** The line for what went wrong while a command ran. */
  public static String line(CommandSpec command, Throwable failure) {
    String message = failure.getMessage() == null ? "" : failure.getMessage();
    String told =
        switch (code(failure)) {
          case BUG ->
              Text.of(
                  "unexpected error: %s: %s; run again with --debug for its origin, and report it",
                  failure.getClass().getName(), message);
          case DEVICE -> failure instanceof OutOfMemoryError ? memory(message) : message;
          default -> failure instanceof InvalidPathException invalid ? unnamable(invalid) : message;
        };
    return oneLine(command, told);
  }

  /** Java's own limits are raised by its options; for other memory, less must be asked for. */
  private static String memory(String message) {
    boolean limitOfJava =
        List.of("Java heap space", "GC overhead", "direct buffer memory").stream()
            .anyMatch(message::contains);
    if (!limitOfJava) {
      return Text.of("not enough memory (%s); a smaller --batch or --size needs less", message);
    }
    long most = Runtime.getRuntime().maxMemory();
    return Text.of(
        "not enough memory (%s): Java may take %s; more with NIN_JAVA_FLAGS=-Xmx%dm in the environment",
        message, Quantities.bytes(most), Math.max(LEAST_HEAP_MIB, 4 * (most >> 20)));
  }

  /** The text for a file name that Java has no bytes for: its encoding is the locale's. */
  public static String unnamable(InvalidPathException failure) {
    if (!failure.getReason().startsWith("Malformed input")) {
      return Text.of(
          "no file can have the name '%s' here: %s", failure.getInput(), failure.getReason());
    }
    return Text.of(
        "Java cannot name the file '%s' in this locale (%s); set LC_ALL=C.UTF-8, or start with nin",
        failure.getInput(), System.getProperty("sun.jnu.encoding"));
  }

  /** The line for a command line that makes no sense, with what was meant perhaps. */
  public static String usageLine(ParameterException failure) {
    CommandLine command = failure.getCommandLine();
    StringBuilder told = new StringBuilder();
    if (failure instanceof UnmatchedArgumentException unmatched) {
      String word = unmatched.getUnmatched().get(0);
      told.append(unknown(command, word)).append(" '").append(word).append("'");
      if (!unmatched.getSuggestions().isEmpty()) {
        told.append("; did you mean ").append(String.join(" or ", unmatched.getSuggestions()));
      }
    } else {
      told.append(failure.getMessage());
    }
    told.append("; see ").append(command.getCommandSpec().qualifiedName()).append(" --help");
    return oneLine(command.getCommandSpec(), told.toString());
  }

  private static String unknown(CommandLine command, String word) {
    if (word.startsWith("-")) {
      return "there is no option";
    }
    return command.getSubcommands().isEmpty() ? "there is no use for" : "there is no command";
  }

  private static String oneLine(CommandSpec command, String message) {
    return command.qualifiedName() + ": " + message.replaceAll("\\s*\\R\\s*", " ");
  }
}
