package org.nin4j.backend.cuda.natives.search;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.nin4j.backend.Platform;
import org.nin4j.backend.cuda.natives.search.LibraryRole.Component;
import org.nin4j.text.Text;

/**
 * Something that keeps the GPU backend from working: what it is, and the one line that mends it.
 */
public sealed interface Problem {

  /** What is wrong, in one line. */
  String message();

  /** What to do about it, in one line. */
  String remedy();

  /** The component that it concerns, where it is one. */
  default Optional<Component> component() {
    return Optional.empty();
  }

  /** JCuda's natives exist for x86-64 Linux only. */
  record UnsupportedPlatform(Platform platform) implements Problem {
    @Override
    public String message() {
      return "the GPU backend runs on x86-64 Linux; this is " + platform;
    }

    @Override
    public String remedy() {
      return "use --device cpu";
    }
  }

  /**
   * {@code libcuda.so.1} is nowhere.
   *
   * @param gpuOnBus whether the machine shows an NVIDIA GPU all the same
   * @param container whether this is a container
   */
  record NoDriver(boolean gpuOnBus, boolean container) implements Problem {
    @Override
    public String message() {
      return "no NVIDIA driver: libcuda.so.1 is not to be found"
          + (gpuOnBus ? ", though the machine has an NVIDIA GPU" : "");
    }

    @Override
    public String remedy() {
      if (!gpuOnBus) {
        return "this machine shows no NVIDIA GPU: use --device cpu";
      }
      return container
          ? "start the container with its GPUs: docker run --gpus all … (needs the NVIDIA Container"
              + " Toolkit on the host)"
          : "sudo ubuntu-drivers install (Ubuntu) or sudo apt install nvidia-driver (Debian), then"
              + " restart the machine";
    }
  }

  /**
   * The driver runs only older versions of CUDA.
   *
   * @param supported the newest CUDA that the driver runs
   * @param cudaMajor the CUDA that the libraries belong to
   */
  record DriverTooOld(Version supported, int cudaMajor) implements Problem {
    @Override
    public String message() {
      return Text.of(
          "the driver runs CUDA up to %s, the libraries found are of CUDA %d",
          supported, cudaMajor);
    }

    @Override
    public String remedy() {
      String driver = "install driver " + CudaLibraries.oldestDriver(cudaMajor) + " or newer";
      return supported.major() < 12
          ? driver
          : driver + ", or libraries for it: " + Remedies.pip(supported.major(), Remedies.WHOLE);
    }
  }

  /** The driver is there, and refuses to start. */
  record DriverFailed(int code, String name) implements Problem {
    @Override
    public String message() {
      return Text.of("the NVIDIA driver does not start: cuInit answers %s (%d)", name, code);
    }

    @Override
    public String remedy() {
      return switch (code) {
        case 3, 34 -> "libcuda.so.1 is a stub: take the folder stubs off LD_LIBRARY_PATH";
        case 802 -> "start the fabric manager: sudo systemctl start nvidia-fabricmanager";
        case 803, 804 ->
            "the driver's kernel module and libcuda.so.1 differ: restart the machine, or take"
                + " another driver's folder off LD_LIBRARY_PATH";
        default -> "see what nvidia-smi says; restarting the machine reloads the driver";
      };
    }
  }

  /** The driver works and shows no GPU; {@code hidden} is CUDA_VISIBLE_DEVICES, where set. */
  record NoGpuVisible(Optional<String> hidden) implements Problem {
    @Override
    public String message() {
      return "the driver shows no GPU"
          + hidden.map(" with CUDA_VISIBLE_DEVICES=\"%s\""::formatted).orElse("");
    }

    @Override
    public String remedy() {
      return hidden.isPresent()
          ? "unset CUDA_VISIBLE_DEVICES, or set it to 0"
          : "see whether nvidia-smi -L lists one; in a container, give it --gpus all";
    }
  }

  /** No GPU is new enough. */
  record GpuTooOld(String name, int major, int minor) implements Problem {
    @Override
    public String message() {
      return Text.of(
          "%s has compute capability %d.%d; NiN4J needs 7.5 (Turing) or newer", name, major, minor);
    }

    @Override
    public String remedy() {
      return "use --device cpu, or a GPU of 2018 or later";
    }
  }

  /** NVRTC cannot compile for the GPU. */
  record GpuTooNew(String name, int major, int minor, Version nvrtc, int cudaMajor)
      implements Problem {
    @Override
    public String message() {
      return Text.of(
          "NVRTC %s cannot compile for %s (compute capability %d.%d)", nvrtc, name, major, minor);
    }

    @Override
    public String remedy() {
      return "install newer CUDA libraries: "
          + Remedies.pip(cudaMajor, Remedies.WHOLE).replace("install ", "install --upgrade ");
    }
  }

  /** Parts of CUDA are nowhere. */
  record Missing(List<Component> components, int cudaMajor) implements Problem {
    /** Copies the list. */
    public Missing {
      components = List.copyOf(components);
    }

    @Override
    public String message() {
      return Text.of(
          "no %s for CUDA %d is to be found",
          components.stream().map(Component::title).collect(Collectors.joining(", no ")),
          cudaMajor);
    }

