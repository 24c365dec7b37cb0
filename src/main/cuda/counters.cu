// Moves the run's counters on by one step, as the last kernel of a captured step, so that a graph
// is replayed with no work on the host.
//
//   step     += 1       training steps since the start of the run: learning rate, random numbers
//   position += 1       batches taken from the order array of this epoch
//
// Launch   one block, one thread.
// Bytes    32. FLOPs none.
extern "C" __global__ void __launch_bounds__(1)
advance_counters(long long* step, long long* position) {
  *step += 1;
  *position += 1;
}
