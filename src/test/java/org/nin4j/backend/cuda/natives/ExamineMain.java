package org.nin4j.backend.cuda.natives;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.nin4j.backend.cuda.natives.doctor.Doctor;
import org.nin4j.backend.cuda.natives.doctor.Report;
import org.nin4j.backend.cuda.natives.search.CacheDirectory;
import org.nin4j.backend.cuda.natives.search.CudaLibraries;
import org.nin4j.backend.cuda.natives.search.Found;
import org.nin4j.backend.cuda.natives.search.NativesException;
import org.nin4j.backend.cuda.natives.search.SearchPlaces;

/** Runs an examination in a process of its own, since what it loads stays loaded. */
final class ExamineMain {
  private ExamineMain() {}

  /** Takes the folder of libraries; prints the report, then whether JCuda answers. */
  public static void main(String[] arguments) {
    SearchPlaces places = SearchPlaces.ofThisMachine(List.of(Path.of(arguments[0])));
    Report report = Doctor.examine(places);
    report.lines().forEach(System.out::println);
    System.out.println("usable " + report.usable());
    if (report.usable()) {
      CacheDirectory cache = CacheDirectory.ofThisUser(System.out::println);
      System.out.println("again " + JCudaNatives.load(CudaLibraries.find(places, cache), cache));
    }
  }

  /** Loads the libraries, without a driver, and lets JCuda use them. */
  static final class Libraries {
    private Libraries() {}

    /** Takes the folders of libraries. */
    public static void main(String[] arguments) {
      List<Path> folders = Stream.of(arguments).map(Path::of).toList();
      Found found = CudaLibraries.find(SearchPlaces.ofThisMachine(folders));
      System.out.println(
          JCudaNatives.loadLibraries(
              found.set().orElseThrow(), CacheDirectory.ofThisUser(System.out::println)));
    }
  }

  /** Loads two sets one after the other. */
  static final class TwoSets {
    private TwoSets() {}

    /** Takes two folders of libraries. */
    public static void main(String[] arguments) {
      CacheDirectory cache = CacheDirectory.ofThisUser(System.out::println);
      for (String folder : arguments) {
        Found found = CudaLibraries.find(SearchPlaces.ofThisMachine(List.of(Path.of(folder))));
        try {
          System.out.println(JCudaNatives.load(found, cache));
        } catch (NativesException e) {
          System.out.println(e.getMessage());
        }
      }
    }
  }

  /** Uses JCuda without this package, as a contrast. */
  static final class BareJCuda {
    private BareJCuda() {}

    /** Takes nothing. */
    public static void main(String[] arguments) {
      jcuda.driver.JCudaDriver.setExceptionsEnabled(false);
    }
  }
}
