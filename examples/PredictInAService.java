import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.nin4j.backend.choice.Devices;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.train.ClassifierPool;

/**
 * Many threads ask one network, as those of a server do. Names a checkpoint of a network for grey
 * images of 28×28. Start Java with OMP_NUM_THREADS=1, so that each lane computes on one core.
 */
public class PredictInAService {
  public static void main(String[] arguments) throws InterruptedException {
    ImageDataset images = Shapes.draw(7, 10, 64, 2).test();
    ExecutorService requests = Executors.newFixedThreadPool(8);
    try (ClassifierPool pool =
        ClassifierPool.open(Path.of(arguments[0]), 2, () -> Devices.open("cpu", 1))) {
      for (int i = 0; i < images.count(); i++) {
        byte[] image = new byte[images.imageSize()];
        images.copyImage(i, image, 0);
        String truth = images.classNames().get(images.label(i));
        requests.submit(
            () -> System.out.println(truth + ": " + pool.classify(image).best().name()));
      }
      requests.shutdown();
      requests.awaitTermination(1, TimeUnit.MINUTES);
    }
  }
}
