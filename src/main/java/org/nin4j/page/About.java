package org.nin4j.page;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.nin4j.data.TrainTest;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.train.TrainingStart;
import org.nin4j.train.recipe.Recipe;

/**
 * What is trained, on what; known at the start and the same to the end.
 *
 * @param run the folder's name
 * @param classes by label
 * @param image channels, height and width of a test image as it is stored
 * @param flopsPerImage of a training step
 * @param peak FLOP/s that the device was seen to do at best
 */
record About(
    String run,
    Recipe recipe,
    String data,
    int trainImages,
    int testImages,
    List<String> classes,
    List<Integer> image,
    String device,
    long parameters,
    long trainingBytes,
    int stepsPerEpoch,
    double flopsPerImage,
    OptionalDouble peak) {
  static About of(
      TrainingStart start, Path run, TrainTest data, String device, OptionalDouble peak) {
    return new About(
        Optional.ofNullable(run.getFileName()).orElse(run).toString(),
        start.recipe(),
        data.name(),
        data.train().count(),
        data.test().count(),
        data.test().classNames(),
        List.of(data.test().channels(), data.test().height(), data.test().width()),
        device,
        start.plan().tensors(Role.PARAMETER).stream().mapToLong(t -> t.shape().elements()).sum(),
        start.trainingBytes(),
        start.stepsPerEpoch(),
        2.0 * start.plan().multiplyAdds() / start.plan().batch(),
        peak);
  }
}
