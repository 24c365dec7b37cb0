package org.nin4j.data.published;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.nin4j.data.TrainTest;

/**
 * A data set that is published as four IDX files under MNIST's names.
 *
 * @param id its name in options and folders
 * @param name the name shown
 * @param classNames the classes by label
 * @param trainImages the gzipped file of training images, and so on
 * @param mirrors where the files are published, each address ending in a slash; tried in turn
 * @param debianPackage the package of Debian and Ubuntu that holds the files, in {@code
 *     /usr/share/datasets/<id>}
 */
public record IdxDataset(
    String id,
    String name,
    List<String> classNames,
    PublishedFile trainImages,
    PublishedFile trainLabels,
    PublishedFile testImages,
    PublishedFile testLabels,
    List<URI> mirrors,
    Optional<String> debianPackage)
    implements PublishedDataset {

  static final String TRAIN_IMAGES = "train-images-idx3-ubyte";
  static final String TRAIN_LABELS = "train-labels-idx1-ubyte";
  static final String TEST_IMAGES = "t10k-images-idx3-ubyte";
  static final String TEST_LABELS = "t10k-labels-idx1-ubyte";

  /**
   * 60,000 and 10,000 images of clothing, 28×28 (Xiao, Rasul, Vollgraf 2017). Its publisher offers
   * the same files in a bucket and in its repository.
   */
  public static final IdxDataset FASHION_MNIST =
      new IdxDataset(
          "fashion-mnist",
          "Fashion-MNIST",
          List.of(
              "T-shirt/top",
              "trouser",
              "pullover",
              "dress",
              "coat",
              "sandal",
              "shirt",
              "sneaker",
              "bag",
              "ankle boot"),
          new PublishedFile(
              TRAIN_IMAGES + ".gz",
              "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
              "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
          new PublishedFile(
              TRAIN_LABELS + ".gz",
              "25c81989df183df01b3e8a0aad5dffbe",
              "9018921c3c673c538a1fc5bad174d6f9"),
          new PublishedFile(
              TEST_IMAGES + ".gz",
              "bef4ecab320f06d8554ea6380940ec79",
              "8181f5470baa50b63fa0f6fddb340f0a"),
          new PublishedFile(
              TEST_LABELS + ".gz",
              "bb300cfdad3c16e7a12a480ee83cd310",
              "15d484375f8d13e6eb1aabb0c3f46965"),
          List.of(
              URI.create(
                  "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"),
              URI.create("https://fashion-mnist.s3.eu-central-1.amazonaws.com/")),
          Optional.of("dataset-fashion-mnist"));

  /** 60,000 and 10,000 handwritten digits, 28×28 (LeCun, Cortes, Burges). */
  public static final IdxDataset MNIST =
      new IdxDataset(
          "mnist",
          "MNIST",
          List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
          new PublishedFile(
              TRAIN_IMAGES + ".gz",
              "f68b3c2dcbeaaa9fbdd348bbdeb94873",
              "6bbc9ace898e44ae57da46a324031adb"),
          new PublishedFile(
              TRAIN_LABELS + ".gz",
              "d53e105ee54ea40749a09fcbcd1e9432",
              "a25bea736e30d166cdddb491f175f624"),
          new PublishedFile(
              TEST_IMAGES + ".gz",
              "9fb629c4189551a2d022fa330f9573f3",
              "2646ac647ad5339dbf082846283269ea"),
          new PublishedFile(
              TEST_LABELS + ".gz",
              "ec29112dd5afa0611ce80d1b7f02629c",
              "27ae3e4e09519cfbb04c329615203637"),
          List.of(
              URI.create("https://ossci-datasets.s3.amazonaws.com/mnist/"),
              URI.create("https://storage.googleapis.com/cvdf-datasets/mnist/")),
          Optional.empty());

  /** Copies the lists. */
  public IdxDataset {
    classNames = List.copyOf(classNames);
    mirrors = List.copyOf(mirrors);
  }

  /** The four files. */
  @Override
  public List<PublishedFile> files() {
    return List.of(trainImages, trainLabels, testImages, testLabels);
  }

  @Override
  public PublishedFile signature() {
    return trainLabels;
  }

  @Override
  public int classes() {
    return classNames.size();
  }

  /**
   * The places in a folder where the four files may lie: in a folder of the data set's name, in the
   * folder itself, or where torchvision puts them, such as {@code FashionMNIST/raw}.
   */
  @Override
  public List<Path> placesIn(Path folder) {
    return List.of(
        folder.resolve(id),
        folder,
        folder.resolve(name.replace("-", "")).resolve("raw"),
        folder.resolve("raw"));
  }

  /**
   * Reads the data set from a folder with its four files, gzipped or unpacked. What they are is
   * checked, but not that they are the published ones.
   *
   * @throws org.nin4j.data.DataException if a file is missing or damaged or the files do not fit
   *     together
   * @throws java.io.UncheckedIOException if a file cannot be read
   */
  @Override
  public TrainTest read(Path folder) {
    return new TrainTest(
        Idx.read(name, classNames, inFolder(folder, trainImages), inFolder(folder, trainLabels)),
        Idx.read(name, classNames, inFolder(folder, testImages), inFolder(folder, testLabels)),
        folder.toString());
  }

  private Path inFolder(Path folder, PublishedFile file) {
    return find(folder, file).orElse(folder.resolve(file.name()));
  }
}
