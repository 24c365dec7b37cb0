package org.nin4j.cli.command;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.nin4j.backend.Backend;
import org.nin4j.cli.option.DeviceOptions;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.data.picture.ImageFile;
import org.nin4j.data.picture.Picture;
import org.nin4j.model.ShapeException;
import org.nin4j.train.Classifier;
import org.nin4j.train.FeatureMaps;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.picture.LayerSheet;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Draws what is inside a trained network. */
@Command(
    header = "Draws a trained network's first filters, and what its blocks make of a picture.",
    description = {
      "%nWrites a sheet as a PNG file. Of each block the channels with the largest means are drawn, in"
          + " one scale: dark is little, yellow is much.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} show runs/20250131-235959-nin",
      "  ${ROOT-COMMAND-NAME} show runs/20250131-235959-nin shirt.png --out shirt-layers.png"
    })
public final class ShowCommand implements Callable<Integer> {
  private final Console console;

  @Spec private CommandSpec command;

  @Parameters(
      index = "0",
      paramLabel = "RUN",
      description = "A run's folder (its best checkpoint) or a checkpoint file.")
  private Path run;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "IMAGE",
      description = "A picture, taken as predict takes it. Default: the filters alone.")
  private Optional<Path> image = Optional.empty();

  @Option(
      names = "--invert",
      description =
          "Swap the picture's dark and light: for dark things on a light ground. Default: as it"
              + " is.")
  private boolean invert;

  @Option(
      names = "--out",
      paramLabel = "FILE.png",
      description = "The file to write. Default: layers.png.")
  private Path out = Path.of("layers.png");

  @Mixin private DeviceOptions deviceOptions;

  public ShowCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (!PredictCommand.isPng(out)) {
      throw new ParameterException(
          command.commandLine(), "--out names a PNG file, such as layers.png, not " + out);
    }
    Checkpoint trained = Runs.read(Optional.of(run), console);
    Picture.Fit fit = PredictCommand.fit(trained);
    Optional<byte[]> pixels = image.map(file -> ImageFile.read(file, trained.image(), fit, invert));
    try (Backend backend = deviceOptions.open();
        Classifier classifier = new Classifier(trained, backend)) {
      FeatureMaps filters =
          classifier
              .firstFilters()
              .orElseThrow(
                  () ->
                      new ShapeException(
                          trained.network().name()
                              + " has no convolution whose filters could be"
                              + " shown"));
      Optional<LayerSheet.Seen> seen =
          pixels.map(
              p ->
                  new LayerSheet.Seen(
                      image.get().getFileName().toString(),
                      p,
                      trained.image(),
                      classifier.featureMaps(p)));
      LayerSheet.write(trained.network().name(), filters, seen, out);
    }
    console.out().println("written: " + out);
    return ExitCode.OK.number();
  }
}
