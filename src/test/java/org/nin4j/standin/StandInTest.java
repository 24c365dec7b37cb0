package org.nin4j.standin;

import static jcuda.driver.JCudaDriver.cuCtxSetCurrent;
import static jcuda.driver.JCudaDriver.cuCtxSynchronize;
import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRelease;
import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRetain;
import static jcuda.driver.JCudaDriver.cuInit;
import static jcuda.driver.JCudaDriver.cuLaunchKernel;
import static jcuda.driver.JCudaDriver.cuMemAlloc;
import static jcuda.driver.JCudaDriver.cuMemFree;
import static jcuda.driver.JCudaDriver.cuMemcpyDtoH;
import static jcuda.driver.JCudaDriver.cuMemcpyHtoD;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUgraphNode;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnConvolutionDescriptor;
import jcuda.jcudnn.cudnnConvolutionFwdAlgoPerf;
import jcuda.jcudnn.cudnnFilterDescriptor;
import jcuda.jcudnn.cudnnHandle;
import jcuda.jcudnn.cudnnTensorDescriptor;
import jcuda.nvrtc.JNvrtc;
import jcuda.nvrtc.nvrtcProgram;
import jcuda.nvrtc.nvrtcResult;
import jcuda.runtime.cudaStream_t;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.cuda.natives.JCudaNatives;
import org.nin4j.backend.cuda.natives.search.CacheDirectory;
import org.nin4j.backend.cuda.natives.search.CudaLibraries;
import org.nin4j.backend.cuda.natives.search.Found;
import org.nin4j.backend.cuda.natives.search.SearchPlaces;

/** JCuda, pointed at the stand-in as it is at a real CUDA, works on it. */
class StandInTest {
  private static final String KERNELS =
      """
      extern "C" __global__ void scale(float* x, float by, int n) {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) x[i] *= by;
      }
      extern "C" __global__ void write_at(float* x, long long i) { x[i] = 1.0f; }
      """;

  private final CUdevice device = new CUdevice();
  private final CUcontext context = new CUcontext();

  @BeforeEach
  void open(@TempDir Path nothing) {
    StandIn.assumeAvailable();
    StandIn.set("quiet", 1);
    Found found =
        CudaLibraries.find(
            new SearchPlaces(List.of(StandIn.libraries()), Map.of(), nothing, nothing));
    assertEquals(List.of(), found.problems());
    JCudaNatives.load(found, CacheDirectory.at(Path.of(System.getenv("NIN4J_CACHE"))));
    succeeds(cuInit(0));
    succeeds(JCudaDriver.cuDeviceGet(device, 0));
    succeeds(cuDevicePrimaryCtxRetain(context, device));
    succeeds(cuCtxSetCurrent(context));
  }

  @AfterEach
  void close() {
    cuDevicePrimaryCtxRelease(device);
  }

  private static void succeeds(int result) {
    assertEquals(0, result, StandIn::message);
  }

  private static void nothingIsLeft() {
    assertEquals("1 context", StandIn.liveReport());
    assertEquals("", StandIn.leakReport());
  }

  private static CUmodule compile(String source) {
    nvrtcProgram program = new nvrtcProgram();
    succeeds(JNvrtc.nvrtcCreateProgram(program, source, "kernels.cu", 0, null, null));
    succeeds(JNvrtc.nvrtcCompileProgram(program, 1, new String[] {"--gpu-architecture=sm_90"}));
    long[] size = new long[1];
    succeeds(JNvrtc.nvrtcGetCUBINSize(program, size));
    byte[] cubin = new byte[Math.toIntExact(size[0])];
    succeeds(JNvrtc.nvrtcGetCUBIN(program, cubin));
    succeeds(JNvrtc.nvrtcDestroyProgram(program));
    CUmodule module = new CUmodule();
    succeeds(JCudaDriver.cuModuleLoadData(module, cubin));
    return module;
  }

  private static CUfunction function(CUmodule module, String name) {
    CUfunction function = new CUfunction();
    succeeds(JCudaDriver.cuModuleGetFunction(function, module, name));
    return function;
  }

  private static CUdeviceptr onDevice(float... values) {
    CUdeviceptr pointer = new CUdeviceptr();
    succeeds(cuMemAlloc(pointer, 4L * values.length));
    succeeds(cuMemcpyHtoD(pointer, Pointer.to(values), 4L * values.length));
    return pointer;
  }

