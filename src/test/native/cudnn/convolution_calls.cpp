// The convolution functions: checks, workspace, and the submission of the work.
#include <cstring>

#include "algorithms.h"
#include "convolution.h"
#include "numbers.h"

using namespace stand_in;

namespace {

const char* name_of(Direction direction) {
  switch (direction) {
    case Direction::forward: return "forward";
    case Direction::backward_data: return "data";
    default: return "filter";
  }
}

bool overlap(const void* a, size_t a_bytes, const void* b, size_t b_bytes) {
  const char* p = static_cast<const char*>(a);
  const char* q = static_cast<const char*>(b);
  return a_bytes && b_bytes && p < q + b_bytes && q < p + a_bytes;
}

struct Operand {
  const cudnnTensorStruct* tensor;
  const void* data;
};

struct Call {
  const char* function;
  Direction direction;
  Convolution problem;
  int algorithm;
  void* workspace;
  size_t workspace_bytes;
  size_t workspace_needed = 0;

  // The last operand is the result; the others must not overlap it or the workspace.
  cudnnStatus_t check(std::initializer_list<Operand> operands) {
    if (const char* why = objection(problem)) return bad_parameter(function, why);
    if (algorithm < 0 || algorithm >= algorithm_count(direction)) {
      return bad_parameter(function, "no such algorithm");
    }
    if (!is_supported(direction, algorithm, problem, problem.c.math, workspace_needed)) {
      return not_supported(function, "the algorithm cannot do this problem");
    }
    if (workspace_bytes < workspace_needed) return bad_parameter(function, "workspace too small");
    if (!is_device_range(function, workspace, workspace_bytes)) return CUDNN_STATUS_BAD_PARAM;
    const Operand result = *(operands.end() - 1);
    for (const Operand& o : operands) {
      if (!is_there(function, *o.tensor, o.data)) return CUDNN_STATUS_BAD_PARAM;
      const size_t bytes = o.tensor->span_bytes();
      if (overlap(o.data, bytes, workspace, workspace_needed)) {
        return bad_parameter(function, "an operand overlaps the workspace");
      }
      if (&o != operands.end() - 1 &&
          overlap(o.data, bytes, result.data, result.tensor->span_bytes())) {
        return bad_parameter(function, "an operand overlaps the result");
      }
    }
    return CUDNN_STATUS_SUCCESS;
  }

  void use_workspace() const {
    if (workspace_needed) std::memset(workspace, 0xff, workspace_needed);
  }

  // A test can ask for an algorithm that computes something else than it should.
  void spoil(std::vector<double>& result) const {
    unsettle(name_of(direction), algorithm, result);
    if (!is_wrong_algorithm(name_of(direction), algorithm)) return;
    for (double& v : result) v *= 1.01;
  }
};

double activated(double v, const cudnnActivationStruct& a) {
  return a.mode == CUDNN_ACTIVATION_RELU && !(v > 0) ? (v != v ? v : 0.0) : v;
}

}  // namespace

cudnnStatus_t cudnnConvolutionForward(CudnnHandle h, const void* alpha, TensorDesc xd,
                                      const void* x, FilterDesc wd, const void* w, ConvDesc c,
                                      int algo, void* workspace, size_t bytes, const void* beta,
                                      TensorDesc yd, void* y) {
  constexpr char kName[] = "cudnnConvolutionForward";
  return cudnn_call(
      kName,
      [&] {
        Call call{kName, Direction::forward, {*xd, *wd, *yd, *c}, algo, workspace, bytes};
        if (cudnnStatus_t error = call.check({{xd, x}, {wd, w}, {yd, y}})) return error;
        return run_on(h, kName, [=, a = scalar(alpha), b = scalar(beta)] {
          call.use_workspace();
          std::vector<double> result = forward(call.problem, x, w);
          call.spoil(result);
          store_tensor(call.problem.y, y, result, a, b);
        });
      },
      h, xd, wd, c, yd);
}

cudnnStatus_t cudnnConvolutionBackwardData(CudnnHandle h, const void* alpha, FilterDesc wd,
                                           const void* w, TensorDesc dyd, const void* dy,
                                           ConvDesc c, int algo, void* workspace, size_t bytes,
                                           const void* beta, TensorDesc dxd, void* dx) {
  constexpr char kName[] = "cudnnConvolutionBackwardData";
  return cudnn_call(
      kName,
      [&] {
        Call call{kName, Direction::backward_data, {*dxd, *wd, *dyd, *c}, algo, workspace, bytes};
        if (cudnnStatus_t error = call.check({{wd, w}, {dyd, dy}, {dxd, dx}})) return error;
        return run_on(h, kName, [=, a = scalar(alpha), b = scalar(beta)] {
          call.use_workspace();
          std::vector<double> result = backward_data(call.problem, w, dy);
          call.spoil(result);
          store_tensor(call.problem.x, dx, result, a, b);
        });
      },
      h, wd, dyd, c, dxd);
}

