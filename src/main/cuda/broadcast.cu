// Writes the bias to every row: y[r, c] = bias[c]. A convolution or product that adds to y then
// rounds to bf16 once, where adding the bias afterwards would round twice.
//
// Shapes   y [rows, channels] with rows = N H W in bf16; bias [channels] in fp32.
// Bytes    2 rows channels + 4 channels.
// FLOPs    none.
#include "grid.cuh"

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
broadcast_bf16(const float* bias, bf16* y, long long rows, int channels) {
  constexpr int N = PACK<bf16>;
  if (channels % N == 0 && is_aligned(bias) && is_aligned(y)) {
    for_each_unit(rows, channels / N, [=](long long row, int pack) {
      float values[N];
      load(bias + pack * N, values);
      store(y + row * channels + pack * N, values);
    });
  } else {
    for_each_unit(rows, channels, [=](long long row, int c) {
      y[row * channels + c] = from_float<bf16>(bias[c]);
    });
  }
}
