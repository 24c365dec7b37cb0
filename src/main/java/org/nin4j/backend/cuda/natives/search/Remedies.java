package org.nin4j.backend.cuda.natives.search;

import java.util.List;
import java.util.stream.Collectors;
import org.nin4j.backend.cuda.natives.search.LibraryRole.Component;

/** The commands that install CUDA's libraries, as NVIDIA names its packages. */
final class Remedies {
  /** All that the backend needs besides the driver. */
  static final List<Component> WHOLE = List.of(Component.NVRTC, Component.CUBLAS, Component.CUDNN);

  private Remedies() {}

  static String pip(int cudaMajor, List<Component> components) {
    return components.stream()
        .map(component -> wheel(component, cudaMajor))
        .collect(Collectors.joining(" ", "pip install ", ""));
  }

  static String install(int cudaMajor, List<Component> components) {
    return components.stream()
        .map(component -> debianPackage(component, cudaMajor))
        .collect(
            Collectors.joining(
                " ",
                pip(cudaMajor, components) + " (or, from NVIDIA's repository, apt install ",
                "); elsewhere installed: --cuda-libs DIR"));
  }

  /** For a candidate that nothing but another one can replace. */
  static String elsewhere(Component component) {
    return component == Component.DRIVER
        ? "install the driver's 64-bit libraries"
        : "name the folder of another with --cuda-libs DIR, or "
            + pip(CudaLibraries.CUDA_MAJORS.get(1), List.of(component));
  }

  /** From CUDA 13 on, NVIDIA's wheels carry no suffix, except cuDNN's. */
  private static String wheel(Component component, int cudaMajor) {
    String suffix = cudaMajor < 13 ? "-cu" + cudaMajor : "";
    return switch (component) {
      case NVRTC -> "nvidia-cuda-nvrtc" + suffix;
      case CUBLAS -> "nvidia-cublas" + suffix;
      case CUDNN -> "nvidia-cudnn-cu" + cudaMajor;
      case DRIVER, CUDA_RUNTIME -> throw new IllegalArgumentException(component + " has no wheel");
    };
  }

  private static String debianPackage(Component component, int cudaMajor) {
    String release = cudaMajor < 13 ? "12-9" : cudaMajor + "-0";
    return switch (component) {
      case NVRTC -> "cuda-nvrtc-" + release;
      case CUBLAS -> "libcublas-" + release;
      case CUDNN -> "libcudnn9-cuda-" + cudaMajor;
      case DRIVER, CUDA_RUNTIME -> throw new IllegalArgumentException(component + " is no package");
    };
  }
}
