package org.nin4j.backend.cuda.natives.search;

import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Libraries that work together: NVRTC, cuBLAS and cuDNN for one major version of CUDA.
 *
 * @param cudaMajor 12 or 13
 * @param libraries by role; the CUDA run time may be absent
 */
public record CudaSet(int cudaMajor, Map<LibraryRole, CudaLibrary> libraries) {

  /** Copies the map, in load order, and checks that nothing needed is absent. */
  public CudaSet {
    libraries = Collections.unmodifiableMap(new EnumMap<>(libraries));
    for (LibraryRole role : LibraryRole.values()) {
      boolean optional = role == LibraryRole.DRIVER || role == LibraryRole.CUDA_RUNTIME;
      if (!optional && !libraries.containsKey(role)) {
        throw new IllegalArgumentException("a CUDA set lacks " + role.stem());
      }
    }
  }

  /** All of them, dependencies before dependents. */
  public List<CudaLibrary> inLoadOrder() {
    return List.copyOf(libraries.values());
  }

  /** The library of a role that every set has. */
  public CudaLibrary library(LibraryRole role) {
    return libraries.get(role);
  }
}
