#include "algorithms.h"

#include <algorithm>
#include <cstring>
#include <vector>

using namespace stand_in;

namespace stand_in {
namespace {

enum class Method {
  implicit_gemm,
  precomputed_gemm,
  explicit_gemm,
  absent,
  fft,
  fft_tiling,
  winograd,
  winograd_nonfused
};

// By cuDNN's numbers of the algorithms.
constexpr Method kForward[] = {
    Method::implicit_gemm, Method::precomputed_gemm, Method::explicit_gemm,
    Method::absent,        Method::fft,              Method::fft_tiling,
    Method::winograd,      Method::winograd_nonfused};
constexpr Method kBackwardData[] = {Method::implicit_gemm, Method::precomputed_gemm,
                                    Method::fft,           Method::fft_tiling,
                                    Method::winograd,      Method::winograd_nonfused};
constexpr Method kBackwardFilter[] = {Method::implicit_gemm, Method::precomputed_gemm,
                                      Method::fft,           Method::explicit_gemm,
                                      Method::absent,        Method::winograd_nonfused,
                                      Method::fft_tiling};

Method method_of(Direction direction, int algorithm) {
  switch (direction) {
    case Direction::forward: return kForward[algorithm];
    case Direction::backward_data: return kBackwardData[algorithm];
    default: return kBackwardFilter[algorithm];
  }
}

bool unit_steps(const Convolution& p) {
  return p.c.stride[0] == 1 && p.c.stride[1] == 1 && p.c.dilation[0] == 1 && p.c.dilation[1] == 1;
}

// Milliseconds that a search claims: an order among the methods that depends on the problem a
// little, so that the first of the list is not always the same.
float claimed_time(Method method, const Convolution& p, int math) {
  const double work =
      1e-9 * static_cast<double>(p.y.count()) * p.w.dims[1] * p.w.dims[2] * p.w.dims[3];
  const bool large = p.w.dims[2] > 1;
  double factor = 3;
  if (method == Method::precomputed_gemm) factor = large ? 1.5 : 1;
  if (method == Method::explicit_gemm) factor = 2.5;
  if (method == Method::fft) factor = 0.9;  // the fastest, with the largest workspace
  if (method == Method::fft_tiling) factor = 1.8;
  if (method == Method::winograd) factor = 1.2;
  if (method == Method::winograd_nonfused) factor = 1.1;
  if (math == CUDNN_TENSOR_OP_MATH) factor /= 2;
  return static_cast<float>(0.004 + work * factor);
}

// The math types under which an algorithm is listed.
std::vector<int> math_types(const Convolution& p) {
  if (p.c.math == CUDNN_FMA_MATH) return {CUDNN_FMA_MATH};
  if (p.x.type == CUDNN_DATA_BFLOAT16) return {CUDNN_TENSOR_OP_MATH};
  return {CUDNN_DEFAULT_MATH, CUDNN_FMA_MATH};
}

// Best first; those that cannot run come last. `limit` is the workspace at hand.
std::vector<AlgoPerf> search(Direction direction, const Convolution& p, size_t limit) {
  std::vector<AlgoPerf> found;
  for (int algorithm = 0; algorithm < algorithm_count(direction); algorithm++) {
    for (int math : math_types(p)) {
      AlgoPerf perf{};
      perf.algo = algorithm;
      perf.mathType = math;
      perf.time = -1;
      const Method method = method_of(direction, algorithm);
      perf.determinism =
          direction != Direction::forward && method == Method::implicit_gemm ? 0 : 1;
      if (!is_supported(direction, algorithm, p, math, perf.memory)) {
        perf.status = CUDNN_STATUS_NOT_SUPPORTED;
      } else if (perf.memory > limit) {
        perf.status = CUDNN_STATUS_ALLOC_FAILED;
      } else {
        perf.time = claimed_time(method, p, math);
      }
      found.push_back(perf);
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const AlgoPerf& a, const AlgoPerf& b) {
    auto rank = [](const AlgoPerf& perf) {
      return perf.status == 0 ? 0 : perf.status == CUDNN_STATUS_ALLOC_FAILED ? 1 : 2;
    };
    return rank(a) != rank(b) ? rank(a) < rank(b) : rank(a) == 0 && a.time < b.time;
  });
  return found;
}

cudnnStatus_t give(const std::vector<AlgoPerf>& all, int wanted, int* found, AlgoPerf* list) {
  *found = std::min(wanted, static_cast<int>(all.size()));
  std::copy(all.begin(), all.begin() + *found, list);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t heuristic(const char* function, Direction direction, const Convolution& p, int wanted,
                        int* found, AlgoPerf* list) {
  if (wanted < 1) return bad_parameter(function, "fewer than one algorithm wanted");
  if (const char* why = objection(p)) return bad_parameter(function, why);
  return give(search(direction, p, ~size_t{0}), wanted, found, list);
}

cudnnStatus_t workspace_size(const char* function, Direction direction, const Convolution& p,
                             int algorithm, size_t* bytes) {
  if (const char* why = objection(p)) return bad_parameter(function, why);
  if (algorithm < 0 || algorithm >= algorithm_count(direction)) {
    return bad_parameter(function, "no such algorithm");
  }
  return is_supported(direction, algorithm, p, p.c.math, *bytes) ? CUDNN_STATUS_SUCCESS
                                                                : CUDNN_STATUS_NOT_SUPPORTED;
}

cudnnStatus_t count(int* result, Direction direction) {
  *result = algorithm_count(direction) * 2;  // each under two math types at the most
  return CUDNN_STATUS_SUCCESS;
}

// A search that runs: it writes the result and the workspace, as cuDNN's does.
struct Search {
  const char* function;
  CudnnHandle handle;
  Direction direction;
  Convolution problem;
  const void *first, *second;
  void* result;
  void* workspace;
  size_t workspace_bytes;

  cudnnStatus_t run(int wanted, int* found, AlgoPerf* list) const {
    const Convolution& p = problem;
    if (wanted < 1) return bad_parameter(function, "fewer than one algorithm wanted");
    if (const char* why = objection(p)) return bad_parameter(function, why);
    if (is_capturing()) return not_supported(function, "a search cannot be captured");
    const cudnnTensorStruct& a = direction == Direction::backward_data ? p.w : p.x;
    const cudnnTensorStruct& b = direction == Direction::forward
                                     ? static_cast<const cudnnTensorStruct&>(p.w)
                                     : p.y;
    const cudnnTensorStruct& out = direction == Direction::forward         ? p.y
                                   : direction == Direction::backward_data ? p.x
                                                                           : p.w;
    if (!is_there(function, a, first) || !is_there(function, b, second) ||
        !is_there(function, out, result) ||
        !is_device_range(function, workspace, workspace_bytes)) {
      return CUDNN_STATUS_BAD_PARAM;
    }
    const Search copy = *this;
    const size_t result_bytes = out.span_bytes();
    const cudnnStatus_t error = run_on(handle, function, [copy, result_bytes] {
      std::memset(copy.result, 0xff, result_bytes);
      if (copy.workspace_bytes) std::memset(copy.workspace, 0xff, copy.workspace_bytes);
    });
    return error ? error : give(search(direction, p, workspace_bytes), wanted, found, list);
  }
};

}  // namespace

int algorithm_count(Direction direction) {
  switch (direction) {
    case Direction::forward: return sizeof kForward / sizeof *kForward;
    case Direction::backward_data: return sizeof kBackwardData / sizeof *kBackwardData;
    default: return sizeof kBackwardFilter / sizeof *kBackwardFilter;
  }
}

bool is_supported(Direction direction, int algorithm, const Convolution& p, int math,
                  size_t& workspace_bytes) {
  const size_t taps = static_cast<size_t>(p.w.dims[2]) * p.w.dims[3];
  const bool last = p.x.is_channels_last() && p.x.dims[1] > 1;
  const bool bf16 = p.x.type == CUDNN_DATA_BFLOAT16;
  // The tensor cores want their operands laid out first.
  const size_t extra = math == CUDNN_FMA_MATH ? 0 : 4096;
  switch (method_of(direction, algorithm)) {
    case Method::implicit_gemm:
      workspace_bytes = 0;
      return !bf16 || direction != Direction::forward;
    case Method::precomputed_gemm:
      workspace_bytes = taps * p.w.dims[1] * 4 + 512 + extra;
      return true;
    case Method::explicit_gemm:
      workspace_bytes = taps * p.w.dims[1] * p.y.dims[2] * p.y.dims[3] * 4 + extra;
      return !last && !bf16 && p.groups() == 1;
    case Method::fft:
      workspace_bytes = (size_t{256} << 20) + p.x.count() * 16 + p.w.count() * 16;
      return unit_steps(p) && !bf16 && p.groups() == 1;
    case Method::fft_tiling:
      workspace_bytes = p.x.count() * 16 + p.w.count() * 16 + 1024;
      return unit_steps(p) && !last && !bf16 && p.groups() == 1;
    case Method::winograd:
      workspace_bytes = 0;
      return unit_steps(p) && taps == 9 && !last && !bf16;
    case Method::winograd_nonfused:
      workspace_bytes = p.w.count() * 16 + 2048 + extra;
      return unit_steps(p) && (taps == 9 || taps == 25) && p.w.dims[2] == p.w.dims[3];
    default:
      workspace_bytes = 0;
      return false;
  }
}

}  // namespace stand_in

cudnnStatus_t cudnnGetConvolutionForwardAlgorithmMaxCount(CudnnHandle h, int* n) {
  return cudnn_call("cudnnGetConvolutionForwardAlgorithmMaxCount",
                    [&] { return count(n, Direction::forward); }, h);
}
cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithmMaxCount(CudnnHandle h, int* n) {
  return cudnn_call("cudnnGetConvolutionBackwardDataAlgorithmMaxCount",
                    [&] { return count(n, Direction::backward_data); }, h);
}
cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithmMaxCount(CudnnHandle h, int* n) {
  return cudnn_call("cudnnGetConvolutionBackwardFilterAlgorithmMaxCount",
                    [&] { return count(n, Direction::backward_filter); }, h);
}

cudnnStatus_t cudnnGetConvolutionForwardWorkspaceSize(CudnnHandle h, TensorDesc x, FilterDesc w,
                                                      ConvDesc c, TensorDesc y, int algo,
                                                      size_t* bytes) {
  constexpr char kName[] = "cudnnGetConvolutionForwardWorkspaceSize";
  return cudnn_call(
      kName,
      [&] { return workspace_size(kName, Direction::forward, {*x, *w, *y, *c}, algo, bytes); },
      h, x, w, c, y);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataWorkspaceSize(CudnnHandle h, FilterDesc w,
                                                           TensorDesc dy, ConvDesc c, TensorDesc dx,
                                                           int algo, size_t* bytes) {
  constexpr char kName[] = "cudnnGetConvolutionBackwardDataWorkspaceSize";
  return cudnn_call(
      kName,
      [&] {
        return workspace_size(kName, Direction::backward_data, {*dx, *w, *dy, *c}, algo, bytes);
      },
      h, w, dy, c, dx);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterWorkspaceSize(CudnnHandle h, TensorDesc x,
                                                             TensorDesc dy, ConvDesc c,
                                                             FilterDesc dw, int algo,
                                                             size_t* bytes) {
  constexpr char kName[] = "cudnnGetConvolutionBackwardFilterWorkspaceSize";
  return cudnn_call(
      kName,
      [&] {
        return workspace_size(kName, Direction::backward_filter, {*x, *dw, *dy, *c}, algo, bytes);
      },
      h, x, dy, c, dw);
}

cudnnStatus_t cudnnGetConvolutionForwardAlgorithm_v7(CudnnHandle h, TensorDesc x, FilterDesc w,
                                                     ConvDesc c, TensorDesc y, int wanted,
                                                     int* found, AlgoPerf* list) {
  constexpr char kName[] = "cudnnGetConvolutionForwardAlgorithm_v7";
  return cudnn_call(
      kName,
      [&] { return heuristic(kName, Direction::forward, {*x, *w, *y, *c}, wanted, found, list); },
      h, x, w, c, y);
}

cudnnStatus_t cudnnGetConvolutionBackwardDataAlgorithm_v7(CudnnHandle h, FilterDesc w,
                                                          TensorDesc dy, ConvDesc c, TensorDesc dx,
                                                          int wanted, int* found, AlgoPerf* list) {
  constexpr char kName[] = "cudnnGetConvolutionBackwardDataAlgorithm_v7";
  return cudnn_call(
      kName,
      [&] {
        return heuristic(kName, Direction::backward_data, {*dx, *w, *dy, *c}, wanted, found, list);
      },
      h, w, dy, c, dx);
}

cudnnStatus_t cudnnGetConvolutionBackwardFilterAlgorithm_v7(CudnnHandle h, TensorDesc x,
                                                            TensorDesc dy, ConvDesc c,
                                                            FilterDesc dw, int wanted, int* found,
                                                            AlgoPerf* list) {
  constexpr char kName[] = "cudnnGetConvolutionBackwardFilterAlgorithm_v7";
  return cudnn_call(
      kName,
      [&] {
        return heuristic(kName, Direction::backward_filter, {*x, *dw, *dy, *c}, wanted, found,
                         list);
      },
      h, x, dy, c, dw);
}

cudnnStatus_t cudnnFindConvolutionForwardAlgorithmEx(CudnnHandle h, TensorDesc xd, const void* x,
                                                     FilterDesc wd, const void* w, ConvDesc c,
                                                     TensorDesc yd, void* y, int wanted, int* found,
                                                     AlgoPerf* list, void* workspace,
                                                     size_t bytes) {
  constexpr char kName[] = "cudnnFindConvolutionForwardAlgorithmEx";
  return cudnn_call(
      kName,
      [&] {
        const Search s{kName, h, Direction::forward, {*xd, *wd, *yd, *c}, x, w, y, workspace,
                       bytes};
        return s.run(wanted, found, list);
      },
      h, xd, wd, c, yd);
}

cudnnStatus_t cudnnFindConvolutionBackwardDataAlgorithmEx(CudnnHandle h, FilterDesc wd,
                                                          const void* w, TensorDesc dyd,
                                                          const void* dy, ConvDesc c,
                                                          TensorDesc dxd, void* dx, int wanted,
                                                          int* found, AlgoPerf* list,
                                                          void* workspace, size_t bytes) {
  constexpr char kName[] = "cudnnFindConvolutionBackwardDataAlgorithmEx";
  return cudnn_call(
      kName,
      [&] {
        const Search s{kName, h, Direction::backward_data, {*dxd, *wd, *dyd, *c}, w, dy, dx,
                       workspace, bytes};
        return s.run(wanted, found, list);
      },
      h, wd, dyd, c, dxd);
}

cudnnStatus_t cudnnFindConvolutionBackwardFilterAlgorithmEx(CudnnHandle h, TensorDesc xd,
                                                            const void* x, TensorDesc dyd,
                                                            const void* dy, ConvDesc c,
                                                            FilterDesc dwd, void* dw, int wanted,
                                                            int* found, AlgoPerf* list,
                                                            void* workspace, size_t bytes) {
  constexpr char kName[] = "cudnnFindConvolutionBackwardFilterAlgorithmEx";
  return cudnn_call(
      kName,
      [&] {
        const Search s{kName, h, Direction::backward_filter, {*xd, *dwd, *dyd, *c}, x, dy, dw,
                       workspace, bytes};
        return s.run(wanted, found, list);
      },
      h, xd, dyd, c, dwd);
}
