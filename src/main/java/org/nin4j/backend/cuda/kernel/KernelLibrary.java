package org.nin4j.backend.cuda.kernel;

import static jcuda.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;

import java.util.HashMap;
import java.util.Map;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.Scope;

/** The project's kernels on a device; each file is compiled and loaded when first asked for. */
public final class KernelLibrary implements AutoCloseable {
  private final Device device;
  private final KernelCompiler compiler;
  private final Scope scope = new Scope();
  private final Map<String, CUmodule> modules = new HashMap<>();
  private final Map<String, CUfunction> functions = new HashMap<>();

  public KernelLibrary(Device device, KernelCompiler compiler) {
    this.device = device;
    this.compiler = compiler;
  }

  /**
   * A kernel with its arguments, ready to be started.
   *
   * @param file its file without the ending, such as {@code relu}
   * @param kernel its name
   * @param blocks of {@link Launch#BLOCK} threads
   * @param arguments see {@link Launch}
   */
  public Launch launch(String file, String kernel, int blocks, Object... arguments) {
    return new Launch(device, function(file, kernel), kernel, blocks, Launch.BLOCK, 0, arguments);
  }

  /** Like {@link #launch}, for a kernel of one thread. */
  public Launch single(String file, String kernel, Object... arguments) {
    return new Launch(device, function(file, kernel), kernel, 1, 1, 0, arguments);
  }

  /**
   * Like {@link #launch}, for a kernel with a launch of its own.
   *
   * @param threads of a block
   * @param sharedBytes of dynamic shared memory for a block, at most {@link Device#sharedBytes}
   */
  public Launch launchShared(
      String file, String kernel, int blocks, int threads, int sharedBytes, Object... arguments) {
    CUfunction function = function(file, kernel);
    allowSharedMemory(function, kernel);
    return new Launch(device, function, kernel, blocks, threads, sharedBytes, arguments);
  }

  /** Such blocks of that kernel that the device runs at once. */
  public int resident(String file, String kernel, int threads, int sharedBytes) {
    CUfunction function = function(file, kernel);
    allowSharedMemory(function, kernel);
    int[] blocks = new int[1];
    Check.driver(
        JCudaDriver.cuOccupancyMaxActiveBlocksPerMultiprocessor(
            blocks, function, threads, sharedBytes),
        "cuOccupancyMaxActiveBlocksPerMultiprocessor for " + kernel);
    return blocks[0] * device.multiprocessors();
  }

  /** Without that, a kernel gets 48 KiB. */
  private void allowSharedMemory(CUfunction function, String kernel) {
    Check.driver(
        JCudaDriver.cuFuncSetAttribute(
            function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, device.sharedBytes()),
        "cuFuncSetAttribute for " + kernel);
  }

  /**
   * Blocks for a loop over {@code units} of work, one a thread at a time: as many as the units
   * need, at most as many as the device runs at once.
   */
  public int blocks(long units) {
    return tiles((units + Launch.BLOCK - 1) / Launch.BLOCK);
  }

  /** Blocks for a loop over {@code tiles}, one a block at a time. */
  public int tiles(long tiles) {
    return (int) Math.max(1, Math.min(tiles, 8L * device.multiprocessors()));
  }

  private CUfunction function(String file, String kernel) {
    CUmodule module = modules.get(file);
    if (module == null) {
      module = load(file);
      modules.put(file, module);
    }
    CUfunction function = functions.get(kernel);
    if (function == null) {
      function = new CUfunction();
      Check.driver(
          JCudaDriver.cuModuleGetFunction(function, module, kernel),
          "cuModuleGetFunction for " + kernel);
      functions.put(kernel, function);
    }
    return function;
  }

  private CUmodule load(String file) {
    KernelSource source = KernelSource.of(file + ".cu");
    CUmodule module = new CUmodule();
    int result = JCudaDriver.cuModuleLoadData(module, compiler.code(source));
    if (result == CUresult.CUDA_ERROR_INVALID_IMAGE
        || result == CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU) {
      result = JCudaDriver.cuModuleLoadData(module, compiler.compile(source));
    }
    Check.driver(result, "cuModuleLoadData for " + file);
    scope.add(() -> Check.driver(JCudaDriver.cuModuleUnload(module), "cuModuleUnload"));
    return module;
  }

  @Override
  public void close() {
    modules.clear();
    functions.clear();
    scope.close();
  }
}
