// Stream capture.
#pragma once
#include <memory>
#include <thread>
#include <vector>

#include "streams.h"

namespace stand_in {

struct Node {
  Work work;
  std::vector<size_t> depends_on;
};

struct Capture {
  CUstream origin;
  int mode;
  std::thread::id thread;
  bool invalid = false;
  std::vector<Node> nodes;
};

// Adds a node behind the stream's frontier.
CUresult capture_work(CUstream stream, Work work);
// An operation that a capture in global mode (or in this thread's mode) does not allow: spoils such
// captures and returns the error, or CUDA_SUCCESS if none is in its way.
CUresult refuse_during_capture();
bool any_capture();
void invalidate_captures();
void destroy_all_graphs();

}  // namespace stand_in
