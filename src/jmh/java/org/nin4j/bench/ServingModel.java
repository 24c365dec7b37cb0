package org.nin4j.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.nin4j.backend.Backend;
import org.nin4j.backend.choice.Devices;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.interop.OnnxModel;
import org.nin4j.interop.PortableNetwork;
import org.nin4j.model.Network;
import org.nin4j.model.zoo.Networks;
import org.nin4j.plan.Precision;
import org.nin4j.tensor.Shape;
import org.nin4j.train.ClassifierPool;
import org.nin4j.train.Trainer;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

/** A network that is served, by our pool and by ONNX Runtime, and images to ask about. */
final class ServingModel {
  private static final int IMAGES = 64;

  private final Checkpoint checkpoint;
  private final Shape input;
  private final List<byte[]> images = new ArrayList<>();

  private ServingModel(Checkpoint checkpoint) {
    this.checkpoint = checkpoint;
    input = checkpoint.recipe().images(checkpoint.image()).output();
  }

  /** Answers about one image; used by many threads at once. */
  interface Engine extends AutoCloseable {
    /** Gives the label of an image. */
    int answer(int image);

    @Override
    void close();
  }

  /** A network of the library after a few steps on drawn shapes: speed asks for no more. */
  static ServingModel of(String name, int size, Precision precision, int threads) {
    TrainTest data = Shapes.draw(1, IMAGES, IMAGES, 2);
    Recipe recipe =
        Recipes.of(name).toBuilder()
            .dataset("shapes")
            .size(size)
            .batch(IMAGES / 2)
            .epochs(1)
            .precision(precision)
            .build();
    Network network = Networks.named(name).network(Shapes.CLASS_NAMES.size());
    try (Backend backend = Devices.open("cpu", threads)) {
      ServingModel model =
          new ServingModel(new Trainer(backend, recipe, network, data, List.of()).train());
      for (int i = 0; i < IMAGES; i++) {
        byte[] image = new byte[data.test().imageSize()];
        data.test().copyImage(i, image, 0);
        model.images.add(image);
      }
      return model;
    }
  }

  int images() {
    return images.size();
  }

  byte[] image(int index) {
    return images.get(index);
  }

  Checkpoint checkpoint() {
    return checkpoint;
  }

  /** Ours takes stored bytes, and resizes and scales them itself. */
  Engine ours(int lanes, int threads) {
    ClassifierPool pool =
        ClassifierPool.open(checkpoint, lanes, () -> Devices.open("cpu", threads));
    return new Engine() {
      @Override
      public int answer(int image) {
        return pool.classify(images.get(image)).best().label();
      }

      @Override
      public void close() {
        pool.close();
      }
    };
  }

  /** Theirs gets images that are resized and scaled already, in memory that it need not copy. */
  Engine onnxRuntime(Path file, int threads) throws OrtException {
    OnnxModel.write(PortableNetwork.of(checkpoint), file);
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(threads);
    options.setInterOpNumThreads(1);
    options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
    OrtSession session = environment.createSession(file.toString(), options);
    long[] shape = {1, input.dim(0), input.dim(1), input.dim(2)};
    List<OnnxTensor> tensors = new ArrayList<>();
    int elements = Math.toIntExact(input.elements());
    for (int i = 0; i < images.size(); i++) {
      FloatBuffer pixels =
          ByteBuffer.allocateDirect(4 * elements).order(ByteOrder.nativeOrder()).asFloatBuffer();
      for (int e = 0; e < elements; e++) {
        pixels.put(e, (images.get(i)[e % images.get(i).length] & 0xff) / 255f);
      }
      tensors.add(OnnxTensor.createTensor(environment, pixels, shape));
    }
    return new Engine() {
      @Override
      public int answer(int image) {
        try (OrtSession.Result result = session.run(Map.of("images", tensors.get(image)))) {
          float[] logits = ((float[][]) result.get(0).getValue())[0];
          int best = 0;
          for (int k = 1; k < logits.length; k++) {
            best = logits[k] > logits[best] ? k : best;
          }
          return best;
        } catch (OrtException e) {
          throw new IllegalStateException(e);
        }
      }

      @Override
      public void close() {
        try {
          tensors.forEach(OnnxTensor::close);
          session.close();
          options.close();
        } catch (OrtException e) {
          throw new IllegalStateException(e);
        }
      }
    };
  }
}
