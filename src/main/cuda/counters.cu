// Moves the counters of a session on by one run, as the last kernel of a captured run, so that a
// graph is replayed with no work on the host.
//
//   step += 1    runs since training began: random numbers
//   run  += 1    runs since this epoch began: place in the order of samples, learning rate
//
// Launch   one block, one thread.
// Bytes    32. FLOPs none.
extern "C" __global__ void __launch_bounds__(1) advance_counters(long long* step, long long* run) {
  *step += 1;
  *run += 1;
}
