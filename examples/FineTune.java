import java.nio.file.Path;
import java.util.List;
import org.nin4j.backend.Backend;
import org.nin4j.backend.choice.Devices;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.Network;
import org.nin4j.model.zoo.Networks;
import org.nin4j.train.Trainer;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

/**
 * Starts a training with what another one learned: a network trained on one kind of images goes on
 * to others with a lower rate. Names one file that is there, the checkpoint, and one to write.
 */
public class FineTune {
  public static void main(String[] arguments) {
    Checkpoint known = Checkpoint.read(Path.of(arguments[0]));
    TrainTest data = Shapes.draw(7, 400, 100, 2);
    Network network = Networks.named("nin-mini").network(Shapes.CLASS_NAMES.size());
    Recipe recipe = Recipes.of("nin-mini").toBuilder().size(28).batch(16).epochs(1).seed(7).build();
    // Says which tensors start with known values, and which are drawn.
    TrainingListener console =
        new TrainingListener() {
          @Override
          public void remarked(String remark) {
            System.out.println(remark);
          }
        };
    try (Backend backend = Devices.open("auto", 2)) {
      Trainer trainer = new Trainer(backend, recipe, network, data, List.of(console));
      trainer.fineTune(known.inUse()).write(Path.of(arguments[1]));
    }
  }
}
