// Keeps a stream busy for about so many clock cycles, so that what the host puts behind it starts
// without waiting for the host: for measuring.
//
// Launch   one block, one thread.
// Bytes    none. FLOPs none.
extern "C" __global__ void __launch_bounds__(1) spin(long long cycles) {
  const long long begin = clock64();
  while (clock64() - begin < cycles) {
  }
}
