// Activation, softmax, and arithmetic on whole tensors.
#include <algorithm>
#include <cmath>

#include "descriptors.h"
#include "numbers.h"

using namespace stand_in;

namespace {

bool is_bf16(const cudnnTensorStruct& t) { return t.type == CUDNN_DATA_BFLOAT16; }

template <class Body>
void for_each(const cudnnTensorStruct& t, Body body) {
  for (int n = 0; n < t.dims[0]; n++) {
    for (int c = 0; c < t.dims[1]; c++) {
      for (int h = 0; h < t.dims[2]; h++) {
        for (int w = 0; w < t.dims[3]; w++) body(n, c, h, w);
      }
    }
  }
}

// A tensor with dimensions of 1 where the other has more is repeated there.
size_t repeated(const cudnnTensorStruct& t, int n, int c, int h, int w) {
  return t.offset(t.dims[0] == 1 ? 0 : n, t.dims[1] == 1 ? 0 : c, t.dims[2] == 1 ? 0 : h,
                  t.dims[3] == 1 ? 0 : w);
}

bool can_repeat(const cudnnTensorStruct& from, const cudnnTensorStruct& to) {
  for (int i = 0; i < kRank; i++) {
    if (from.dims[i] != to.dims[i] && from.dims[i] != 1) return false;
  }
  return true;
}

double activate(int mode, double v) {
  switch (mode) {
    case CUDNN_ACTIVATION_SIGMOID: return 1 / (1 + std::exp(-v));
    case CUDNN_ACTIVATION_RELU: return v > 0 || v != v ? v : 0;
    case CUDNN_ACTIVATION_TANH: return std::tanh(v);
    default: return v;
  }
}

// The derivative, from the output y.
double slope(int mode, double y) {
  switch (mode) {
    case CUDNN_ACTIVATION_SIGMOID: return y * (1 - y);
    case CUDNN_ACTIVATION_RELU: return y > 0 ? 1 : 0;
    case CUDNN_ACTIVATION_TANH: return 1 - y * y;
    default: return 1;
  }
}

bool is_known(int mode) {
  return mode == CUDNN_ACTIVATION_SIGMOID || mode == CUDNN_ACTIVATION_RELU ||
         mode == CUDNN_ACTIVATION_TANH || mode == CUDNN_ACTIVATION_IDENTITY;
}

// The groups of elements that a softmax normalises: of an image, or of a pixel.
template <class Body>
void for_each_group(const cudnnTensorStruct& t, int mode, Body body) {
  for (int n = 0; n < t.dims[0]; n++) {
    if (mode == CUDNN_SOFTMAX_MODE_INSTANCE) {
      body([&](auto visit) {
        for (int c = 0; c < t.dims[1]; c++) {
          for (int h = 0; h < t.dims[2]; h++) {
            for (int w = 0; w < t.dims[3]; w++) visit(n, c, h, w);
          }
        }
      });
      continue;
    }
    for (int h = 0; h < t.dims[2]; h++) {
      for (int w = 0; w < t.dims[3]; w++) {
        body([&](auto visit) {
          for (int c = 0; c < t.dims[1]; c++) visit(n, c, h, w);
        });
      }
    }
  }
}

}  // namespace

cudnnStatus_t cudnnActivationForward(CudnnHandle handle, ActDesc ad, const void* alpha,
                                     TensorDesc xd, const void* x, const void* beta, TensorDesc yd,
                                     void* y) {
  constexpr char kName[] = "cudnnActivationForward";
  return cudnn_call(
      kName,
      [&] {
        if (!is_known(ad->mode)) return not_supported(kName, "activation");
        if (!xd->same_shape(*yd)) return bad_parameter(kName, "shapes differ");
        if (!is_there(kName, *xd, x) || !is_there(kName, *yd, y)) return CUDNN_STATUS_BAD_PARAM;
        return run_on(handle, kName, [=, mode = ad->mode, xt = *xd, yt = *yd, a = scalar(alpha),
                                      b = scalar(beta)] {
          const Elements in(x, is_bf16(xt)), out(y, is_bf16(yt));
          for_each(yt, [&](int n, int c, int h, int w) {
            out.blend(yt.offset(n, c, h, w), a, activate(mode, in[xt.offset(n, c, h, w)]), b);
          });
        });
      },
      handle, ad, xd, yd);
}