  private static float[] read(CUdeviceptr pointer, int count) {
    float[] values = new float[count];
    succeeds(cuMemcpyDtoH(Pointer.to(values), pointer, 4L * count));
    return values;
  }

  private static Pointer arguments(NativeArgument... arguments) {
    Pointer[] pointers = new Pointer[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      pointers[i] = arguments[i].pointer();
    }
    return Pointer.to(pointers);
  }

  /** One argument of a kernel. */
  private record NativeArgument(Pointer pointer) {
    static NativeArgument of(CUdeviceptr pointer) {
      return new NativeArgument(Pointer.to(pointer));
    }

    static NativeArgument of(int value) {
      return new NativeArgument(Pointer.to(new int[] {value}));
    }

    static NativeArgument of(long value) {
      return new NativeArgument(Pointer.to(new long[] {value}));
    }

    static NativeArgument of(float value) {
      return new NativeArgument(Pointer.to(new float[] {value}));
    }
  }

  private static int scale(CUmodule module, CUstream stream, CUdeviceptr x, float by, int count) {
    return cuLaunchKernel(
        function(module, "scale"),
        (count + 31) / 32,
        1,
        1,
        32,
        1,
        1,
        0,
        stream,
        arguments(NativeArgument.of(x), NativeArgument.of(by), NativeArgument.of(count)),
        null);
  }

  @Test
  void compilesAndLaunchesAKernel() {
    CUmodule module = compile(KERNELS);
    CUdeviceptr x = onDevice(1, 2, 3);
    succeeds(scale(module, null, x, 2.5f, 3));
    assertArrayEquals(new float[] {2.5f, 5, 7.5f}, read(x, 3));
    assertEquals(1, StandIn.calls("cuLaunchKernel"));
    succeeds(cuMemFree(x));
    succeeds(JCudaDriver.cuModuleUnload(module));
    nothingIsLeft();
  }

  @Test
  void reportsWhatDoesNotCompile() {
    nvrtcProgram program = new nvrtcProgram();
    succeeds(
        JNvrtc.nvrtcCreateProgram(
            program, "extern \"C\" __global__ void f() { g(); }", "f.cu", 0, null, null));
    assertEquals(
        nvrtcResult.NVRTC_ERROR_COMPILATION,
        JNvrtc.nvrtcCompileProgram(program, 1, new String[] {"-arch=sm_90"}));
    String[] log = new String[1];
    succeeds(JNvrtc.nvrtcGetProgramLog(program, log));
    assertTrue(log[0].contains("f.cu:1"), log[0]);
    succeeds(JNvrtc.nvrtcDestroyProgram(program));
    nothingIsLeft();
  }

  @Test
  void replaysAGraphWithAProductInIt() {
    CUmodule module = compile(KERNELS);
    CUstream stream = new CUstream();
    succeeds(JCudaDriver.cuStreamCreate(stream, 1));
    cublasHandle cublas = new cublasHandle();
    succeeds(JCublas2.cublasCreate(cublas));
    succeeds(JCublas2.cublasSetStream(cublas, new cudaStream_t(stream)));
    CUdeviceptr x = onDevice(1, 2, 3, 4);
    CUdeviceptr swap = onDevice(0, 1, 1, 0);
    CUdeviceptr y = onDevice(0, 0, 0, 0);
    succeeds(
        JCudaDriver.cuStreamBeginCapture(
            stream, CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_GLOBAL));
    succeeds(scale(module, stream, x, 2, 4));
    succeeds(
        JCublas2.cublasSgemm(
            cublas,
            0,
            0,
            2,
            2,
            2,
            Pointer.to(new float[] {1}),
            x,
            2,
            swap,
            2,
            Pointer.to(new float[] {0}),
            y,
            2));
    CUgraph graph = new CUgraph();
    succeeds(JCudaDriver.cuStreamEndCapture(stream, graph));
    CUgraphExec executable = new CUgraphExec();
    succeeds(
        JCudaDriver.cuGraphInstantiate(executable, graph, new CUgraphNode(), new byte[64], 64));
    assertArrayEquals(new float[] {0, 0, 0, 0}, read(y, 4));
    succeeds(JCudaDriver.cuGraphLaunch(executable, stream));
    succeeds(JCudaDriver.cuGraphLaunch(executable, stream));
    succeeds(JCudaDriver.cuStreamSynchronize(stream));
    assertArrayEquals(new float[] {12, 16, 4, 8}, read(y, 4));
    succeeds(JCudaDriver.cuGraphExecDestroy(executable));
    succeeds(JCudaDriver.cuGraphDestroy(graph));
    succeeds(JCublas2.cublasDestroy(cublas));
    for (CUdeviceptr pointer : List.of(x, swap, y)) {
      succeeds(cuMemFree(pointer));
    }
    succeeds(JCudaDriver.cuStreamDestroy(stream));
    succeeds(JCudaDriver.cuModuleUnload(module));
    nothingIsLeft();
  }

