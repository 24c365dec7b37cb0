package org.nin4j.backend.cuda.kernel;

import java.util.List;
import jcuda.nvrtc.JNvrtc;
import jcuda.nvrtc.nvrtcProgram;
import jcuda.nvrtc.nvrtcResult;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.CudaException;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.text.Text;

/** Compiles kernels with NVRTC for the GPU at hand, and remembers the results on disk. */
public final class KernelCompiler {
  private static final String KIND = "kernels";

  private final DiskCache cache;
  private final List<String> options;

  /**
   * @param capability of the GPU, 90 for 9.0
   */
  public KernelCompiler(DiskCache cache, int capability) {
    this.cache = cache;
    this.options = List.of("--gpu-architecture=sm_" + capability, "--std=c++17");
  }

  /**
   * The machine code of a kernel file, from the cache if it is there.
   *
   * @throws BackendException if it does not compile, with the first error
   */
  byte[] code(KernelSource source) {
    return cache.get(KIND, key(source)).orElseGet(() -> compile(source));
  }

  /** The same, compiled now and put into the cache: for a driver that refuses what was there. */
  public byte[] compile(KernelSource source) {
    byte[] code = run(source);
    cache.put(KIND, key(source), code);
    return code;
  }

  private String key(KernelSource source) {
    int[] major = new int[1];
    int[] minor = new int[1];
    Check.nvrtc(JNvrtc.nvrtcVersion(major, minor), "nvrtcVersion");
    StringBuilder key = new StringBuilder();
    key.append("nvrtc ").append(major[0]).append('.').append(minor[0]).append(options).append('\n');
    key.append(source.name()).append('\n').append(source.text());
    source
        .headers()
        .forEach((name, text) -> key.append('\0').append(name).append('\n').append(text));
    return key.toString();
  }

  private byte[] run(KernelSource source) {
    nvrtcProgram program = new nvrtcProgram();
    Check.nvrtc(
        JNvrtc.nvrtcCreateProgram(
            program,
            source.text(),
            source.name(),
            source.headers().size(),
            source.headers().values().toArray(String[]::new),
            source.headers().keySet().toArray(String[]::new)),
        "nvrtcCreateProgram");
    try (Scope scope = new Scope()) {
      scope.add(() -> Check.nvrtc(JNvrtc.nvrtcDestroyProgram(program), "nvrtcDestroyProgram"));
      int result =
          JNvrtc.nvrtcCompileProgram(program, options.size(), options.toArray(String[]::new));
      if (result == nvrtcResult.NVRTC_ERROR_COMPILATION) {
        throw new BackendException(
            Text.of(
                "the kernel file %s does not compile for this GPU (%s): %s",
                source.name(), options.get(0), firstError(log(program))));
      }
      Check.nvrtc(result, "nvrtcCompileProgram");
      long[] size = new long[1];
      Check.nvrtc(JNvrtc.nvrtcGetCUBINSize(program, size), "nvrtcGetCUBINSize");
      byte[] code = new byte[Math.toIntExact(size[0])];
      Check.nvrtc(JNvrtc.nvrtcGetCUBIN(program, code), "nvrtcGetCUBIN");
      return code;
    } catch (CudaException e) {
      throw e.during("compiling " + source.name());
    }
  }

  private static String log(nvrtcProgram program) {
    String[] log = new String[1];
    Check.nvrtc(JNvrtc.nvrtcGetProgramLog(program, log), "nvrtcGetProgramLog");
    return log[0] == null ? "" : log[0];
  }

  private static String firstError(String log) {
    List<String> lines = log.lines().map(String::strip).filter(l -> !l.isEmpty()).toList();
    return lines.stream()
        .filter(line -> line.contains("error"))
        .findFirst()
        .orElse(lines.isEmpty() ? "the compiler says nothing" : lines.get(0));
  }
}
