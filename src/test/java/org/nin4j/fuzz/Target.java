package org.nin4j.fuzz;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.cuda.natives.elf.ElfException;
import org.nin4j.backend.cuda.natives.elf.ElfFile;
import org.nin4j.backend.cuda.natives.elf.Retargeting;
import org.nin4j.backend.cuda.natives.elf.TestElf;
import org.nin4j.backend.cuda.natives.search.LinkerCacheFile;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.cli.Shell;
import org.nin4j.cli.SmallTraining;
import org.nin4j.cli.option.StudySettings;
import org.nin4j.data.DataException;
import org.nin4j.data.TrainTest;
import org.nin4j.data.picture.ImageFile;
import org.nin4j.data.published.CifarDataset;
import org.nin4j.data.published.IdxDataset;
import org.nin4j.data.published.IdxWriter;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.interop.PyTorchWeights;
import org.nin4j.model.Network;
import org.nin4j.model.ShapeException;
import org.nin4j.model.json.DescriptionException;
import org.nin4j.model.json.NetworkReader;
import org.nin4j.model.json.NetworkWriter;
import org.nin4j.model.zoo.Networks;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Sgd;
import org.nin4j.study.Study;
import org.nin4j.study.StudyException;
import org.nin4j.study.StudyJson;
import org.nin4j.study.StudyPlan;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.history.History;
import org.nin4j.train.run.RecordedRun;
import org.nin4j.train.run.RunCheckpoints;
import org.nin4j.train.run.RunConfigs;

/** The readers of bytes that others have made. */
enum Target {
  /** The first byte chooses which of the files it is; gzipped or not. */
  IDX(Set.of(DataException.class)) {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Path data = folder.resolve("idx");
      if (!Files.isDirectory(data)) {
        IdxWriter.write(Shapes.draw(1, 8, 8, 1), data);
      }
      boolean labels = input.length > 0 && (input[0] & 1) == 1;
      String name = labels ? "train-labels-idx1-ubyte" : "train-images-idx3-ubyte";
      byte[] file = Arrays.copyOfRange(input, Math.min(1, input.length), input.length);
      Path gzip = data.resolve(name + ".gz");
      byte[] whole = Files.readAllBytes(gzip);
      try {
        Files.write(gzip, file);
        IdxDataset.MNIST.read(data);
      } finally {
        Files.write(gzip, whole);
      }
    }

    @Override
    List<byte[]> seeds() throws IOException {
      return inFolder(
          folder -> {
            IdxWriter.write(Shapes.draw(1, 8, 8, 1), folder);
            byte[] labels = Files.readAllBytes(folder.resolve("train-labels-idx1-ubyte.gz"));
            ByteBuffer images = ByteBuffer.allocate(16 + 8 * 784);
            images.putInt(2051).putInt(8).putInt(28).putInt(28);
            ByteBuffer plain = ByteBuffer.allocate(8 + 8).putInt(2049).putInt(8);
            return List.of(
                with((byte) 1, labels),
                with((byte) 0, images.array()),
                with((byte) 1, plain.array()),
                with((byte) 0, gzip(images.array())));
          });
    }

