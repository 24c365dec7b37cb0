#include <algorithm>
#include <limits>
#include <vector>

#include "descriptors.h"
#include "numbers.h"

using namespace stand_in;

namespace {

struct Range {
  int begin, end;
};

// The part of a window that lies on the input.
Range window(const cudnnPoolingStruct& p, int axis, int output, int input) {
  const int begin = output * p.stride[axis] - p.pad[axis];
  return {std::max(begin, 0), std::min(begin + p.window[axis], input)};
}

bool is_maximum(const cudnnPoolingStruct& p) {
  return p.mode == CUDNN_POOLING_MAX || p.mode == CUDNN_POOLING_MAX_DETERMINISTIC;
}

double divisor(const cudnnPoolingStruct& p, Range rows, Range columns) {
  return p.mode == CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING
             ? static_cast<double>(p.window[0]) * p.window[1]
             : static_cast<double>(rows.end - rows.begin) * (columns.end - columns.begin);
}

const char* objection(const cudnnPoolingStruct& p, const cudnnTensorStruct& x,
                      const cudnnTensorStruct& y) {
  if (p.mode < 0 || x.type < 0 || y.type < 0) return "descriptor not set";
  if (x.type != y.type) return "operands of different types";
  if (y.dims[0] != x.dims[0] || y.dims[1] != x.dims[1] ||
      y.dims[2] != p.output_size(0, x.dims[2]) || y.dims[3] != p.output_size(1, x.dims[3])) {
    return "the output has another shape than pooling gives";
  }
  return nullptr;
}

template <class Body>
void for_each_window(const cudnnPoolingStruct& p, const cudnnTensorStruct& x,
                     const cudnnTensorStruct& y, int plane, Body body) {
  const int n = plane / y.dims[1], c = plane % y.dims[1];
  for (int oh = 0; oh < y.dims[2]; oh++) {
    for (int ow = 0; ow < y.dims[3]; ow++) {
      body(y.offset(n, c, oh, ow), window(p, 0, oh, x.dims[2]), window(p, 1, ow, x.dims[3]),
           [&](int h, int w) { return x.offset(n, c, h, w); });
    }
  }
}

}  // namespace

cudnnStatus_t cudnnPoolingForward(CudnnHandle handle, PoolDesc pd, const void* alpha, TensorDesc xd,
                                  const void* x, const void* beta, TensorDesc yd, void* y) {
  constexpr char kName[] = "cudnnPoolingForward";
  return cudnn_call(
      kName,
      [&] {
        if (const char* why = objection(*pd, *xd, *yd)) return bad_parameter(kName, why);
        if (!is_there(kName, *xd, x) || !is_there(kName, *yd, y)) return CUDNN_STATUS_BAD_PARAM;
        return run_on(handle, kName,
                      [=, p = *pd, xt = *xd, yt = *yd, a = scalar(alpha), b = scalar(beta)] {
          const Elements in(x, xt.type == CUDNN_DATA_BFLOAT16);
          const Elements out(y, yt.type == CUDNN_DATA_BFLOAT16);
          parallel_for(static_cast<size_t>(yt.dims[0]) * yt.dims[1], [&](size_t plane) {
            for_each_window(p, xt, yt, static_cast<int>(plane),
                            [&](size_t at, Range rows, Range columns, auto offset) {
              double best = -std::numeric_limits<double>::infinity(), sum = 0;
              for (int h = rows.begin; h < rows.end; h++) {
                for (int w = columns.begin; w < columns.end; w++) {
                  const double v = in[offset(h, w)];
                  if (v > best || v != v) best = v;
                  sum += v;
                }
              }
              out.blend(at, a, is_maximum(p) ? best : sum / divisor(p, rows, columns), b);
            });
          });
        });
      },
      handle, pd, xd, yd);
}

cudnnStatus_t cudnnPoolingBackward(CudnnHandle handle, PoolDesc pd, const void* alpha,
                                   TensorDesc yd, const void* y, TensorDesc dyd, const void* dy,
                                   TensorDesc xd, const void* x, const void* beta, TensorDesc dxd,
                                   void* dx) {
  constexpr char kName[] = "cudnnPoolingBackward";
  return cudnn_call(
      kName,
      [&] {
        if (const char* why = objection(*pd, *xd, *yd)) return bad_parameter(kName, why);
        if (!dyd->same_shape(*yd) || !dxd->same_shape(*xd) || dyd->type != yd->type ||
            dxd->type != xd->type) {
          return bad_parameter(kName, "gradients are not like what they belong to");
        }
        if (!is_there(kName, *yd, y) || !is_there(kName, *dyd, dy) || !is_there(kName, *xd, x) ||
            !is_there(kName, *dxd, dx)) {
          return CUDNN_STATUS_BAD_PARAM;
        }
        return run_on(handle, kName, [=, p = *pd, xt = *xd, yt = *yd, dyt = *dyd, dxt = *dxd,
                                      a = scalar(alpha), b = scalar(beta)] {
          const bool bf16 = xt.type == CUDNN_DATA_BFLOAT16;
          const Elements in(x, bf16), result(y, bf16), gradient(dy, bf16), out(dx, bf16);
          parallel_for(static_cast<size_t>(yt.dims[0]) * yt.dims[1], [&](size_t plane) {
            const int n = static_cast<int>(plane) / yt.dims[1];
            const int c = static_cast<int>(plane) % yt.dims[1];
            const int width = xt.dims[3];
            std::vector<double> sums(static_cast<size_t>(xt.dims[2]) * width);
            for (int oh = 0; oh < yt.dims[2]; oh++) {
              for (int ow = 0; ow < yt.dims[3]; ow++) {
                const Range rows = window(p, 0, oh, xt.dims[2]);
                const Range columns = window(p, 1, ow, width);
                const double g = gradient[dyt.offset(n, c, oh, ow)];
                const float top = result[yt.offset(n, c, oh, ow)];
                bool given = false;
                for (int h = rows.begin; h < rows.end; h++) {
                  for (int w = columns.begin; w < columns.end; w++) {
                    double& sum = sums[static_cast<size_t>(h) * width + w];
                    if (!is_maximum(p)) {
                      sum += g / divisor(p, rows, columns);
                    } else if (!given && in[xt.offset(n, c, h, w)] == top) {
                      sum += g;  // to the first of equal ones
                      given = true;
                    }
                  }
                }
              }
            }
            for (int h = 0; h < xt.dims[2]; h++) {
              for (int w = 0; w < width; w++) {
                out.blend(dxt.offset(n, c, h, w), a, sums[static_cast<size_t>(h) * width + w], b);
              }
            }
          });
        });
      },
      handle, pd, yd, dyd, xd, dxd);
}
