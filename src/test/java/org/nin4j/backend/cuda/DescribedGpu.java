package org.nin4j.backend.cuda;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.library.CudnnDescriptor;
import org.nin4j.backend.cuda.library.CudnnTarget;
import org.nin4j.backend.cuda.library.CudnnValues;
import org.nin4j.text.Text;

/**
 * A GPU that is not there and of which cuDNN is told all that it wants to know: it then answers
 * which engines it has for a graph and makes their plans, as on that GPU, from version 9.8 on.
 *
 * @param name for people
 * @param capability 90 for 9.0
 * @param multiprocessors how many
 * @param gigabytes of memory
 * @param sharedBytes shared memory that a block may have
 * @param threads of a multiprocessor, at most
 * @param cacheMegabytes of the second-level cache
 */
public record DescribedGpu(
    String name,
    int capability,
    int multiprocessors,
    int gigabytes,
    int sharedBytes,
    int threads,
    int cacheMegabytes) {

  public static final List<DescribedGpu> ALL =
      List.of(
          new DescribedGpu("A100", 80, 108, 80, 166_912, 2048, 40),
          new DescribedGpu("L40", 89, 142, 48, 101_376, 1536, 96),
          new DescribedGpu("H100", 90, 132, 80, 232_448, 2048, 50),
          new DescribedGpu("B200", 100, 148, 180, 232_448, 2048, 126),
          new DescribedGpu("RTX 5090", 120, 170, 32, 101_376, 1536, 96));

  /** The numbers of what cuDNN 9.8 brought, which JCudnn has no names for. */
  private static final int DEVICE = 38;

  private static final int ATTR_DEVICE_JSON = 2702;
  private static final int ATTR_HEURISTICS_DEVICE = 204;
  private static final int ATTR_PLAN_DEVICE = 407;

  private byte[] json() {
    String text =
        Text.of(
            """
        {"maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], \
        "regsPerBlock": 65536, "multiProcessorCount": %d, "warpSize": 32, \
        "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": %d, \
        "reservedSharedMemoryPerBlock": 1024, "maxRegistersPerSM": 65536, "maxCtasPerSM": %d, \
        "maxThreadsPerBlock": 1024, "maxThreadsPerSM": %d, "pciDeviceId": 9008, "isTccDriver": 0, \
        "supportCoopLaunch": 1, "totalGlobalMem": %d, "smClockRateKHz": 1980000, \
        "memClockRateKHz": 2619000, "l2CacheSize": %d, "cudaDeviceId": 0, "deviceVer": %d, \
        "driverVer": 13000, "deviceName": "NVIDIA %s"}\0\
        """,
            multiprocessors,
            sharedBytes,
            threads / 64,
            threads,
            (long) gigabytes << 30,
            (long) cacheMegabytes << 20,
            capability * 10,
            name);
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Describes it to cuDNN.
   *
   * @param owner closes the description
   */
  public CudnnTarget target(Scope owner, CudnnValues values) {
    CudnnDescriptor device =
        owner.add(new CudnnDescriptor(values, DEVICE)).text(ATTR_DEVICE_JSON, json()).finish();
    int available = multiprocessors;
    return new CudnnTarget() {
      @Override
      public void nameTo(Question question, CudnnDescriptor descriptor) {
        switch (question) {
          case HEURISTICS -> descriptor.descriptors(ATTR_HEURISTICS_DEVICE, device);
          case PLAN -> descriptor.descriptors(ATTR_PLAN_DEVICE, device);
          // Knows no device then.
          case GRAPH -> {}
        }
      }

      @Override
      public int multiprocessors() {
        return available;
      }
    };
  }
}
