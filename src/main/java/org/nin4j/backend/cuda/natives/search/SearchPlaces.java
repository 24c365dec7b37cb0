package org.nin4j.backend.cuda.natives.search;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Where to look for CUDA: everything that the search knows of the outside world, so that a test can
 * give it a world of its own.
 *
 * @param setting folders that the user named; they beat all others
 * @param environment the environment variables
 * @param home the user's home folder
 * @param root the file system's root, under which the fixed places lie
 */
public record SearchPlaces(
    List<Path> setting, Map<String, String> environment, Path home, Path root) {

  /** The variable that names folders like {@code --cuda-libs}, separated by colons. */
  public static final String SETTING_VARIABLE = "NIN4J_CUDA_LIBS";

  private static final List<String> SYSTEM_FOLDERS =
      List.of(
          "usr/lib/x86_64-linux-gnu",
          "lib/x86_64-linux-gnu",
          "usr/lib64",
          "lib64",
          "usr/lib",
          "usr/local/lib",
          "usr/local/nvidia/lib64",
          "usr/local/nvidia/lib",
          "usr/lib/wsl/lib",
          "run/opengl-driver/lib");

  /** Linux follows no more. */
  private static final int MOST_LINKS = 40;

  /** A folder of libraries, and how it came to be searched. */
  public record Place(Origin origin, Path folder) {}

  /** Copies what can change. */
  public SearchPlaces {
    setting = List.copyOf(setting);
    environment = Map.copyOf(environment);
  }

  /**
   * This machine's places.
   *
   * @param setting the folders given by {@code --cuda-libs}; if there are none, those of {@link
   *     #SETTING_VARIABLE}
   */
  public static SearchPlaces ofThisMachine(List<Path> setting) {
    Map<String, String> environment = System.getenv();
    List<Path> folders =
        setting.isEmpty() ? paths(environment.get(SETTING_VARIABLE)).toList() : setting;
    return new SearchPlaces(
        folders.stream().map(Path::toAbsolutePath).toList(),
        environment,
        Path.of(System.getProperty("user.home")),
        Path.of("/"));
  }

  /** The folders that exist, in the order of search, none twice. */
  public List<Place> folders() {
    Map<Path, Place> byRealPath = new LinkedHashMap<>();
    for (Place place : candidates()) {
      if (Files.isDirectory(place.folder()) && Files.isReadable(place.folder())) {
        try {
          byRealPath.putIfAbsent(place.folder().toRealPath(), place);
        } catch (IOException vanished) {
          // A folder that cannot be resolved holds nothing that could be loaded.
          continue;
        }
      }
    }
    return List.copyOf(byRealPath.values());
  }

  /** The redistributable libraries of CUDA that Maven or JavaCPP keep as jars, newest first. */
  List<Path> redistributableJars() {
    List<Path> jars = new ArrayList<>();
    Path repository = mavenRepository().resolve("org/bytedeco/cuda");
    for (Path version : matching(repository, "*")) {
      jars.addAll(matching(version, "cuda-*-linux-x86_64-redist.jar"));
    }
    jars.sort((a, b) -> b.getFileName().toString().compareTo(a.getFileName().toString()));
    return List.copyOf(jars);
  }

  /** Where the C library may lie that programs run on, the likeliest first. */
  List<Path> standardCLibraries() {
    Stream<Path> cached =
        linkerCache().stream()
            .filter(entry -> entry.soname().equals("libc.so.6"))
            .map(entry -> underRoot(entry.path()));
    Stream<Path> usual =
        SYSTEM_FOLDERS.stream().map(folder -> root.resolve(folder).resolve("libc.so.6"));
    return Stream.concat(cached, usual).filter(Files::isRegularFile).toList();
  }

  /** The same places with one more in the end. */
  List<Place> foldersAnd(Place last) {
    List<Place> folders = new ArrayList<>(folders());
    folders.add(last);
    return List.copyOf(folders);
  }

  private List<Place> candidates() {
    List<Place> places = new ArrayList<>();
    setting.forEach(folder -> addAll(places, Origin.SETTING, settingFolders(folder)));
    addAll(places, Origin.LIBRARY_PATH, absolutePaths(environment.get("LD_LIBRARY_PATH")));
    addAll(places, Origin.LINKER_CACHE, linkerCacheFolders());
    addAll(places, Origin.TOOLKIT, toolkitFolders());
    addAll(places, Origin.DISTRIBUTION, SYSTEM_FOLDERS.stream().map(root::resolve).toList());
    // NVIDIA's Debian packages of cuDNN keep one folder per major version of CUDA.
    for (Path folder : matching(root.resolve("usr/lib/x86_64-linux-gnu/libcudnn"), "*")) {
      places.add(new Place(Origin.DISTRIBUTION, folder));
    }
    for (Path sitePackages : sitePackages()) {
      addAll(places, Origin.PYTHON, wheelFolders(sitePackages));
    }
    absolutePaths(environment.get("CONDA_PREFIX"))
        .forEach(prefix -> addAll(places, Origin.CONDA, toolkitLayout(prefix)));
    for (Path jar : matching(home.resolve(".javacpp/cache"), "cuda-*-linux-x86_64-redist.jar")) {
      places.add(new Place(Origin.MAVEN, jar.resolve("org/bytedeco/cuda/linux-x86_64")));
    }
    return places;
  }

  private static void addAll(List<Place> places, Origin origin, List<Path> folders) {
    folders.forEach(folder -> places.add(new Place(origin, folder)));
  }

  /** A user may name the folder itself, a toolkit, an environment, or its site-packages. */
  private static List<Path> settingFolders(Path folder) {
    List<Path> folders = new ArrayList<>();
    folders.add(folder);
    folders.addAll(toolkitLayout(folder));
    for (Path part : matching(folder, "*")) {
      folders.add(part.resolve("lib"));
    }
    folders.addAll(wheelFolders(folder));
    pythonFolders(folder).forEach(packages -> folders.addAll(wheelFolders(packages)));
    return folders;
  }

  private List<Path> linkerCacheFolders() {
    return linkerCache().stream()
        .filter(entry -> LibraryRole.ofName(entry.soname()).isPresent())
        .map(entry -> underRoot(entry.path()).getParent())
        .distinct()
        .toList();
  }

  private List<LinkerCache.Entry> linkerCache() {
    return LinkerCache.read(root.resolve("etc/ld.so.cache"));
  }

  private List<Path> toolkitFolders() {
    List<Path> homes = new ArrayList<>();
    homes.addAll(absolutePaths(environment.get("CUDA_HOME")));
    homes.addAll(absolutePaths(environment.get("CUDA_PATH")));
    homes.add(root.resolve("usr/local/cuda"));
    homes.addAll(matching(root.resolve("usr/local"), "cuda-*"));
    homes.add(root.resolve("opt/cuda"));
    List<Path> folders = new ArrayList<>();
    homes.forEach(toolkit -> folders.addAll(toolkitLayout(toolkit)));
    return folders;
  }

  private static List<Path> toolkitLayout(Path prefix) {
    return List.of(
        prefix.resolve("lib64"), prefix.resolve("lib"), prefix.resolve("targets/x86_64-linux/lib"));
  }

  /** Folders into which Python environments install packages. */
  private List<Path> sitePackages() {
    List<Path> prefixes = new ArrayList<>();
    prefixes.addAll(absolutePaths(environment.get("VIRTUAL_ENV")));
    prefixes.addAll(absolutePaths(environment.get("CONDA_PREFIX")));
    for (Path folder : absolutePaths(environment.get("PATH"))) {
      Path python = folder.resolve("python3");
      if (Files.isExecutable(python)) {
        prefixes.addAll(prefixes(python));
      }
    }
    Path pyenv = home.resolve(".pyenv");
    prefixes.addAll(matching(pyenv.resolve("versions"), "*"));
    prefixes.add(home.resolve(".local"));
    prefixes.add(root.resolve("usr/local"));
    prefixes.add(root.resolve("usr"));
    List<Path> folders = new ArrayList<>();
    prefixes.forEach(prefix -> folders.addAll(pythonFolders(prefix.normalize())));
    return folders;
  }

  /**
   * The environments that a program belongs to: those of the link on the path, of each link that it
   * leads over, and of the file in the end. An environment's own {@code python3} is a link to one
   * outside, so neither end alone will do.
   */
  private static List<Path> prefixes(Path program) {
    List<Path> prefixes = new ArrayList<>();
    Path at = program;
    try {
      for (int links = 0; links < MOST_LINKS; links++) {
        Path folder = at.getParent().toRealPath();
        prefixes.add(at.resolve("../.."));
        prefixes.add(folder.resolve(".."));
        if (!Files.isSymbolicLink(at)) {
          break;
        }
        at = folder.resolve(Files.readSymbolicLink(at));
      }
    } catch (IOException vanished) {
      return prefixes;
    }
    return prefixes;
  }

  private static List<Path> pythonFolders(Path prefix) {
    List<Path> folders = new ArrayList<>();
    for (String lib : List.of("lib", "lib64")) {
      for (Path python : matching(prefix.resolve(lib), "python3*")) {
        folders.add(python.resolve("site-packages"));
        folders.add(python.resolve("dist-packages"));
      }
    }
    return folders;
  }

  /** NVIDIA's wheels: a folder each for CUDA 12, one {@code cu13} for all of CUDA 13. */
  private static List<Path> wheelFolders(Path sitePackages) {
    return matching(sitePackages.resolve("nvidia"), "*").stream()
        .map(wheel -> wheel.resolve("lib"))
        .toList();
  }

  private Path mavenRepository() {
    return home.resolve(".m2/repository");
  }

  private Path underRoot(String absolutePath) {
    return root.resolve(absolutePath.replaceFirst("^/+", ""));
  }

  /**
   * The paths of a variable such as LD_LIBRARY_PATH. Empty and relative ones are left out: they
   * would load code from wherever the program happens to be started.
   */
  private static List<Path> absolutePaths(String variable) {
    return paths(variable).filter(Path::isAbsolute).toList();
  }

  private static Stream<Path> paths(String variable) {
    return Stream.of((variable == null ? "" : variable).split(File.pathSeparator))
        .filter(text -> !text.isEmpty() && text.indexOf('\0') < 0)
        .map(Path::of);
  }

  private static List<Path> matching(Path folder, String pattern) {
    List<Path> entries = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder, pattern)) {
        stream.forEach(entries::add);
      } catch (IOException unreadable) {
        return List.of();
      }
    }
    entries.sort(null);
    return entries;
  }
}