  @Test
  void convolvesWithTheAlgorithmThatASearchGave() {
    cudnnHandle cudnn = new cudnnHandle();
    succeeds(JCudnn.cudnnCreate(cudnn));
    cudnnTensorDescriptor image = new cudnnTensorDescriptor();
    succeeds(JCudnn.cudnnCreateTensorDescriptor(image));
    succeeds(JCudnn.cudnnSetTensor4dDescriptor(image, 1, 0, 1, 1, 3, 3));
    cudnnFilterDescriptor filter = new cudnnFilterDescriptor();
    succeeds(JCudnn.cudnnCreateFilterDescriptor(filter));
    succeeds(JCudnn.cudnnSetFilter4dDescriptor(filter, 0, 1, 1, 1, 3, 3));
    cudnnConvolutionDescriptor convolution = new cudnnConvolutionDescriptor();
    succeeds(JCudnn.cudnnCreateConvolutionDescriptor(convolution));
    succeeds(JCudnn.cudnnSetConvolution2dDescriptor(convolution, 1, 1, 1, 1, 1, 1, 1, 0));
    int[] found = new int[1];
    cudnnConvolutionFwdAlgoPerf[] list = new cudnnConvolutionFwdAlgoPerf[4];
    for (int i = 0; i < list.length; i++) {
      list[i] = new cudnnConvolutionFwdAlgoPerf();
    }
    CUdeviceptr x = onDevice(1, 2, 3, 4, 5, 6, 7, 8, 9);
    CUdeviceptr w = onDevice(0, 0, 0, 0, 1, 1, 0, 0, 0);
    CUdeviceptr y = onDevice(new float[9]);
    CUdeviceptr workspace = onDevice(new float[4096]);
    succeeds(
        JCudnn.cudnnFindConvolutionForwardAlgorithmEx(
            cudnn,
            image,
            x,
            filter,
            w,
            convolution,
            image,
            y,
            list.length,
            found,
            list,
            workspace,
            4 * 4096L));
    assertEquals(list.length, found[0]);
    assertEquals(0, list[0].status);
    assertTrue(list[0].memory > 0 && list[0].memory <= 4 * 4096, "" + list[0].memory);
    succeeds(JCudnn.cudnnSetConvolutionMathType(convolution, list[0].mathType));
    succeeds(
        JCudnn.cudnnConvolutionForward(
            cudnn,
            Pointer.to(new float[] {1}),
            image,
            x,
            filter,
            w,
            convolution,
            list[0].algo,
            workspace,
            list[0].memory,
            Pointer.to(new float[] {0}),
            image,
            y));
    assertArrayEquals(new float[] {3, 5, 3, 9, 11, 6, 15, 17, 9}, read(y, 9));
    succeeds(JCudnn.cudnnDestroyConvolutionDescriptor(convolution));
    succeeds(JCudnn.cudnnDestroyFilterDescriptor(filter));
    succeeds(JCudnn.cudnnDestroyTensorDescriptor(image));
    succeeds(JCudnn.cudnnDestroy(cudnn));
    for (CUdeviceptr pointer : List.of(x, w, y, workspace)) {
      succeeds(cuMemFree(pointer));
    }
    nothingIsLeft();
  }

