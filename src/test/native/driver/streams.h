// Work in the order of its stream, events, and the point where work goes into a graph instead.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "driver_api.h"

namespace stand_in {

// One operation on the device. `run` returns an error of the device and a text for people.
struct Work {
  const char* what;
  int node_type;  // CU_GRAPH_NODE_TYPE_…
  std::function<CUresult(std::string& message)> run;
  double submitted = 0;  // by the host's clock
};

struct Capture;

enum class Timing { synchronous, asynchronous };

CUresult submit(CUstream stream, Work work, Timing timing);

// Runs what is queued: of all streams, in the order that the settings ask for.
void run_all_work();
void destroy_all_streams_and_events();
// Also says what the bytes around allocations tell; a fault of the device if it has one.
CUresult finish_synchronisation();

bool is_valid_stream(CUstream stream);

// The host falls behind by so much: what a call costs it, during which the device works on.
void spend_host_time(double seconds);

}  // namespace stand_in

// Opaque to users of the driver API; the fields are for streams.cpp and graphs.cpp.
struct CUstream_st {
  unsigned flags = 0;
  int priority = 0;
  // Queued work and how much was ever queued and ever run.
  std::deque<stand_in::Work> queue;
  uint64_t submitted = 0;
  uint64_t finished = 0;
  // When all that was run is over, by the host's clock.
  double busy_until = 0;
  // While capturing: the graph in the making, and the nodes that the next node depends on.
  std::shared_ptr<stand_in::Capture> capture;
  std::vector<size_t> frontier;
};

namespace stand_in {

// The stream behind a handle: null, 1 and 2 are the default stream.
CUstream resolve(CUstream stream);
bool is_default_stream(CUstream stream);
std::vector<CUstream> all_streams();
void run_work(CUstream stream, uint64_t until);

}  // namespace stand_in
