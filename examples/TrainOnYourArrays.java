import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.nin4j.backend.Backend;
import org.nin4j.backend.choice.Devices;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.model.Activation;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.plan.step.Adam;
import org.nin4j.train.Trainer;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.recipe.Schedule;

/**
 * Images from your own arrays: here lines that lie or stand, in noise. Trains a network of two
 * layers on them and writes it to the file that is named.
 */
public class TrainOnYourArrays {
  private static final int SIDE = 16;

  public static void main(String[] arguments) {
    Path file = Path.of(arguments.length > 0 ? arguments[0] : "lines.safetensors");
    TrainTest data = new TrainTest(draw(2048, 1), draw(256, 2), "drawn in the example");
    Network network =
        new Network(
            "lines",
            Sequential.of(
                new Conv2d(16, 5, 2, 2),
                Activation.RELU,
                new Conv2d(2, 3, 1, 1),
                new GlobalAvgPool2d(),
                new Flatten()));
    Recipe recipe =
        Recipes.of(network.name()).toBuilder()
            .size(SIDE)
            .batch(32)
            .epochs(5)
            .optimizer(Adam.USUAL)
            .schedule(new Schedule.Constant(0.005f))
            .build();
    try (Backend backend = Devices.open("auto", 2)) {
      Checkpoint trained = new Trainer(backend, recipe, network, data, List.of()).train();
      for (EpochResult epoch : trained.history().epochs()) {
        System.out.printf(
            "epoch %d: loss %.3f, test accuracy %.3f%n",
            epoch.epoch(), epoch.trainLoss(), epoch.testAccuracy());
      }
      trained.write(file);
    }
  }

  /** Unsigned bytes [count, channels, height, width], and a label for each image. */
  private static ImageDataset draw(int count, long seed) {
    Random random = new Random(seed);
    byte[] pixels = new byte[count * SIDE * SIDE];
    byte[] labels = new byte[count];
    for (int image = 0; image < count; image++) {
      labels[image] = (byte) random.nextInt(2);
      int line = 2 + random.nextInt(SIDE - 4);
      for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
          boolean on = (labels[image] == 0 ? y : x) == line;
          pixels[(image * SIDE + y) * SIDE + x] = (byte) (random.nextInt(60) + (on ? 180 : 0));
        }
      }
    }
    return new ImageDataset("lines", List.of("lying", "standing"), 1, SIDE, SIDE, pixels, labels);
  }
}