cudnnStatus_t cudnnActivationBackward(CudnnHandle handle, ActDesc ad, const void* alpha,
                                      TensorDesc yd, const void* y, TensorDesc dyd, const void* dy,
                                      TensorDesc xd, const void* x, const void* beta,
                                      TensorDesc dxd, void* dx) {
  constexpr char kName[] = "cudnnActivationBackward";
  return cudnn_call(
      kName,
      [&] {
        if (!is_known(ad->mode)) return not_supported(kName, "activation");
        if (!xd->same_shape(*yd) || !dyd->same_shape(*yd) || !dxd->same_shape(*yd)) {
          return bad_parameter(kName, "shapes differ");
        }
        if (!is_there(kName, *yd, y) || !is_there(kName, *dyd, dy) || !is_there(kName, *xd, x) ||
            !is_there(kName, *dxd, dx)) {
          return CUDNN_STATUS_BAD_PARAM;
        }
        return run_on(handle, kName, [=, mode = ad->mode, yt = *yd, dyt = *dyd, dxt = *dxd,
                                      a = scalar(alpha), b = scalar(beta)] {
          const Elements result(y, is_bf16(yt)), gradient(dy, is_bf16(dyt)), out(dx, is_bf16(dxt));
          for_each(yt, [&](int n, int c, int h, int w) {
            const double g = gradient[dyt.offset(n, c, h, w)];
            const double s = slope(mode, result[yt.offset(n, c, h, w)]);
            out.blend(dxt.offset(n, c, h, w), a, s == 0 ? 0 : s * g, b);
          });
        });
      },
      handle, ad, yd, dyd, xd, dxd);
}

cudnnStatus_t cudnnSoftmaxForward(CudnnHandle handle, int algo, int mode, const void* alpha,
                                  TensorDesc xd, const void* x, const void* beta, TensorDesc yd,
                                  void* y) {
  constexpr char kName[] = "cudnnSoftmaxForward";
  return cudnn_call(
      kName,
      [&] {
        if (!xd->same_shape(*yd)) return bad_parameter(kName, "shapes differ");
        if (!is_there(kName, *xd, x) || !is_there(kName, *yd, y)) return CUDNN_STATUS_BAD_PARAM;
        return run_on(handle, kName, [=, xt = *xd, yt = *yd, a = scalar(alpha), b = scalar(beta)] {
          const Elements in(x, is_bf16(xt)), out(y, is_bf16(yt));
          for_each_group(yt, mode, [&](auto each) {
            auto value = [&](int n, int c, int h, int w) {
              return static_cast<double>(in[xt.offset(n, c, h, w)]);
            };
            double top = -INFINITY, sum = 0;
            each([&](auto... i) { top = std::max(top, value(i...)); });
            each([&](auto... i) { sum += std::exp(value(i...) - top); });
            each([&](auto... i) {
              const double v = value(i...) - top;
              out.blend(yt.offset(i...), a,
                        algo == CUDNN_SOFTMAX_LOG ? v - std::log(sum) : std::exp(v) / sum, b);
            });
          });
        });
      },
      handle, xd, yd);
}

cudnnStatus_t cudnnSoftmaxBackward(CudnnHandle handle, int algo, int mode, const void* alpha,
                                   TensorDesc yd, const void* y, TensorDesc dyd, const void* dy,
                                   const void* beta, TensorDesc dxd, void* dx) {
  constexpr char kName[] = "cudnnSoftmaxBackward";
  return cudnn_call(
      kName,
      [&] {
        if (!dyd->same_shape(*yd) || !dxd->same_shape(*yd)) {
          return bad_parameter(kName, "shapes differ");
        }
        if (!is_there(kName, *yd, y) || !is_there(kName, *dyd, dy) || !is_there(kName, *dxd, dx)) {
          return CUDNN_STATUS_BAD_PARAM;
        }
        return run_on(handle, kName, [=, yt = *yd, dyt = *dyd, dxt = *dxd, a = scalar(alpha),
                                      b = scalar(beta)] {
          const Elements result(y, is_bf16(yt)), gradient(dy, is_bf16(dyt)), out(dx, is_bf16(dxt));
          const bool log = algo == CUDNN_SOFTMAX_LOG;
          for_each_group(yt, mode, [&](auto each) {
            double sum = 0;
            each([&](auto... i) {
              const double g = gradient[dyt.offset(i...)];
              sum += log ? g : g * result[yt.offset(i...)];
            });
            each([&](auto... i) {
              const double g = gradient[dyt.offset(i...)], v = result[yt.offset(i...)];
              out.blend(dxt.offset(i...), a, log ? g - std::exp(v) * sum : v * (g - sum), b);
            });
          });
        });
      },
      handle, yd, dyd, dxd);
}

