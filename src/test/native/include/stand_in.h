// Controls of the CUDA stand-in, for tests. Exported by libcuda.so.1; reachable from Java through
// libstandin_control.so and org.nin4j.standin.StandIn.
//
// Every function may be called at any time from any thread.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// Everything as just after loading: settings from the environment, no failures planned, call counts
// at zero, device not lost, no context, and every resource gone (their handles are invalid).
void standin_reset(void);

// Settings. Each can also be given in the environment as STAND_IN_<NAME>, which is read at load and
// at standin_reset(). Returns 0, or -1 if the name is unknown or the value is none of its values.
//
//   device_name          "NiN4J stand-in GPU"
//   devices              1            how many GPUs there are
//   compute_capability   90           75 for 7.5
//   driver_version       13000        as cuDriverGetVersion reports it
//   multiprocessors      4
//   memory               4294967296   bytes on the device; more gives CUDA_ERROR_OUT_OF_MEMORY
//   threads              0            host threads that run blocks, 0 for one per processor
//   order                forward      forward | reverse | shuffle: of threads in a block, of blocks
//                                     in a grid, of independent nodes in a graph, of streams
//   seed                 1            of shuffle
//   lazy                 0            1: asynchronous work runs only when something waits for it
//   poison               1            fresh device, pinned and shared memory reads as NaN
//   latency              0            microseconds of host time that a call takes, beside what it
//                                     takes here; the device works on meanwhile
//   truncate             0            1: tensor cores truncate their sums after every few products,
//                                     as real ones do; else sums are exact and rounded once
//   wrong_algorithm                   "forward:1": cuDNN's algorithm of that number computes
//                                     wrongly; also data:…, filter:…, several with commas;
//                                     "forward_graph:1": the graph API's engine of that number;
//                                     norm_graph:0, norm_gradient_graph:0
//   unsteady_algorithm                the same names: it computes a little more every second time
//   declined                          graph | heuristics | plan: what of the graph API cuDNN then
//                                     says not to support when it is finalized, for every graph
//   quiet                0            1: no diagnostics on standard error
int standin_set(const char* name, const char* value);

// ---- Failing calls -----------------------------------------------------------------------------

// Calls of API functions since the last reset, of all libraries together. Functions that only
// describe errors or versions are not counted.
long standin_calls(void);
// Calls of one function, named without its version suffix: "cuMemAlloc".
long standin_calls_of(const char* function);
// The n-th call from now (1 is the next) of this function returns `code`; 0 stands for a usual code
// of that function. A function that frees something frees it all the same.
void standin_fail(const char* function, long n, int code);
// The n-th call from now of any function fails with a usual code of its library.
void standin_fail_at(long n);
// The n-th call from now, and every one after it, finds the device gone: the driver returns
// CUDA_ERROR_DEVICE_UNAVAILABLE, the libraries their form of it. 0 for the next call.
void standin_lose_device_at(long n);
// The function whose call failed last because of one of the three above; "" if none did.
const char* standin_failed_function(void);

// ---- What was found ----------------------------------------------------------------------------

// Resources alive now, of one kind or of all (kind == ""). Kinds: "device memory", "pinned memory",
// "context", "stream", "event", "module", "graph", "executable graph", "NVRTC program",
// "cuBLAS handle", "cuDNN handle", "cuDNN tensor descriptor", ….
long standin_live(const char* kind);
// Resources that were still alive when their context ended, since the last reset.
long standin_leaked(const char* kind);
// "2 stream, 1 event" for what is alive; "" if nothing is. The text stays valid until the next call
// on this thread.
const char* standin_live_report(void);
const char* standin_leak_report(void);
// Device memory in use, and the most that ever was since the last reset.
long standin_memory_used(void);
long standin_memory_peak(void);
// The last diagnostic ("illegal write at byte offset 400 of …"), "" if none since the reset.
const char* standin_message(void);

#ifdef __cplusplus
}
#endif
