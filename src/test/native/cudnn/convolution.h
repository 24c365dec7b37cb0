// The arithmetic of the three convolutions, on channels-last arrays of double.
#pragma once
#include <vector>

#include "descriptors.h"

namespace stand_in {

enum class Direction { forward, backward_data, backward_filter };

// One convolution problem; x, w, y are input, filter and output whatever the direction.
struct Convolution {
  cudnnTensorStruct x;
  cudnnFilterStruct w;
  cudnnTensorStruct y;
  cudnnConvolutionStruct c;

  int groups() const { return c.groups; }
  int group_inputs() const { return w.dims[1]; }
  int group_outputs() const { return w.dims[0] / c.groups; }
  // fp32 goes through the tensor cores of sm_80 and later, rounded to TF32, unless forbidden.
  bool uses_tf32() const {
    return x.type == CUDNN_DATA_FLOAT && c.math != CUDNN_FMA_MATH && compute_capability() >= 80;
  }
  // bf16 is multiplied by tensor cores only.
  bool truncates() const {
    return stand_in::truncates() && (uses_tf32() || x.type == CUDNN_DATA_BFLOAT16);
  }
};

// What is wrong with the problem; null if nothing is.
const char* objection(const Convolution& problem);

// y as [N, H, W, K].
std::vector<double> forward(const Convolution& problem, const void* x, const void* w);
// dx as [N, H, W, C].
std::vector<double> backward_data(const Convolution& problem, const void* w, const void* dy);
// dw as [groups, R, S, C, K].
std::vector<double> backward_filter(const Convolution& problem, const void* x, const void* dy);

// Stores alpha · result + beta · old.
void store_tensor(const cudnnTensorStruct& t, void* target, const std::vector<double>& result,
                  float alpha, float beta);
void store_filter(const Convolution& problem, void* target, const std::vector<double>& result,
                  float alpha, float beta);

// Where a test asked for an algorithm whose results change from run to run: every second time
// 2^-10 more, which a trial allows and which rounds some of many numbers to other ones in bf16.
void unsettle(const char* name, int algorithm, std::vector<double>& result);

}  // namespace stand_in