  @Test
  void faultsBecomeErrorsAndJavaGoesOn() {
    CUmodule module = compile(KERNELS);
    CUdeviceptr x = onDevice(1, 2, 3);
    CUfunction writeAt = function(module, "write_at");
    Pointer outside = arguments(NativeArgument.of(x), NativeArgument.of(1000L));
    succeeds(cuLaunchKernel(writeAt, 1, 1, 1, 1, 1, 1, 0, null, outside, null));
    assertEquals(CUresult.CUDA_ERROR_ILLEGAL_ADDRESS, cuCtxSynchronize());
    assertTrue(
        StandIn.message()
            .startsWith("cuLaunchKernel: illegal write at byte offset 4000 of device memory #1"),
        StandIn.message());
    assertEquals(CUresult.CUDA_ERROR_ILLEGAL_ADDRESS, cuMemFree(x));
    // The virtual machine turns faults of its own into exceptions by the same signal.
    for (int i = 0; i < 20_000; i++) {
      Object[] array = i % 2 == 0 ? null : new Object[1];
      if (array == null) {
        assertThrows(NullPointerException.class, () -> lengthOf(array));
      } else {
        assertEquals(1, lengthOf(array));
      }
    }
  }

  private static int lengthOf(Object[] array) {
    return array.length;
  }

  @Test
  void failsWhereToldAndCountsWhatIsLeft() {
    StandIn.fail("cuMemAlloc", 2);
    CUdeviceptr first = new CUdeviceptr();
    succeeds(cuMemAlloc(first, 100));
    assertEquals(CUresult.CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc(new CUdeviceptr(), 100));
    assertEquals("cuMemAlloc", StandIn.failedFunction());
    assertEquals(1, StandIn.live("device memory"));
    assertEquals(256, StandIn.memoryUsed());
    StandIn.failAt(1);
    assertEquals(CUresult.CUDA_ERROR_UNKNOWN, cuCtxSynchronize());
    StandIn.loseDeviceAt(2);
    succeeds(cuCtxSynchronize());
    int unavailable = 46; // CUDA_ERROR_DEVICE_UNAVAILABLE
    assertEquals(unavailable, cuCtxSynchronize());
    assertEquals(unavailable, cuCtxSynchronize());
    cuDevicePrimaryCtxRelease(device);
    assertEquals("", StandIn.liveReport());
    assertEquals("1 device memory", StandIn.leakReport());
    assertEquals(1, StandIn.leaked(""));
    assertEquals(256, StandIn.memoryPeak());
  }

  @Test
  void refusesUnknownSettings() {
    assertThrows(IllegalArgumentException.class, () -> StandIn.set("colour", "red"));
    assertThrows(IllegalArgumentException.class, () -> StandIn.set("order", "sideways"));
  }

  @Test
  void answersWhatItDoesNotHaveWithAnError() {
    assertEquals(CUresult.CUDA_ERROR_NOT_SUPPORTED, JCudaDriver.cuProfilerStart());
    assertTrue(StandIn.message().startsWith("cuProfilerStart"), StandIn.message());
  }

  @Test
  void hasEveryFunctionThatJCudaAsksFor(@TempDir Path folder) throws Exception {
    check(folder, "JCudaDriver", "cu", "driver.txt");
    check(folder, "JNvrtc", "nvrtc", "nvrtc.txt");
    check(folder, "JCublas2", "cublas", "cublas.txt");
    check(folder, "JCudnn", "cudnn", "cudnn.txt");
  }

  /** The list from which stubs are made is what JCuda's native imports. */
  private static void check(Path folder, String library, String prefix, String list)
      throws IOException, InterruptedException {
    Path file = folder.resolve(library);
    String resource = "/lib/lib" + library + "-11.7.0-linux-x86_64.so";
    try (InputStream stream = JCudaDriver.class.getResourceAsStream(resource)) {
      Files.write(file, stream.readAllBytes());
    }
    Process nm = new ProcessBuilder("nm", "-D", "--undefined-only", file.toString()).start();
    String symbols = new String(nm.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, nm.waitFor());
    TreeSet<String> imported =
        symbols
            .lines()
            .map(line -> line.replaceFirst(".* ", "").replaceFirst("@.*", ""))
            .filter(name -> name.startsWith(prefix))
            .collect(Collectors.toCollection(TreeSet::new));
    TreeSet<String> listed =
        new TreeSet<>(Files.readAllLines(Path.of("src/test/native/symbols", list)));
    assertEquals(imported, listed);
  }
}
