// What the stand-ins of cuBLAS, cuDNN and NVRTC use of libcuda.so.1 beyond the driver API.
#pragma once
#include <cstddef>
#include <functional>

struct CUstream_st;

#define STAND_IN_EXPORT __attribute__((visibility("default")))

namespace stand_in {

// Counts a call of an API function. Returns the code that a test planned for it, `lost_code` if the
// device is lost, else 0. `planned_default` is the code for a failure that was planned without one.
STAND_IN_EXPORT int enter(const char* function, int planned_default, int lost_code);

// Live handles, by kind. `destroyed` says whether this handle of this kind was alive.
STAND_IN_EXPORT void created(const char* kind, const void* handle);
STAND_IN_EXPORT bool destroyed(const char* kind, const void* handle);
STAND_IN_EXPORT bool alive(const char* kind, const void* handle);

// Is there a context that is current on this thread, with a device that works?
STAND_IN_EXPORT bool context_is_usable();

// Can a kernel touch all of [pointer, pointer + bytes)? The text for a person goes to `message()`.
STAND_IN_EXPORT bool is_device_range(const char* what, const void* pointer, size_t bytes);

// Submits work to a stream as a kernel would be: at once, later, or into a graph. The function runs
// on the host with a fault becoming a CUDA error. Returns a CUresult.
STAND_IN_EXPORT int submit(CUstream_st* stream, const char* what, std::function<void()> work);

// Inside submitted work: body(i) for each i in [0, count), over all host threads. A fault in it
// ends the work like one outside.
STAND_IN_EXPORT void parallel_for(size_t count, const std::function<void(size_t)>& body);

STAND_IN_EXPORT void diagnose(const char* where, const char* message);
STAND_IN_EXPORT int compute_capability();
// Did a test ask for this convolution algorithm to compute wrongly? The direction is "forward",
// "data" or "filter", or one of them, "norm" or "norm_gradient" with "_graph" behind it, for an engine
// of the graph API.
STAND_IN_EXPORT bool is_wrong_algorithm(const char* direction, int algorithm);
// The same for one that gives other bits every second time.
STAND_IN_EXPORT bool is_unsteady_algorithm(const char* direction, int algorithm);
// Did a test ask for graphs to be declined at this point: "graph", "heuristics" or "plan"?
STAND_IN_EXPORT bool is_declined(const char* what);
// Do tensor cores truncate while they sum?
STAND_IN_EXPORT bool truncates();
STAND_IN_EXPORT bool stream_is_valid(CUstream_st* stream);
STAND_IN_EXPORT bool is_capturing();

}  // namespace stand_in
