#include "graphs.h"

#include <algorithm>

#include "calls.h"
#include "library_support.h"
#include "resources.h"
#include "settings.h"

struct CUgraphNode_st {
  int type;
};

struct CUgraph_st {
  std::vector<stand_in::Node> nodes;
  std::vector<CUgraphNode_st> handles;
};

struct CUgraphExec_st {
  std::shared_ptr<const std::vector<stand_in::Node>> nodes;
};

namespace stand_in {
namespace {

std::vector<std::shared_ptr<Capture>> captures() {
  std::vector<std::shared_ptr<Capture>> found;
  for (CUstream s : all_streams()) {
    if (s->capture && std::find(found.begin(), found.end(), s->capture) == found.end()) {
      found.push_back(s->capture);
    }
  }
  return found;
}

// Does the origin stream, when the capture ends, come after every node?
bool is_joined(const Capture& capture) {
  std::vector<bool> reached(capture.nodes.size());
  std::vector<size_t> open = capture.origin->frontier;
  while (!open.empty()) {
    const size_t node = open.back();
    open.pop_back();
    if (reached[node]) continue;
    reached[node] = true;
    const auto& before = capture.nodes[node].depends_on;
    open.insert(open.end(), before.begin(), before.end());
  }
  return std::find(reached.begin(), reached.end(), false) == reached.end();
}

// An order of the nodes that respects their dependencies: as captured, or another one.
std::vector<size_t> execution_order(const std::vector<Node>& nodes) {
  std::vector<size_t> order;
  std::vector<bool> done(nodes.size());
  while (order.size() < nodes.size()) {
    std::vector<size_t> ready;
    for (size_t i = 0; i < nodes.size(); i++) {
      const auto& before = nodes[i].depends_on;
      const bool may_run =
          std::all_of(before.begin(), before.end(), [&](size_t b) { return done[b]; });
      if (!done[i] && may_run) {
        ready.push_back(i);
        if (settings().order == Order::forward) break;
      }
    }
    size_t pick = ready.front();
    if (settings().order == Order::reverse) pick = ready.back();
    if (settings().order == Order::shuffle) pick = ready[shuffle_random()() % ready.size()];
    done[pick] = true;
    order.push_back(pick);
  }
  return order;
}

CUresult run_graph(const std::vector<Node>& nodes, std::string& message) {
  for (size_t i : execution_order(nodes)) {
    if (CUresult error = nodes[i].work.run(message)) {
      message = std::string(nodes[i].work.what) + ": " + message;
      return error;
    }
  }
  return CUDA_SUCCESS;
}

}  // namespace

CUresult capture_work(CUstream stream, Work work) {
  Capture& capture = *stream->capture;
  if (capture.invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  capture.nodes.push_back({std::move(work), stream->frontier});
  stream->frontier = {capture.nodes.size() - 1};
  return CUDA_SUCCESS;
}

CUresult refuse_during_capture() {
  CUresult result = CUDA_SUCCESS;
  for (const auto& capture : captures()) {
    if (capture->mode == CU_STREAM_CAPTURE_MODE_GLOBAL ||
        (capture->mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL &&
         capture->thread == std::this_thread::get_id())) {
      capture->invalid = true;
      result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
  }
  return result;
}

bool any_capture() { return !captures().empty(); }

bool is_capturing() {
  std::lock_guard lock(state_mutex());
  return any_capture();
}

void invalidate_captures() {
  for (const auto& capture : captures()) capture->invalid = true;
}

void destroy_all_graphs() {
  for (const void* g : alive_of("graph")) {
    destroyed("graph", g);
    delete static_cast<const CUgraph_st*>(g);
  }
  for (const void* g : alive_of("executable graph")) {
    destroyed("executable graph", g);
    delete static_cast<const CUgraphExec_st*>(g);
  }
}

}  // namespace stand_in

using namespace stand_in;

CUresult cuStreamBeginCapture_v2(CUstream stream, int mode) {
  return call("cuStreamBeginCapture", Needs::context, [&]() -> CUresult {
    if (!is_valid_stream(stream)) return CUDA_ERROR_INVALID_HANDLE;
    if (is_default_stream(stream)) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (stream->capture || mode < 0 || mode > 2) return CUDA_ERROR_INVALID_VALUE;
    stream->capture = std::make_shared<Capture>();
    stream->capture->origin = stream;
    stream->capture->mode = mode;
    stream->capture->thread = std::this_thread::get_id();
    stream->frontier.clear();
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph* graph) {
  *graph = nullptr;
  // Whatever it answers, the stream captures no longer.
  const CUresult result = release("cuStreamEndCapture", [&]() -> CUresult {
    if (!is_valid_stream(stream) || is_default_stream(stream)) return CUDA_ERROR_INVALID_HANDLE;
    std::shared_ptr<Capture> capture = stream->capture;
    if (!capture) return CUDA_ERROR_INVALID_VALUE;
    if (capture->origin != stream) return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
    if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED &&
        capture->thread != std::this_thread::get_id()) {
      return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    }
    const bool joined = is_joined(*capture);
    for (CUstream s : all_streams()) {
      if (s->capture != capture) continue;
      s->capture.reset();
      s->frontier.clear();
    }
    if (capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    capture->invalid = true;  // events recorded in it are of no further use
    if (!joined) return CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
    *graph = new CUgraph_st{std::move(capture->nodes), {}};
    for (const Node& node : (*graph)->nodes) (*graph)->handles.push_back({node.work.node_type});
    created("graph", *graph);
    return CUDA_SUCCESS;
  });
  if (result != CUDA_SUCCESS && *graph != nullptr) {
    destroyed("graph", *graph);
    delete *graph;
    *graph = nullptr;
  }
  return result;
}

CUresult cuStreamIsCapturing(CUstream stream, int* status) {
  return call("cuStreamIsCapturing", Needs::context, [&]() -> CUresult {
    if (!is_valid_stream(stream)) return CUDA_ERROR_INVALID_HANDLE;
    const auto& capture = resolve(stream)->capture;
    *status = !capture ? 0 : capture->invalid ? 2 : 1;
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphInstantiate_v2(CUgraphExec* executable, CUgraph graph, CUgraphNode* node, char* log,
                               size_t log_bytes) {
  return call("cuGraphInstantiate", Needs::context, [&]() -> CUresult {
    if (!alive("graph", graph)) return CUDA_ERROR_INVALID_VALUE;
    *executable = new CUgraphExec_st{std::make_shared<const std::vector<Node>>(graph->nodes)};
    if (node) *node = nullptr;
    if (log && log_bytes) *log = 0;
    created("executable graph", *executable);
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphLaunch(CUgraphExec graph, CUstream stream) {
  return call("cuGraphLaunch", Needs::context, [&]() -> CUresult {
    if (!alive("executable graph", graph)) return CUDA_ERROR_INVALID_VALUE;
    if (!is_valid_stream(stream)) return CUDA_ERROR_INVALID_HANDLE;
    if (resolve(stream)->capture) return CUDA_ERROR_NOT_SUPPORTED;
    auto nodes = graph->nodes;
    return submit(stream,
                  {"cuGraphLaunch", CU_GRAPH_NODE_TYPE_EMPTY,
                   [nodes](std::string& message) { return run_graph(*nodes, message); }},
                  Timing::asynchronous);
  });
}

CUresult cuGraphUpload(CUgraphExec graph, CUstream) {
  return call("cuGraphUpload", Needs::context, [&] {
    return alive("executable graph", graph) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuGraphDestroy(CUgraph graph) {
  return release("cuGraphDestroy", [&] {
    if (!destroyed("graph", graph)) return CUDA_ERROR_INVALID_VALUE;
    delete graph;
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphExecDestroy(CUgraphExec graph) {
  return release("cuGraphExecDestroy", [&] {
    if (!destroyed("executable graph", graph)) return CUDA_ERROR_INVALID_VALUE;
    delete graph;
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode* nodes, size_t* count) {
  return call("cuGraphGetNodes", Needs::context, [&]() -> CUresult {
    if (!alive("graph", graph)) return CUDA_ERROR_INVALID_VALUE;
    const size_t all = graph->handles.size();
    if (nodes) {
      for (size_t i = 0; i < *count; i++) nodes[i] = i < all ? &graph->handles[i] : nullptr;
      *count = std::min(*count, all);
    } else {
      *count = all;
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphGetEdges(CUgraph graph, CUgraphNode* from, CUgraphNode* to, size_t* count) {
  return call("cuGraphGetEdges", Needs::context, [&]() -> CUresult {
    if (!alive("graph", graph)) return CUDA_ERROR_INVALID_VALUE;
    size_t edge = 0;
    for (size_t i = 0; i < graph->nodes.size(); i++) {
      for (size_t before : graph->nodes[i].depends_on) {
        if (from && to && edge < *count) {
          from[edge] = &graph->handles[before];
          to[edge] = &graph->handles[i];
        }
        edge++;
      }
    }
    *count = from && to ? std::min(*count, edge) : edge;
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphNodeGetType(CUgraphNode node, int* type) {
  return call("cuGraphNodeGetType", Needs::context, [&] {
    *type = node->type;
    return CUDA_SUCCESS;
  });
}
