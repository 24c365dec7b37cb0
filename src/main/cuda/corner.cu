// The corner of a matrix in another one: cut, or filled up with zeros.
//
//   y[r, c] = r < from_rows and c < from_columns ? x[r, c] : 0
//
// Shapes   x [from_rows, from_columns], y [rows, columns].
// Bytes    what both have, and y, each sizeof(T).
// FLOPs    none.
#include "grid.cuh"

template <typename T>
__device__ void corner(const T* x, T* y, long long from_rows, int from_columns, long long rows,
                       int columns) {
  for_each_unit(rows, columns, [&](long long row, int column) {
    const bool is_there = row < from_rows && column < from_columns;
    y[row * columns + column] =
        is_there ? x[row * from_columns + column] : from_float<T>(0.0f);
  });
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
corner_f32(const float* x, float* y, long long from_rows, int from_columns, long long rows,
           int columns) {
  corner(x, y, from_rows, from_columns, rows, columns);
}

extern "C" __global__ void __launch_bounds__(BLOCK, BLOCKS)
corner_bf16(const bf16* x, bf16* y, long long from_rows, int from_columns, long long rows,
            int columns) {
  corner(x, y, from_rows, from_columns, rows, columns);
}