cudnnStatus_t cudnnAddTensor(CudnnHandle handle, const void* alpha, TensorDesc ad, const void* a,
                             const void* beta, TensorDesc cd, void* c) {
  constexpr char kName[] = "cudnnAddTensor";
  return cudnn_call(
      kName,
      [&] {
        if (!can_repeat(*ad, *cd)) return bad_parameter(kName, "shapes do not fit");
        if (!is_there(kName, *ad, a) || !is_there(kName, *cd, c)) return CUDNN_STATUS_BAD_PARAM;
        return run_on(handle, kName, [=, at = *ad, ct = *cd, s = scalar(alpha), t = scalar(beta)] {
          const Elements in(a, is_bf16(at)), out(c, is_bf16(ct));
          for_each(ct, [&](auto... i) {
            out.blend(ct.offset(i...), s, in[repeated(at, i...)], t);
          });
        });
      },
      handle, ad, cd);
}

cudnnStatus_t cudnnOpTensor(CudnnHandle handle, OpDesc od, const void* alpha1, TensorDesc ad,
                            const void* a, const void* alpha2, TensorDesc bd, const void* b,
                            const void* beta, TensorDesc cd, void* c) {
  constexpr char kName[] = "cudnnOpTensor";
  return cudnn_call(
      kName,
      [&] {
        if (!ad->same_shape(*cd) || !can_repeat(*bd, *cd)) {
          return bad_parameter(kName, "shapes do not fit");
        }
        if (od->op < 0 || od->op > 5) return bad_parameter(kName, "unknown operation");
        if (!is_there(kName, *ad, a) || !is_there(kName, *bd, b) || !is_there(kName, *cd, c)) {
          return CUDNN_STATUS_BAD_PARAM;
        }
        return run_on(handle, kName, [=, op = od->op, at = *ad, bt = *bd, ct = *cd,
                                      s1 = scalar(alpha1), s2 = scalar(alpha2), t = scalar(beta)] {
          const Elements first(a, is_bf16(at)), second(b, is_bf16(bt)), out(c, is_bf16(ct));
          for_each(ct, [&](auto... i) {
            const double x = static_cast<double>(s1) * first[at.offset(i...)];
            const double y = static_cast<double>(s2) * second[repeated(bt, i...)];
            const double results[] = {x + y, x * y, std::min(x, y), std::max(x, y), std::sqrt(x),
                                      1 - x};
            out.blend(ct.offset(i...), 1, results[op], t);
          });
        });
      },
      handle, od, ad, bd, cd);
}

cudnnStatus_t cudnnTransformTensor(CudnnHandle handle, const void* alpha, TensorDesc xd,
                                   const void* x, const void* beta, TensorDesc yd, void* y) {
  constexpr char kName[] = "cudnnTransformTensor";
  return cudnn_call(
      kName,
      [&] {
        if (!xd->same_shape(*yd)) return bad_parameter(kName, "shapes differ");
        if (!is_there(kName, *xd, x) || !is_there(kName, *yd, y)) return CUDNN_STATUS_BAD_PARAM;
        return run_on(handle, kName, [=, xt = *xd, yt = *yd, a = scalar(alpha), b = scalar(beta)] {
          const Elements in(x, is_bf16(xt)), out(y, is_bf16(yt));
          for_each(yt, [&](auto... i) { out.blend(yt.offset(i...), a, in[xt.offset(i...)], b); });
        });
      },
      handle, xd, yd);
}

cudnnStatus_t cudnnSetTensor(CudnnHandle handle, TensorDesc yd, void* y, const void* value) {
  constexpr char kName[] = "cudnnSetTensor";
  return cudnn_call(
      kName,
      [&] {
        if (!is_there(kName, *yd, y)) return CUDNN_STATUS_BAD_PARAM;
        return run_on(handle, kName, [=, yt = *yd, v = scalar(value)] {
          const Elements out(y, is_bf16(yt));
          for_each(yt, [&](auto... i) { out.store(yt.offset(i...), v); });
        });
      },
      handle, yd);
}

cudnnStatus_t cudnnScaleTensor(CudnnHandle handle, TensorDesc yd, void* y, const void* alpha) {
  constexpr char kName[] = "cudnnScaleTensor";
  return cudnn_call(
      kName,
      [&] {
        if (!is_there(kName, *yd, y)) return CUDNN_STATUS_BAD_PARAM;
        return run_on(handle, kName, [=, yt = *yd, a = scalar(alpha)] {
          const Elements data(y, is_bf16(yt));
          for_each(yt, [&](auto... i) {
            data.store(yt.offset(i...), a * data[yt.offset(i...)]);
          });
        });
      },
      handle, yd);
}