    @Override
    public String remedy() {
      return Remedies.install(cudaMajor, components);
    }
  }

  /** A folder holds a part of a component. */
  record Incomplete(Component part, Path folder, String lack, int cudaMajor) implements Problem {
    @Override
    public String message() {
      return Text.of("%s in %s is incomplete: %s", part.title(), folder, lack);
    }

    @Override
    public String remedy() {
      return Remedies.install(cudaMajor, List.of(part));
    }

    @Override
    public Optional<Component> component() {
      return Optional.of(part);
    }
  }

  /** A library is of another processor. */
  record WrongArchitecture(Component part, Path path, String reason) implements Problem {
    @Override
    public String message() {
      return Text.of("%s is of the wrong architecture: %s", path, reason);
    }

    @Override
    public String remedy() {
      return Remedies.elsewhere(part);
    }

    @Override
    public Optional<Component> component() {
      return Optional.of(part);
    }
  }

  /** A library cannot be read. */
  record Damaged(Component part, Path path, String reason) implements Problem {
    @Override
    public String message() {
      return Text.of("%s cannot be used: %s", path, reason);
    }

    @Override
    public String remedy() {
      return "install it anew; " + Remedies.elsewhere(part);
    }

    @Override
    public Optional<Component> component() {
      return Optional.of(part);
    }
  }

  /** A library is of a version that the backend does not know. */
  record UnsupportedVersion(Component part, Path path, Version version) implements Problem {
    @Override
    public String message() {
      return Text.of(
          "%s is of version %s; NiN4J works with CUDA 12 and 13 and with cuDNN 9", path, version);
    }

    @Override
    public String remedy() {
      return Remedies.elsewhere(part);
    }

    @Override
    public Optional<Component> component() {
      return Optional.of(part);
    }
  }

  /** cuDNN is built for another CUDA than the other libraries. */
  record CudnnForOtherCuda(Path path, int cudnnFor, int cudaMajor) implements Problem {
    @Override
    public String message() {
      return Text.of(
          "%s is built for CUDA %d, the other libraries are of CUDA %d", path, cudnnFor, cudaMajor);
    }

    @Override
    public String remedy() {
      return Remedies.install(cudaMajor, List.of(Component.CUDNN));
    }

    @Override
    public Optional<Component> component() {
      return Optional.of(Component.CUDNN);
    }
  }

  /** A library needs a newer C library than the system has. */
  record GlibcTooOld(Component part, Path path, Version needed, Version present)
      implements Problem {
    @Override
    public String message() {
      return Text.of("%s needs glibc %s; this system has %s", path, needed, present);
    }

    @Override
    public String remedy() {
      return "use a newer distribution, or an older release of " + part.title();
    }

    @Override
    public Optional<Component> component() {
      return Optional.of(part);
    }
  }

  /** The folders that the user named hold nothing that was used. */
  record SettingUnused(List<Path> setting) implements Problem {
    @Override
    public String message() {
      return Text.of(
          "no usable CUDA library lies in %s, which --cuda-libs or %s names",
          setting.stream().map(Path::toString).collect(Collectors.joining(":")),
          SearchPlaces.SETTING_VARIABLE);
    }

    @Override
    public String remedy() {
      return "name the folder that holds libcudnn.so.9, or leave the setting out";
    }
  }

  /** The folder for retargeted natives cannot be used. */
  record CacheUnusable(Path folder, String reason, String remedy) implements Problem {
    @Override
    public String message() {
      return Text.of("the cache folder %s cannot be used: %s", folder, reason);
    }
  }

  /** JCuda would load an own native of its own accord. */
  record JCudaShadowed(Path path) implements Problem {
    @Override
    public String message() {
      return path + " lies on Java's library path, where JCuda would take it before NiN4J's";
    }

    @Override
    public String remedy() {
      return Text.of("take %s off LD_LIBRARY_PATH and java.library.path", path.getParent());
    }
  }

  /** The dynamic linker refused a library. */
  record LoadFailed(Path path, String reason) implements Problem {
    @Override
    public String message() {
      return Text.of("%s does not load: %s", path, reason);
    }

    @Override
    public String remedy() {
      if (reason.contains("libz.so.1")) {
        return "sudo apt install zlib1g";
      }
      if (reason.contains("undefined symbol")) {
        return "unset LD_BIND_NOW, which wants functions that nobody calls and cuDNN 9 has dropped";
      }
      if (reason.contains("failed to map segment")) {
        return Text.of(
            "its mount may forbid running code (noexec): set %s to a folder on another",
            CacheDirectory.VARIABLE);
      }
      return "install the library named in this message, or name a whole set with --cuda-libs DIR";
    }
  }

  /** This process has already loaded other libraries. */
  record AlreadyLoaded(Path loaded) implements Problem {
    @Override
    public String message() {
      return Text.of("this process has already loaded other CUDA libraries (%s)", loaded);
    }

    @Override
    public String remedy() {
      return "start a new process to change them";
    }
  }

  /** A library that was loaded does not answer. */
  record CallFailed(String call, String result) implements Problem {
    @Override
    public String message() {
      return Text.of("%s answers %s", call, result);
    }

    @Override
    public String remedy() {
      return "see whether another program holds the GPU or its memory (nvidia-smi)";
    }
  }
}
