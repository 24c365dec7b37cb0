#include "convolution.h"

#include <algorithm>
#include <atomic>

#include "matrix.h"
#include "numbers.h"

namespace stand_in {
namespace {

double element(const Elements& data, size_t i, bool tf32) {
  return tf32 ? round_to_tf32(data[i]) : data[i];
}

// [N, H, W, C] whatever the strides are.
std::vector<double> packed(const cudnnTensorStruct& t, const void* data, bool tf32) {
  const auto [n, c, h, w] = t.dims;
  const Elements elements(data, t.type == CUDNN_DATA_BFLOAT16);
  std::vector<double> result(t.count());
  parallel_for(static_cast<size_t>(n) * h, [&](size_t row) {
    const int image = static_cast<int>(row) / h, y = static_cast<int>(row) % h;
    double* out = result.data() + row * static_cast<size_t>(w) * c;
    for (int x = 0; x < w; x++) {
      for (int k = 0; k < c; k++) *out++ = element(elements, t.offset(image, k, y, x), tf32);
    }
  });
  return result;
}

// Where tap (r, s) of a cross correlation lies in the filter: a convolution turns it round.
size_t filter_offset(const Convolution& p, int k, int c, int r, int s) {
  const bool turned = p.c.mode == CUDNN_CONVOLUTION;
  return p.w.offset(k, c, turned ? p.w.dims[2] - 1 - r : r, turned ? p.w.dims[3] - 1 - s : s);
}

// [groups, R, S, inputs, outputs] of a group, or the last two swapped.
std::vector<double> packed_filter(const Convolution& p, const void* data, bool outputs_first) {
  const Elements elements(data, p.w.type == CUDNN_DATA_BFLOAT16);
  const bool tf32 = p.uses_tf32();
  const int inputs = p.group_inputs(), outputs = p.group_outputs();
  std::vector<double> result(p.w.count());
  size_t i = 0;
  for (int g = 0; g < p.groups(); g++) {
    for (int r = 0; r < p.w.dims[2]; r++) {
      for (int s = 0; s < p.w.dims[3]; s++) {
        for (int a = 0; a < (outputs_first ? outputs : inputs); a++) {
          for (int b = 0; b < (outputs_first ? inputs : outputs); b++) {
            const int k = g * outputs + (outputs_first ? a : b);
            result[i++] = element(elements, filter_offset(p, k, outputs_first ? b : a, r, s), tf32);
          }
        }
      }
    }
  }
  return result;
}

// The output position that tap `tap` of an axis takes from input position `input`; -1 if none does.
int output_position(const Convolution& p, int axis, int input, int tap) {
  const int shifted = input + p.c.pad[axis] - tap * p.c.dilation[axis];
  if (shifted < 0 || shifted % p.c.stride[axis] != 0) return -1;
  const int position = shifted / p.c.stride[axis];
  return position < p.y.dims[2 + axis] ? position : -1;
}

int input_position(const Convolution& p, int axis, int output, int tap) {
  const int position = output * p.c.stride[axis] - p.c.pad[axis] + tap * p.c.dilation[axis];
  return position >= 0 && position < p.x.dims[2 + axis] ? position : -1;
}

}  // namespace

const char* objection(const Convolution& p) {
  if (p.x.type < 0 || p.w.type < 0 || p.y.type < 0 || p.c.mode < 0) return "descriptor not set";
  if (p.x.type != p.w.type || p.x.type != p.y.type) return "operands of different types";
  if (p.x.dims[1] != p.w.dims[1] * p.c.groups || p.w.dims[0] % p.c.groups != 0) {
    return "channels of input, filter and groups do not fit";
  }
  if (p.y.dims[0] != p.x.dims[0] || p.y.dims[1] != p.w.dims[0] ||
      p.y.dims[2] != p.c.output_size(0, p.x.dims[2], p.w.dims[2]) ||
      p.y.dims[3] != p.c.output_size(1, p.x.dims[3], p.w.dims[3])) {
    return "the output has another shape than the convolution gives";
  }
  return nullptr;
}

std::vector<double> forward(const Convolution& p, const void* x, const void* w) {
  const std::vector<double> in = packed(p.x, x, p.uses_tf32());
  const std::vector<double> filter = packed_filter(p, w, false);
  const int inputs = p.group_inputs(), outputs = p.group_outputs();
  const int channels = p.x.dims[1], height = p.y.dims[2], width = p.y.dims[3];
  std::vector<double> out(p.y.count());
  const bool truncated = p.truncates();
  parallel_for(static_cast<size_t>(p.y.dims[0]) * height, [&](size_t row) {
    const int n = static_cast<int>(row) / height, oh = static_cast<int>(row) % height;
    for (int ow = 0; ow < width; ow++) {
      double* sums = out.data() + (row * width + ow) * p.y.dims[1];
      for (int r = 0; r < p.w.dims[2]; r++) {
        const int ih = input_position(p, 0, oh, r);
        for (int s = 0; s < p.w.dims[3] && ih >= 0; s++) {
          const int iw = input_position(p, 1, ow, s);
          if (iw < 0) continue;
          const size_t place = (static_cast<size_t>(n) * p.x.dims[2] + ih) * p.x.dims[3] + iw;
          const double* pixel = in.data() + place * channels;
          for (int g = 0; g < p.groups(); g++) {
            const size_t tap = (static_cast<size_t>(g) * p.w.dims[2] + r) * p.w.dims[3] + s;
            add_product(sums + g * outputs, pixel + g * inputs,
                        filter.data() + tap * inputs * outputs, inputs, outputs, outputs, truncated);
          }
        }
      }
    }
  });
  return out;
}

std::vector<double> backward_data(const Convolution& p, const void* w, const void* dy) {
  const std::vector<double> gradient = packed(p.y, dy, p.uses_tf32());
  const std::vector<double> filter = packed_filter(p, w, true);
  const int inputs = p.group_inputs(), outputs = p.group_outputs();
  const int channels = p.y.dims[1], height = p.x.dims[2], width = p.x.dims[3];
  std::vector<double> out(p.x.count());
  const bool truncated = p.truncates();
  parallel_for(static_cast<size_t>(p.x.dims[0]) * height, [&](size_t row) {
    const int n = static_cast<int>(row) / height, ih = static_cast<int>(row) % height;
    for (int iw = 0; iw < width; iw++) {
      double* sums = out.data() + (row * width + iw) * p.x.dims[1];
      for (int r = 0; r < p.w.dims[2]; r++) {
        const int oh = output_position(p, 0, ih, r);
        for (int s = 0; s < p.w.dims[3] && oh >= 0; s++) {
          const int ow = output_position(p, 1, iw, s);
          if (ow < 0) continue;
          const size_t place = (static_cast<size_t>(n) * p.y.dims[2] + oh) * p.y.dims[3] + ow;
          const double* pixel = gradient.data() + place * channels;
          for (int g = 0; g < p.groups(); g++) {
            const size_t tap = (static_cast<size_t>(g) * p.w.dims[2] + r) * p.w.dims[3] + s;
            add_product(sums + g * inputs, pixel + g * outputs,
                        filter.data() + tap * inputs * outputs, outputs, inputs, inputs, truncated);
          }
        }
      }
    }
  });
  return out;
}

std::vector<double> backward_filter(const Convolution& p, const void* x, const void* dy) {
  constexpr int kChannels = 16;   // of one task
  constexpr size_t kPixels = 256;  // whose gradients stay in the cache
  const std::vector<double> in = packed(p.x, x, p.uses_tf32());
  const std::vector<double> gradient = packed(p.y, dy, p.uses_tf32());
  const int inputs = p.group_inputs(), outputs = p.group_outputs();
  const int parts = (inputs + kChannels - 1) / kChannels;
  const int taps = p.w.dims[2] * p.w.dims[3];
  const size_t pixels = static_cast<size_t>(p.y.dims[0]) * p.y.dims[2] * p.y.dims[3];
  std::vector<double> out(p.w.count());
  const bool truncated = p.truncates();
  parallel_for(static_cast<size_t>(p.groups()) * taps * parts, [&](size_t task) {
    const int first = static_cast<int>(task % parts) * kChannels;
    const int last = std::min(inputs, first + kChannels);
    const int tap = static_cast<int>(task / parts) % taps;
    const int g = static_cast<int>(task / parts) / taps;
    const int r = tap / p.w.dims[3], s = tap % p.w.dims[3];
    double column[kPixels];
    for (size_t begin = 0; begin < pixels; begin += kPixels) {
      const size_t count = std::min(kPixels, pixels - begin);
      for (int c = first; c < last; c++) {
        for (size_t i = 0; i < count; i++) {
          const size_t pixel = begin + i;
          const int ow = static_cast<int>(pixel % p.y.dims[3]);
          const int oh = static_cast<int>(pixel / p.y.dims[3] % p.y.dims[2]);
          const size_t n = pixel / p.y.dims[3] / p.y.dims[2];
          const int ih = input_position(p, 0, oh, r), iw = input_position(p, 1, ow, s);
          column[i] = ih < 0 || iw < 0 ? 0.0
                                       : in[((n * p.x.dims[2] + ih) * p.x.dims[3] + iw) *
                                                p.x.dims[1] + g * inputs + c];
        }
        double* sums = out.data() + ((static_cast<size_t>(g) * taps + tap) * inputs + c) * outputs;
        add_product(sums, column, gradient.data() + begin * p.y.dims[1] + g * outputs, count,
                    outputs, p.y.dims[1], truncated);
      }
    }
  });
  return out;
}

void store_tensor(const cudnnTensorStruct& t, void* target, const std::vector<double>& result,
                  float alpha, float beta) {
  const Elements elements(target, t.type == CUDNN_DATA_BFLOAT16);
  size_t i = 0;
  for (int n = 0; n < t.dims[0]; n++) {
    for (int h = 0; h < t.dims[2]; h++) {
      for (int w = 0; w < t.dims[3]; w++) {
        for (int c = 0; c < t.dims[1]; c++) {
          elements.blend(t.offset(n, c, h, w), alpha, result[i++], beta);
        }
      }
    }
  }
}

void store_filter(const Convolution& p, void* target, const std::vector<double>& result,
                  float alpha, float beta) {
  const Elements elements(target, p.w.type == CUDNN_DATA_BFLOAT16);
  const int inputs = p.group_inputs(), outputs = p.group_outputs();
  size_t i = 0;
  for (int g = 0; g < p.groups(); g++) {
    for (int r = 0; r < p.w.dims[2]; r++) {
      for (int s = 0; s < p.w.dims[3]; s++) {
        for (int c = 0; c < inputs; c++) {
          for (int k = 0; k < outputs; k++) {
            elements.blend(filter_offset(p, g * outputs + k, c, r, s), alpha, result[i++], beta);
          }
        }
      }
    }
  }
}

void unsettle(const char* name, int algorithm, std::vector<double>& result) {
  static std::atomic<unsigned> runs{0};
  if (!is_unsteady_algorithm(name, algorithm) || runs++ % 2 == 0) return;
  for (double& v : result) v *= 1 + 0x1p-10;
}

}  // namespace stand_in
