package org.nin4j.cli.command;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.Quantities;
import org.nin4j.data.file.PartialFile;
import org.nin4j.interop.OnnxModel;
import org.nin4j.interop.PortableNetwork;
import org.nin4j.interop.PyTorchWeights;
import org.nin4j.text.Text;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes a trained network for other programs. */
@Command(
    header = "Writes a trained network for PyTorch, or as ONNX.",
    description = {
      "%nBoth take images as the network does: floats (batch, channels, height, width), each"
          + " (pixel / 255 - mean) / std. Mean and deviation are no part of an ONNX graph, so that"
          + " both files take the same images; they are printed, and stand in the file's metadata with"
          + " size and classes (nin4j.mean and so on). Both give logits: the softmax is left to the user."
          + " With a running average of the parameters, the average is written. A file that is there"
          + " already is left alone, and the exit code is 7.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} export --safetensors nin.safetensors",
      "  ${ROOT-COMMAND-NAME} export runs/20250131-235959-nin --onnx nin.onnx"
    })
public final class ExportCommand implements Callable<Integer> {
  private final Console console;

  @Spec private CommandSpec command;

  @Parameters(
      arity = "0..1",
      paramLabel = "CHECKPOINT",
      description =
          "A run's folder (its best checkpoint) or a checkpoint file. Default: the latest run in "
              + Runs.FOLDER
              + ".")
  private Optional<Path> checkpoint = Optional.empty();

  @Option(
      names = "--safetensors",
      paramLabel = "FILE",
      description =
          "Write parameters and running statistics as PyTorch names them, for load_state_dict."
              + " Default: none.")
  private Optional<Path> safetensors = Optional.empty();

  @Option(
      names = "--onnx",
      paramLabel = "FILE",
      description =
          "Write the network for inference: opset 17, any batch, images of the network's size, from"
              + " 'images' to 'logits', without dropout. Default: none.")
  private Optional<Path> onnx = Optional.empty();

  public ExportCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (safetensors.isEmpty() && onnx.isEmpty()) {
      throw usage("say what to write: --safetensors FILE or --onnx FILE");
    }
    if (safetensors.map(Path::toAbsolutePath).equals(onnx.map(Path::toAbsolutePath))) {
      throw usage("--safetensors and --onnx name the same file");
    }
    safetensors.ifPresent(ExportCommand::requireFree);
    onnx.ifPresent(ExportCommand::requireFree);
    PortableNetwork trained = PortableNetwork.of(Runs.read(checkpoint, console));
    if (safetensors.isPresent()) {
      PyTorchWeights.write(trained, safetensors.get());
      wrote(safetensors.get(), "weights of " + trained.network().name() + " for PyTorch");
    }
    if (onnx.isPresent()) {
      OnnxModel.write(trained, onnx.get());
      wrote(onnx.get(), trained.network().name() + " as ONNX");
    }
    console
        .out()
        .println(
            Text.of(
                "images: %s, %s; mean %s, std %s",
                trained.input(),
                trained.notes().get(PortableNetwork.IMAGES),
                trained.notes().get(PortableNetwork.MEAN),
                trained.notes().get(PortableNetwork.STD)));
    return ExitCode.OK.number();
  }

  /** Checks that no file of anyone's would be replaced. */
  static void requireFree(Path file) {
    if (Files.isSymbolicLink(file) || PartialFile.isThere(file)) {
      throw new UncheckedIOException(
          file + " is there already; name another file, or remove it",
          new IOException("it is there"));
    }
  }

  private void wrote(Path file, String what) {
    try {
      console.out().println(Text.of("%s: %s, %s", file, what, Quantities.bytes(Files.size(file))));
    } catch (IOException e) {
      throw PartialFile.unreadable(file, e);
    }
  }

  private ParameterException usage(String message) {
    return new ParameterException(command.commandLine(), message);
  }
}
