package org.nin4j.cli.command;

import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.nin4j.backend.Backend;
import org.nin4j.cli.option.DataSource;
import org.nin4j.cli.option.DeviceOptions;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.Failures;
import org.nin4j.cli.output.Texts;
import org.nin4j.data.DataException;
import org.nin4j.data.picture.ImageFile;
import org.nin4j.data.picture.Picture;
import org.nin4j.train.Classifier;
import org.nin4j.train.Prediction;
import org.nin4j.train.checkpoint.Checkpoint;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Says what pictures show. */
@Command(
    name = "predict",
    header = "Says what pictures show.",
    description = {
      "%nPrints the checkpoint used and the five most probable classes of each. Pictures are turned"
          + " upright as their camera says, scaled to the size of the data set's images (cropped at"
          + " the centre first, where the network was trained on a folder) and, where those are"
          + " grey, turned grey. What is transparent becomes black. A picture that cannot"
          + " be read gets a line of its own; the others are answered, and the exit code is that of"
          + " the first bad one.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} predict shirt.png",
      "  ${ROOT-COMMAND-NAME} predict --invert photo.jpg",
      "  ${ROOT-COMMAND-NAME} predict --checkpoint runs/20250131-235959-nin *.png"
    })
public final class PredictCommand implements Callable<Integer> {
  private static final int ANSWERS = 5;

  private final Console console;

  @Spec private CommandSpec command;

  @Parameters(
      arity = "1..*",
      paramLabel = "IMAGE",
      description = "PNG, JPEG, GIF or BMP files; one thing on a black ground is seen best.")
  private List<Path> images = List.of();

  @Option(
      names = "--checkpoint",
      paramLabel = "PATH",
      description =
          "A run's folder (its best checkpoint) or a checkpoint file. Default: the latest run in "
              + Runs.FOLDER
              + ".")
  private Optional<Path> checkpoint = Optional.empty();

  @Option(
      names = "--invert",
      description = "Swap dark and light: for dark things on a light ground. Default: as they are.")
  private boolean invert;

  @Mixin private DeviceOptions deviceOptions;

  public PredictCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Checkpoint trained = Runs.read(checkpoint, console);
    // As the pictures of its folder were brought to size.
    boolean ofFolder = DataSource.isFolder(trained.recipe().dataset());
    Picture.Fit fit = ofFolder ? Picture.Fit.CROP : Picture.Fit.STRETCH;
    List<Path> good = new ArrayList<>();
    List<byte[]> pixels = new ArrayList<>();
    Optional<ExitCode> failure = Optional.empty();
    for (Path image : images) {
      try {
        pixels.add(ImageFile.read(image, trained.image(), fit, invert));
        good.add(image);
      } catch (DataException | UncheckedIOException e) {
        console.err().println(Failures.line(command, e));
        failure = failure.or(() -> Optional.of(Failures.code(e)));
      }
    }
    if (!good.isEmpty()) {
      answer(trained, good, pixels, !ofFolder && trained.image().dim(0) == 1);
    }
    return failure.orElse(ExitCode.OK).number();
  }

  private void answer(Checkpoint trained, List<Path> files, List<byte[]> pixels, boolean onBlack) {
    try (Backend backend = deviceOptions.open();
        Classifier classifier = new Classifier(trained, backend)) {
      List<Prediction> predictions = classifier.classify(pixels);
      for (int i = 0; i < predictions.size(); i++) {
        Path file = files.get(i);
        console.out().println(file + ": " + answers(predictions.get(i)));
        ImageFile.warning(pixels.get(i), trained.image(), invert, onBlack)
            .ifPresent(
                warning ->
                    console.err().println(command.qualifiedName() + ": " + file + " " + warning));
      }
    }
  }

  private static String answers(Prediction prediction) {
    return prediction.top(ANSWERS).stream()
        .map(a -> Texts.format("%s %.1f %%", a.name(), 100 * a.probability()))
        .collect(Collectors.joining(", "));
  }
}