    /** A byte of deflate stands for 1032 at most; they are read once, kept once. */
    @Override
    long mostBytes(int length) {
      return MEBI * 32 + 2200L * length;
    }
  },

  /** An archive of CIFAR-10. */
  CIFAR(Set.of(DataException.class)) {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Path data = Files.createDirectories(folder.resolve("cifar"));
      Files.write(data.resolve(CifarDataset.CIFAR_10.archive().name()), input);
      CifarDataset.CIFAR_10.read(data);
    }

    @Override
    List<byte[]> seeds() throws IOException {
      byte[] tar = Tars.cifar10();
      return List.of(tar, gzip(tar));
    }

    @Override
    long mostBytes(int length) {
      return MEBI * 32 + 4200L * length;
    }
  },

  /** PNG, JPEG, GIF, BMP, WebP. What a header says of the size may ask for half of the heap. */
  PICTURE(Set.of(DataException.class)) {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      ImageFile.read(Files.write(folder.resolve("picture"), input));
    }

    @Override
    List<byte[]> seeds() throws IOException {
      List<byte[]> seeds = new ArrayList<>();
      for (String format : List.of("png", "jpg", "gif", "bmp")) {
        BufferedImage image = new BufferedImage(9, 7, BufferedImage.TYPE_INT_RGB);
        image.setRGB(3, 3, 0xff8000);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, format, out);
        seeds.add(out.toByteArray());
      }
      for (String name : List.of("lossy.webp", "lossless.webp", "cmyk.jpg", "ycck.jpg")) {
        try (InputStream in = Target.class.getResourceAsStream("/org/nin4j/data/picture/" + name)) {
          seeds.add(in.readAllBytes());
        }
      }
      return seeds;
    }

    /**
     * Fifty bytes can be a picture of 64 million pixels: two seconds' work, and thirty where a
     * fuzzer watches each branch. It reads more of them where they are smaller.
     */
    @Override
    boolean isWorthFuzzing(byte[] input) {
      try (ImageInputStream in = ImageIO.createImageInputStream(new ByteArrayInputStream(input))) {
        Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
        if (!readers.hasNext()) {
          return true;
        }
        ImageReader reader = readers.next();
        try {
          reader.setInput(in, true, true);
          return (long) reader.getWidth(0) * reader.getHeight(0) <= MEBI;
        } finally {
          reader.dispose();
        }
      } catch (IOException | RuntimeException e) {
        // The reader has to say so in words.
        return true;
      }
    }

    @Override
    long mostSeconds() {
      return 20;
    }

    @Override
    long mostBytes(int length) {
      return 8 * Runtime.getRuntime().maxMemory();
    }
  },

  /** A file of weights by anyone, for LeNet. */
  WEIGHTS(Set.of(CheckpointException.class)) {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      PyTorchWeights.read(
          Files.write(folder.resolve("weights"), input), SMALL, Shape.of(1, 4, 4), List.of());
    }

    @Override
    List<byte[]> seeds() {
      String whole =
          "{\"__metadata__\":{\"format\":\"pt\"},"
              + "\"1.weight\":{\"dtype\":\"%s\",\"shape\":[2,16],\"data_offsets\":[0,%d]},"
              + "\"1.bias\":{\"dtype\":\"%s\",\"shape\":[2],\"data_offsets\":[%d,%d]}}";
      List<byte[]> seeds = new ArrayList<>();
      for (String type : List.of("F16", "BF16", "F32", "F64")) {
        int bytes = type.endsWith("16") ? 2 : type.equals("F32") ? 4 : 8;
        String header = Text.of(whole, type, 32 * bytes, type, 32 * bytes, 34 * bytes);
        seeds.add(safetensors(header, new byte[34 * bytes]));
      }
      return seeds;
    }
  },

  /** A checkpoint, whose sum is made to fit, so that what lies behind it is reached. */
  CHECKPOINT(Set.of(CheckpointException.class)) {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      Checkpoint.read(Files.write(folder.resolve("checkpoint"), withSum(input)));
    }

    @Override
    List<byte[]> seeds() throws IOException {
      return trained(run -> List.of(Files.readAllBytes(RunCheckpoints.last(run))));
    }
  },

  /** A network's description, as far as its plan. */
  NETWORK(Set.of(DescriptionException.class, ShapeException.class)) {
    @Override
    void read(Path folder, byte[] input) {
      Network network = NetworkReader.parse(text(input));
      Planner.plan(
          network,
          BatchSpec.unit(Shape.of(1, 28, 28), 28, 28),
          2,
          Precision.FP32,
          new Purpose.Training(Sgd.PLAIN));
    }

    @Override
    List<byte[]> seeds() {
      return Stream.of("nin-mini", "lenet-bn", "googlenet", "resnet18")
          .map(name -> NetworkWriter.write(Networks.named(name).network(10)).toString())
          .map(text -> text.getBytes(StandardCharsets.UTF_8))
          .toList();
    }

    /** A line of text may describe a hundred layers; each is some objects. */
    @Override
    long mostBytes(int length) {
      return MEBI * 64 + 2000L * length;
    }
  },

  /** A study, as far as the plan of each variant. */
  STUDY(
      Set.of(
          StudyException.class,
          ShapeException.class,
          DescriptionException.class,
          BackendException.class,
          UncheckedIOException.class)) {
    @Override
    void read(Path folder, byte[] input) {
      Study study = StudyJson.parse(text(input));
      try (Backend backend = new ReferenceBackend()) {
        for (boolean quick : new boolean[] {false, true}) {
          StudyPlan.of(study, quick, List.of(), new StudySettings(), backend, recipe -> IMAGES);
        }
      }
    }

    @Override
    List<byte[]> seeds() throws IOException {
      List<byte[]> seeds = new ArrayList<>();
      seeds.add(
          ("{\"name\":\"mine\",\"question\":\"Which?\",\"base\":{\"network\":\"nin-mini\","
                  + "\"epochs\":2},\"variants\":{\"a\":{\"lr\":0.1},\"b\":{\"lr\":0.2,"
                  + "\"flip\":true}},\"seeds\":[1,2],\"quick\":{\"limit\":100},"
                  + "\"published\":[{\"variant\":\"a\",\"test_accuracy\":0.9,\"source\":\"x\"}]}")
              .getBytes(StandardCharsets.UTF_8));
      for (String name : List.of("head", "reduction")) {
        try (InputStream in = Study.class.getResourceAsStream(name + ".json")) {
          seeds.add(in.readAllBytes());
        }
      }
      return seeds;
    }

    /** The options are set up anew for each run of each variant. */
    @Override
    long mostBytes(int length) {
      return MEBI * 256 + 2000L * length;
    }
  },

  /** The configuration of a run. */
  CONFIG(Set.of(IllegalArgumentException.class, DescriptionException.class)) {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      // What is no UTF-8 is a file that cannot be read, which says nothing about its content.
      String text = text(input);
      Files.writeString(folder.resolve("config.json"), text);
      RecordedRun.read(folder);
    }

    @Override
    List<byte[]> seeds() throws IOException {
      return trained(run -> List.of(Files.readAllBytes(RunConfigs.latest(run).orElseThrow())));
    }
  },

  /** The history of a run. */
  HISTORY(Set.of(IllegalArgumentException.class)) {
    @Override
    void read(Path folder, byte[] input) {
      History.parseCsv(text(input));
    }

    @Override
    List<byte[]> seeds() throws IOException {
      return trained(run -> List.of(Files.readAllBytes(run.resolve("history.csv"))));
    }
  },

  /** A shared library. */
  ELF(Set.of(ElfException.class)) {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      ElfFile.of(input);
      Retargeting.retarget(input, Map.of("libold.so.11", "libnew.so.1"));
    }

    @Override
    List<byte[]> seeds() {
      return List.of(
          TestElf.library("libx.so.1")
              .entry(1, "libold.so.11")
              .wants("libold.so.11", "libold.so.11")
              .defines("X_2")
              .bytes());
    }
  },

  /** What glibc's linker keeps. */
  LINKER_CACHE(Set.of()) {
    @Override
    void read(Path folder, byte[] input) throws IOException {
      LinkerCacheFile.entries(Files.write(folder.resolve("ld.so.cache"), input));
    }

    @Override
    List<byte[]> seeds() {
      return List.of(LinkerCacheFile.example());
    }

    /** Each of the entries may name a path of 4096 bytes. */
    @Override
    long mostBytes(int length) {
      return MEBI * 32 + 2000L * length;
    }
  },

  /** The words of {@code nin train}, a line each, as far as the data set that is not there. */
  COMMAND_LINE(Set.of()) {
    @Override
    void read(Path folder, byte[] input) {
      List<String> words = new ArrayList<>(List.of("train"));
      text(input)
          .lines()
          .limit(20)
          // What would read, write or listen elsewhere.
          .filter(
              word -> !word.matches("(?s)@.*|.*--(config|resume|start-from|ui|out|data|net|dev).*"))
          .forEach(words::add);
      words.addAll(List.of("--dataset", "folder:" + folder.resolve("nothing")));
      words.addAll(List.of("--device", "reference"));
      Shell.Outcome outcome = new Shell(folder).run(words.toArray(String[]::new));
      if (outcome.code() == 1 || outcome.code() != 0 && outcome.err().size() != 1) {
        throw new IllegalStateException(words + ": " + outcome);
      }
    }

    @Override
    List<byte[]> seeds() {
      return Stream.of(
              "--lr\n0.1\n--epochs\n3\n--schedule\nonecycle\n--warm-up\n0.3",
              "--inner\n1x1,3x3p1\n--reduce\n192,10\n--head\nlinear",
              "--optimizer\nadamw\n--weight-decay\n1e-2\n--clip\n1\n--average\n0.9",
              "--mean\n0.5,0.5,0.5\n--std\n0.2,0.2,0.2\n--size\n32\n--batch\n8",
              "--split\n0.25\n--split-seed\n3\n--validation\n0.1\n--limit\n20",
              "--minutes\n3\n--checkpoint-every\n0.5\n--keep\n2\n--threads\n1",
              "--recipe\nd2l\n--momentum\n0.9\n--seed\n-1\n--precision\nbf16")
          .map(text -> text.getBytes(StandardCharsets.UTF_8))
          .toList();
    }

    /** The options of all commands are set up anew. */
    @Override
    long mostBytes(int length) {
      return MEBI * 128 + 2000L * length;
    }
  };

  private static final long MEBI = 1 << 20;

  private static final TrainTest IMAGES = Shapes.draw(1, 20, 20, 1);

  private static final Network SMALL =
      NetworkReader.parse(
          "{\"name\":\"small\",\"layers\":[\"flatten\",{\"kind\":\"linear\",\"features\":2}]}");

  private final Set<Class<? extends Throwable>> documented;

  Target(Set<Class<? extends Throwable>> documented) {
    this.documented = documented;
  }

  /** Reads the bytes; throws what the reader throws. */
  abstract void read(Path folder, byte[] input) throws IOException;

  /** Bytes that it takes, to begin with. */
  abstract List<byte[]> seeds() throws IOException;

  /** What reading so many bytes may allocate, all in all. */
  long mostBytes(int length) {
    return MEBI * 32 + 200L * length;
  }

  /** Whether a fuzzer, which watches each branch, should spend its time on such an input. */
  boolean isWorthFuzzing(byte[] input) {
    return true;
  }

  /** How long that may take on a machine that is busy. */
  long mostSeconds() {
    return 10;
  }

  /** Whether its documentation names it. */
  boolean documents(Throwable thrown) {
    return documented.stream().anyMatch(kind -> kind.isInstance(thrown));
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static byte[] with(byte first, byte[] rest) {
    return ByteBuffer.allocate(1 + rest.length).put(first).put(rest).array();
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    }
    return out.toByteArray();
  }

  private static byte[] safetensors(String header, byte[] values) {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + text.length + values.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(text.length)
        .put(text)
        .put(values)
        .array();
  }

  /** The SHA-256 sum of the rest in the place of the one that is there, if it is. */
  private static byte[] withSum(byte[] file) {
    String key = "\"digest\":\"";
    String bytes = new String(file, StandardCharsets.ISO_8859_1);
    int at = bytes.indexOf(key);
    if (at < 8 || at + key.length() + 64 > file.length) {
      return file;
    }
    byte[] with = file.clone();
    Arrays.fill(with, at + key.length(), at + key.length() + 64, (byte) '0');
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      sha256.update(with, 8, with.length - 8);
      byte[] sum = HexFormat.of().formatHex(sha256.digest()).getBytes(StandardCharsets.US_ASCII);
      System.arraycopy(sum, 0, with, at + key.length(), sum.length);
      return with;
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private interface Making {
    List<byte[]> from(Path folder) throws IOException;
  }

  private static List<byte[]> inFolder(Making making) throws IOException {
    Path folder = Files.createTempDirectory("seeds");
    try {
      return making.from(folder);
    } finally {
      Fuzzing.delete(folder);
    }
  }

  /** From the folder of a small run. */
  private static List<byte[]> trained(Making making) throws IOException {
    return inFolder(
        folder -> {
          Path runs = folder.resolve("runs");
          Shell.Outcome outcome =
              new Shell(folder)
                  .run(
                      SmallTraining.command(
                          "--limit", "8", "--epochs", "1", "--out", runs.toString()));
          if (outcome.code() != 0) {
            throw new IllegalStateException(outcome.toString());
          }
          try (Stream<Path> all = Files.list(runs)) {
            return making.from(all.findFirst().orElseThrow());
          }
        });
  }
}
