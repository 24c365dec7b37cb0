package org.nin4j.backend.cuda.natives;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.nin4j.text.Text;

/**
 * A driver and CUDA libraries that answer the calls of an examination and nothing else, compiled
 * for the test. What the driver answers comes from the environment: FAKE_CUDA (its version, 12060),
 * FAKE_INIT (cuInit's result), FAKE_GPUS (how many), FAKE_CAPABILITY (of each, 86), FAKE_CONTEXT
 * (the result of opening a context).
 */
final class FakeCuda {
  private static final String DRIVER =
      """
      #include <stdlib.h>
      #include <string.h>
      static int value(const char *name, int otherwise) {
        const char *text = getenv(name);
        return text ? atoi(text) : otherwise;
      }
      int cuInit(unsigned flags) { return value("FAKE_INIT", 0); }
      int cuDriverGetVersion(int *version) { *version = value("FAKE_CUDA", 12060); return 0; }
      int cuDeviceGetCount(int *count) { *count = value("FAKE_GPUS", 1); return 0; }
      int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
      int cuDeviceGetName(char *name, int size, int device) {
        strncpy(name, "Fake GPU", size);
        return 0;
      }
      int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = (size_t)6 << 30; return 0; }
      int cuDeviceGetAttribute(int *result, int attribute, int device) {
        int capability = value("FAKE_CAPABILITY", 86);
        *result = attribute == 75 ? capability / 10 : capability % 10;
        return 0;
      }
      int cuDevicePrimaryCtxRetain(void **context, int device) {
        *context = &value;
        return value("FAKE_CONTEXT", 0);
      }
      int cuDevicePrimaryCtxRelease_v2(int device) { return 0; }
      int cuDevicePrimaryCtxRelease(int device) { return 0; }
      int cuCtxSetCurrent(void *context) { return 0; }
      """;
  private static final String NVRTC =
      """
      int nvrtcVersion(int *major, int *minor) { *major = 12; *minor = 6; return 0; }
      int nvrtcGetNumSupportedArchs(int *count) { *count = 3; return 0; }
      int nvrtcGetSupportedArchs(int *archs) {
        archs[0] = 75; archs[1] = 86; archs[2] = 90;
        return 0;
      }
      """;
  private static final String CUBLAS =
      """
      int cublasGetProperty(int type, int *value) {
        *value = type == 0 ? 12 : type == 1 ? 6 : 4;
        return 0;
      }
      int cublasCreate_v2(void **handle) { *handle = &cublasGetProperty; return 0; }
      int cublasDestroy_v2(void *handle) { return 0; }
      """;
  private static final String CUDNN =
      """
      #include <stddef.h>
      size_t cudnnGetVersion(void) { return 90501; }
      size_t cudnnGetCudartVersion(void) { return %s; }
      int cudnnCreate(void **handle) { *handle = &cudnnGetVersion; return 0; }
      int cudnnDestroy(void *handle) { return 0; }
      """;

  private FakeCuda() {}

  /** Everything in one folder, besides what is there already. */
  static Path compile(Path folder) throws IOException {
    return compile(folder, 12060);
  }

  /** Like {@link #compile(Path)}, cuDNN built for a CUDA of its own. */
  static Path compile(Path folder, int cudnnsCuda) throws IOException {
    Files.createDirectories(folder);
    Map<String, String> code =
        Map.of(
            "libcuda.so.1", DRIVER,
            "libnvrtc.so.12", NVRTC,
            "libcublas.so.12", CUBLAS,
            "libcudnn.so.9", Text.of(CUDNN, cudnnsCuda));
    for (Map.Entry<String, String> library : code.entrySet()) {
      if (!Files.exists(folder.resolve(library.getKey()))) {
        TestTools.compile(folder, library.getKey(), library.getValue());
      }
    }
    // Parts that only have to be there.
    for (String soname :
        List.of(
            "libnvrtc-builtins.so.12.6",
            "libcublasLt.so.12",
            "libcudnn_graph.so.9",
            "libcudnn_ops.so.9",
            "libcudnn_cnn.so.9",
            "libcudnn_heuristic.so.9",
            "libcudnn_engines_precompiled.so.9",
            "libcudnn_engines_runtime_compiled.so.9",
            "libcudnn_adv.so.9")) {
      if (!Files.exists(folder.resolve(soname))) {
        TestTools.compile(folder, soname, "int nin4j_test_empty;");
      }
    }
    return folder;
  }
}
