package org.nin4j.train.tensorboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.Python;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.zoo.Networks;
import org.nin4j.text.Text;
import org.nin4j.train.Trainer;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

class TensorBoardTest {
  private static final int STEPS = 5;

  @TempDir private Path folder;
  @TempDir private Path scripts;

  private final List<String> remarks = new ArrayList<>();

  private static Recipe recipe(int epochs) {
    return Recipes.d2l("nin-mini").toBuilder()
        .dataset(Shapes.ID)
        .size(8)
        .batch(8)
        .epochs(epochs)
        .build();
  }

  private static TrainTest data() {
    return Shapes.draw(1, STEPS * 8, 16, 1);
  }

  private Checkpoint train(int epochs, Optional<Checkpoint> from, Path to) {
    try (ReferenceBackend backend = new ReferenceBackend();
        TensorBoard board = new TensorBoard(to, true, remarks::add)) {
      Trainer trainer =
          new Trainer(
              backend,
              recipe(epochs),
              Networks.named("nin-mini").network(Shapes.CLASS_NAMES.size()),
              data(),
              List.of(board));
      return from.map(trainer::resume).orElseGet(trainer::train);
    }
  }

  /** Records are whole, as their checksums say, and hold what the history does. */
  @Test
  void theFileHoldsWhatTheHistoryDoes() throws IOException {
    Checkpoint trained = train(2, Optional.empty(), folder);
    assertEquals(List.of(), remarks);
    List<String> scalars = scalars(onlyFile());
    for (EpochResult epoch : trained.history().epochs()) {
      long step = (long) epoch.epoch() * STEPS;
      assertTrue(scalars.contains(line("loss/train", step, epoch.trainLoss())), scalars::toString);
      assertTrue(scalars.contains(line("accuracy/test", step, epoch.testAccuracy())));
    }
    assertEquals(2, scalars.stream().filter(l -> l.startsWith("step/learning_rate ")).count());
    assertTrue(
        scalars.contains(line("step/learning_rate", 2 * STEPS, recipe(2).schedule().rate(9, 10))));
  }

  private static String line(String tag, long step, double value) {
    return tag + " " + step + " " + (float) value;
  }

  private Path onlyFile() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> all = files.toList();
      assertEquals(1, all.size(), all::toString);
      assertTrue(all.get(0).getFileName().toString().startsWith("events.out.tfevents."));
      return all.get(0);
    }
  }

  private static List<String> scalars(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<String> lines = new ArrayList<>();
    while (bytes.hasRemaining()) {
      int begin = bytes.position();
      int length = (int) bytes.getLong();
      assertEquals(masked(bytes.slice(begin, 8)), bytes.getInt());
      ByteBuffer data = bytes.slice(bytes.position(), length);
      bytes.position(bytes.position() + length);
      assertEquals(masked(data), bytes.getInt());
      event(CodedInputStream.newInstance(data), lines);
    }
    return lines;
  }

  /** As the format's description has it. */
  private static int masked(ByteBuffer data) {
    CRC32C checksum = new CRC32C();
    checksum.update(data.duplicate());
    int c = (int) checksum.getValue();
    return ((c >>> 15) | (c << 17)) + 0xa282ead8;
  }

  private static void event(CodedInputStream event, List<String> lines) throws IOException {
    long step = 0;
    for (int tag = event.readTag(); tag != 0; tag = event.readTag()) {
      switch (WireFormat.getTagFieldNumber(tag)) {
        case 2 -> step = event.readInt64();
        case 5 -> summary(event.readBytes().newCodedInput(), step, lines);
        default -> event.skipField(tag);
      }
    }
  }

  private static void summary(CodedInputStream summary, long step, List<String> lines)
      throws IOException {
    while (summary.readTag() != 0) {
      CodedInputStream value = summary.readBytes().newCodedInput();
      String name = "";
      for (int tag = value.readTag(); tag != 0; tag = value.readTag()) {
        switch (WireFormat.getTagFieldNumber(tag)) {
          case 1 -> name = value.readString();
          case 2 -> lines.add(line(name, step, value.readFloat()));
          default -> value.skipField(tag);
        }
      }
    }
  }

  /** TensorBoard's own reader, over a run that went on from its first epoch a second time. */
  @Test
  void tensorBoardReadsIt() throws Exception {
    Python.require("tensorboard.backend");
    Checkpoint first = train(1, Optional.empty(), folder);
    train(2, Optional.of(first), folder);
    Checkpoint again = train(3, Optional.of(first), folder);
    List<String> lines =
        Python.run(TensorBoardTest.class, "read_events.py", scripts, List.of(folder.toString()));
    List<String> losses =
        again.history().epochs().stream()
            .map(e -> Text.of("scalar loss/test %d ", e.epoch() * STEPS))
            .toList();
    for (int i = 0; i < losses.size(); i++) {
      String begin = losses.get(i);
      List<String> found = lines.stream().filter(l -> l.startsWith(begin)).toList();
      assertEquals(1, found.size(), () -> begin + String.join("\n", lines));
      double loss = again.history().epochs().get(i).testLoss();
      assertEquals(loss, Double.parseDouble(found.get(0).substring(begin.length())), 1e-6 * loss);
    }
    String weight = "histogram 0.0.weight " + 3 * STEPS + " ";
    String found = lines.stream().filter(l -> l.startsWith(weight)).findFirst().orElseThrow();
    String[] fields = found.split(" ");
    float count = again.parameters().get("0.0.weight").values().length;
    assertEquals(count, Float.parseFloat(fields[3]));
    assertEquals(count, Float.parseFloat(fields[6]));
  }

  /** What a run can do without ends no run. */
  @Test
  void aFolderThatCannotBeWrittenIsARemark() {
    Checkpoint trained = train(1, Optional.empty(), folder.resolve("missing"));
    assertEquals(1, trained.history().epochs().size());
    assertEquals(1, remarks.size());
    assertTrue(remarks.get(0).contains("no more events for TensorBoard"), remarks.get(0));
  }

  @Test
  void valuesThatAreAllTheSameAreOneBucket() throws IOException {
    Histogram histogram = new Histogram(new float[] {3, 3, 3});
    CodedInputStream in = CodedInputStream.newInstance(histogram.message().toBytes());
    List<Double> counts = new ArrayList<>();
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (WireFormat.getTagFieldNumber(tag) == 7) {
        CodedInputStream packed = in.readBytes().newCodedInput();
        while (!packed.isAtEnd()) {
          counts.add(packed.readDouble());
        }
      } else {
        in.skipField(tag);
      }
    }
    assertEquals(Histogram.BUCKETS, counts.size());
    assertEquals(3, counts.get(0));
    assertEquals(3, counts.stream().mapToDouble(c -> c).sum());
  }
}