cudnnStatus_t cudnnConvolutionBackwardFilter(CudnnHandle h, const void* alpha, TensorDesc xd,
                                             const void* x, TensorDesc dyd, const void* dy,
                                             ConvDesc c, int algo, void* workspace, size_t bytes,
                                             const void* beta, FilterDesc dwd, void* dw) {
  constexpr char kName[] = "cudnnConvolutionBackwardFilter";
  return cudnn_call(
      kName,
      [&] {
        Call call{kName, Direction::backward_filter, {*xd, *dwd, *dyd, *c}, algo, workspace, bytes};
        if (cudnnStatus_t error = call.check({{xd, x}, {dyd, dy}, {dwd, dw}})) return error;
        return run_on(h, kName, [=, a = scalar(alpha), b = scalar(beta)] {
          call.use_workspace();
          std::vector<double> result = backward_filter(call.problem, x, dy);
          call.spoil(result);
          store_filter(call.problem, dw, result, a, b);
        });
      },
      h, xd, dyd, c, dwd);
}

cudnnStatus_t cudnnConvolutionBackwardBias(CudnnHandle h, const void* alpha, TensorDesc dyd,
                                           const void* dy, const void* beta, TensorDesc dbd,
                                           void* db) {
  constexpr char kName[] = "cudnnConvolutionBackwardBias";
  return cudnn_call(
      kName,
      [&] {
        const auto [n, channels, height, width] = dbd->dims;
        if (n != 1 || height != 1 || width != 1 || channels != dyd->dims[1] ||
            dyd->type != dbd->type) {
          return bad_parameter(kName, "the bias is not 1×C×1×1 of the gradient's type");
        }
        if (!is_there(kName, *dyd, dy) || !is_there(kName, *dbd, db)) return CUDNN_STATUS_BAD_PARAM;
        return run_on(h, kName, [=, t = *dyd, bias = *dbd, a = scalar(alpha), b = scalar(beta)] {
          const bool bf16 = t.type == CUDNN_DATA_BFLOAT16;
          const Elements in(dy, bf16), out(db, bf16);
          for (int k = 0; k < t.dims[1]; k++) {
            double sum = 0;
            for (int i = 0; i < t.dims[0]; i++) {
              for (int y = 0; y < t.dims[2]; y++) {
                for (int x = 0; x < t.dims[3]; x++) sum += in[t.offset(i, k, y, x)];
              }
            }
            out.blend(bias.offset(0, k, 0, 0), a, sum, b);
          }
        });
      },
      h, dyd, dbd);
}

cudnnStatus_t cudnnConvolutionBiasActivationForward(
    CudnnHandle h, const void* alpha1, TensorDesc xd, const void* x, FilterDesc wd, const void* w,
    ConvDesc c, int algo, void* workspace, size_t bytes, const void* alpha2, TensorDesc zd,
    const void* z, TensorDesc bd, const void* bias, ActDesc activation, TensorDesc yd, void* y) {
  constexpr char kName[] = "cudnnConvolutionBiasActivationForward";
  return cudnn_call(
      kName,
      [&] {
        Call call{kName, Direction::forward, {*xd, *wd, *yd, *c}, algo, workspace, bytes};
        if (cudnnStatus_t error = call.check({{xd, x}, {wd, w}, {bd, bias}, {yd, y}})) return error;
        const bool identity = activation->mode == CUDNN_ACTIVATION_IDENTITY;
        if (!identity && activation->mode != CUDNN_ACTIVATION_RELU) {
          return not_supported(kName, "activations are ReLU and identity");
        }
        if (identity && algo != CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM) {
          return not_supported(kName, "identity goes with IMPLICIT_PRECOMP_GEMM only");
        }
        const float a1 = scalar(alpha1), a2 = scalar(alpha2);
        if (bd->dims[1] != yd->dims[1] || bd->count() != static_cast<size_t>(yd->dims[1]) ||
            !zd->same_shape(*yd)) {
          return bad_parameter(kName, "the bias is not 1×K×1×1, or z is not like y");
        }
        if (a2 != 0 && !is_there(kName, *zd, z)) return CUDNN_STATUS_BAD_PARAM;
        return run_on(h, kName, [=, bt = *bd, zt = *zd, act = *activation] {
          call.use_workspace();
          const cudnnTensorStruct& t = call.problem.y;
          std::vector<double> result = forward(call.problem, x, w);
          call.spoil(result);
          const bool bf16 = t.type == CUDNN_DATA_BFLOAT16;
          const Elements biases(bias, bt.type == CUDNN_DATA_BFLOAT16), addend(z, bf16);
          size_t i = 0;
          for (int n = 0; n < t.dims[0]; n++) {
            for (int row = 0; row < t.dims[2]; row++) {
              for (int column = 0; column < t.dims[3]; column++) {
                for (int k = 0; k < t.dims[1]; k++, i++) {
                  double v = a1 * result[i] + biases[bt.offset(0, k, 0, 0)];
                  if (a2 != 0) v += a2 * addend[zt.offset(n, k, row, column)];
                  result[i] = activated(v, act);
                }
              }
            }
          }
          store_tensor(t, y, result, 1, 0);
        });
      },
      h, xd, wd, c, zd, bd, activation, yd);
}
