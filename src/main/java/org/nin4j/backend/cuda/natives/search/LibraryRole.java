package org.nin4j.backend.cuda.natives.search;

import java.util.Arrays;
import java.util.Optional;

/**
 * The CUDA libraries that the backend uses, in the order in which they are loaded: each stands
 * behind those that it needs, so that every need is met by a library that was chosen, never by one
 * that the linker happens to find.
 */
public enum LibraryRole {
  /** The driver's user-space half, {@code libcuda.so.1}; it belongs to the driver, not to CUDA. */
  DRIVER("libcuda", Component.DRIVER),
  /**
   * The CUDA run time; loaded where it lies beside the others, since some builds of them want it.
   */
  CUDA_RUNTIME("libcudart", Component.CUDA_RUNTIME),
  /** NVRTC's built-in headers and functions, which it opens at its first compilation. */
  NVRTC_BUILTINS("libnvrtc-builtins", Component.NVRTC),
  /** The run-time compiler for kernels. */
  NVRTC("libnvrtc", Component.NVRTC),
  /** The lower half of cuBLAS; cuDNN's engines use it too. */
  CUBLAS_LT("libcublasLt", Component.CUBLAS),
  /** Matrix multiplications. */
  CUBLAS("libcublas", Component.CUBLAS),
  /** cuDNN's graph interface, on which its other parts rest. */
  CUDNN_GRAPH("libcudnn_graph", Component.CUDNN),
  /** cuDNN's tensor operations. */
  CUDNN_OPS("libcudnn_ops", Component.CUDNN),
  /** cuDNN's convolutions. */
  CUDNN_CNN("libcudnn_cnn", Component.CUDNN),
  /** cuDNN's choice of engines. */
  CUDNN_HEURISTIC("libcudnn_heuristic", Component.CUDNN),
  /** cuDNN's compiled kernels. */
  CUDNN_ENGINES_PRECOMPILED("libcudnn_engines_precompiled", Component.CUDNN),
  /** cuDNN's kernels that are compiled when used. */
  CUDNN_ENGINES_RUNTIME_COMPILED("libcudnn_engines_runtime_compiled", Component.CUDNN),
  /** cuDNN's recurrent and attention operations. */
  CUDNN_ADV("libcudnn_adv", Component.CUDNN),
  /** cuDNN's front door, which hands calls on to its parts. */
  CUDNN("libcudnn", Component.CUDNN);

  /** Libraries that come together, from one folder. */
  public enum Component {
    /** The driver. */
    DRIVER("NVIDIA driver"),
    /** The CUDA run time, which is optional. */
    CUDA_RUNTIME("CUDA run time"),
    /** The run-time compiler. */
    NVRTC("NVRTC"),
    /** Matrix multiplications. */
    CUBLAS("cuBLAS"),
    /** Convolution and pooling. */
    CUDNN("cuDNN");

    private final String title;

    Component(String title) {
      this.title = title;
    }

    /** The name that NVIDIA gives it. */
    public String title() {
      return title;
    }
  }

  private final String stem;
  private final Component component;

  LibraryRole(String stem, Component component) {
    this.stem = stem;
    this.component = component;
  }

  /** The file's name up to {@code .so}. */
  public String stem() {
    return stem;
  }

  /** What it comes with. */
  public Component component() {
    return component;
  }

  /** The role of the library with this file name or soname, if it has one. */
  public static Optional<LibraryRole> ofName(String name) {
    return Arrays.stream(values()).filter(role -> name.startsWith(role.stem + ".so.")).findFirst();
  }

  /** The version within a file name or soname of this role: 12 in {@code libcublas.so.12}. */
  Optional<Version> versionIn(String name) {
    int start = stem.length() + ".so.".length();
    return start <= name.length() ? Version.parse(name.substring(start)) : Optional.empty();
  }

  /** Whether the backend works with libraries of this role whose soname has this major version. */
  boolean supports(int major) {
    return switch (component) {
      case DRIVER -> major == 1;
      case CUDNN -> major == CudaLibraries.CUDNN_MAJOR;
      case CUDA_RUNTIME, NVRTC, CUBLAS -> CudaLibraries.CUDA_MAJORS.contains(major);
    };
  }
}
