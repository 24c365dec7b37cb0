// The graph API's engines, plans, and their execution.
#include <algorithm>
#include <cstdio>
#include <string>
#include <type_traits>
#include <utility>

#include "backend.h"
#include "numbers.h"

using namespace stand_in;

namespace {

constexpr char kFinalize[] = "cudnnBackendFinalize";
constexpr char kExecute[] = "cudnnBackendExecute";

// general takes any shape and does not use tensor cores; vectorised takes channels in eights, and
// compiles; split adds parts in any order; coarse rounds its sums to bf16.
enum : int { kGeneral, kVectorised, kSplit, kCoarse };

const char* wrong_name(Direction direction) {
  switch (direction) {
    case Direction::forward: return "forward_graph";
    case Direction::backward_data: return "data_graph";
    default: return "filter_graph";
  }
}

// Factors, the gradient of x and what tells where it passes are of one type.
bool types_fit(const Graph& g) {
  if (g.is_norm) return compute_capability() >= 80;
  const int type = g.problem.x.type;
  bool data = g.direction != Direction::backward_data || g.result().type == type;
  for (const Stage& stage : g.stages) {
    data &= stage.mode != CUDNN_POINTWISE_RELU_BWD || stage.operand.type == type;
  }
  return data && (type == CUDNN_DATA_FLOAT || compute_capability() >= 80);
}

// The real cuDNN promises engines that sum products of bf16 factors right into a float gradient of
// the filter, and then gives none.
bool is_empty_promise(const Graph& g) {
  if (g.is_norm) return !has_norm_engine(g);
  return g.direction == Direction::backward_filter && g.stages.empty() &&
         g.problem.x.type == CUDNN_DATA_BFLOAT16 && g.w.type == CUDNN_DATA_FLOAT;
}

bool layouts_fit(const Graph& g) {
  const auto all = g.tensors();
  return std::all_of(all.begin(), all.end(),
                     [](const GraphTensor& t) { return t.is_channels_last(); });
}

bool overlap(const void* a, size_t a_bytes, const void* b, size_t b_bytes) {
  const char* p = static_cast<const char*>(a);
  const char* q = static_cast<const char*>(b);
  return a_bytes && b_bytes && p < q + b_bytes && q < p + a_bytes;
}

cudnnStatus_t check_places(const std::vector<Bound>& bound, const void* workspace, size_t bytes) {
  if (!is_device_range(kExecute, workspace, bytes)) return CUDNN_STATUS_BAD_PARAM;
  for (const Bound& b : bound) {
    if (b.tensor.is_by_value) continue;
    if (reinterpret_cast<uintptr_t>(b.data) % static_cast<uintptr_t>(b.tensor.alignment) != 0) {
      return misuse(kExecute, CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER,
                    "a tensor is aligned less than its descriptor says");
    }
    if (!is_there(kExecute, b.tensor, b.data)) return CUDNN_STATUS_BAD_PARAM;
    const size_t span = b.tensor.span_bytes();
    if (overlap(b.data, span, workspace, bytes)) {
      return bad_parameter(kExecute, "a tensor overlaps the workspace");
    }
    for (const Bound& result : bound) {
      if (result.tensor.is_written && &b != &result && !result.tensor.is_by_value &&
          overlap(b.data, span, result.data, result.tensor.span_bytes())) {
        return bad_parameter(kExecute, "a tensor overlaps the result");
      }
    }
  }
  return CUDNN_STATUS_SUCCESS;
}

// Finds the places of all tensors in a variant pack, which has these and no others.
cudnnStatus_t find_places(const Graph& graph, const cudnnBackendStruct& pack,
                          std::vector<Bound>& bound) {
  const auto uids = pack.all<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto pointers = pack.all<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  for (const GraphTensor& tensor : graph.tensors()) {
    const auto place = std::find(uids.begin(), uids.end(), tensor.uid);
    if (place == uids.end()) return bad_parameter(kExecute, "a tensor has no place");
    void* data = pointers[static_cast<size_t>(place - uids.begin())];
    if (tensor.is_by_value && !data) return bad_parameter(kExecute, "a number has no place");
    bound.push_back({tensor, data, tensor.is_by_value ? *static_cast<const float*>(data) : 0});
  }
  for (int64_t uid : uids) {
    const bool known = std::any_of(bound.begin(), bound.end(),
                                   [uid](const Bound& b) { return b.tensor.uid == uid; });
    if (!known) return bad_parameter(kExecute, "a uid that is no tensor's, or a virtual one's");
  }
  return CUDNN_STATUS_SUCCESS;
}

double rounded(double v, const cudnnTensorStruct& t) {
  const float narrow = static_cast<float>(v);
  return t.type == CUDNN_DATA_BFLOAT16 ? bf16_to_float(float_to_bf16(narrow)) : narrow;
}

// The work of a plan. `data` are the places in the order of Graph::tensors().
void compute(const Graph& g, int engine, const std::vector<Bound>& data) {
  if (g.is_norm) return compute_norm(g, engine, data);
  void* out = data.back().data;
  Convolution problem = g.problem;
  if (engine == kGeneral) problem.c.math = CUDNN_FMA_MATH;
  std::vector<double> result;
  switch (g.direction) {
    case Direction::forward: result = forward(problem, data[0].data, data[1].data); break;
    case Direction::backward_data:
      result = backward_data(problem, data[0].data, data[1].data);
      break;
    case Direction::backward_filter:
      result = backward_filter(problem, data[0].data, data[1].data);
      break;
  }
  if (is_wrong_algorithm(wrong_name(g.direction), engine)) {
    for (double& v : result) v *= 1.01;
  }
  unsettle(wrong_name(g.direction), engine, result);
  if (engine == kCoarse) {
    for (double& v : result) v = bf16_to_float(float_to_bf16(static_cast<float>(v)));
  }
  if (g.direction == Direction::backward_filter) {
    problem.w.type = g.result().type;
    store_filter(problem, out, result, 1, 0);
    return;
  }
  // Each virtual tensor rounds to its type.
  if (!g.stages.empty()) {
    const GraphTensor& convolved = g.direction == Direction::forward ? g.y : g.x;
    for (double& v : result) v = rounded(v, convolved);
  }
  size_t next_operand = 2;
  const size_t channels = static_cast<size_t>(g.result().dims[1]);
  for (const Stage& stage : g.stages) {
    const bool last = &stage == &g.stages.back();
    if (stage.mode == CUDNN_POINTWISE_ADD) {
      const Bound& addend = data[next_operand++];
      const Elements values(addend.data, addend.tensor.type == CUDNN_DATA_BFLOAT16);
      for (size_t i = 0; i < result.size(); i++) {
        result[i] += values[addend.tensor.offset(0, static_cast<int>(i % channels), 0, 0)];
      }
    } else if (stage.mode == CUDNN_POINTWISE_RELU_FWD) {
      for (double& v : result) v = v > 0 || v != v ? v : 0;
    } else if (stage.mode == CUDNN_POINTWISE_RELU_BWD) {
      // Both have channels last.
      const Bound& output = data[next_operand++];
      const Elements values(output.data, output.tensor.type == CUDNN_DATA_BFLOAT16);
      for (size_t i = 0; i < result.size(); i++) result[i] = values[i] > 0 ? result[i] : 0;
    }
    for (double& v : result) v = last ? v : rounded(v, stage.output);
  }
  store_tensor(g.result(), out, result, 1, 0);
}

}  // namespace

namespace stand_in {

Engine engine(const Graph& graph, int index) {
  if (graph.is_norm) return {index, {}, {CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION}};
  const int tensor_core = CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
  switch (index) {
    case kSplit: return {index, {tensor_core, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC}, {}};
    case kCoarse: return {index, {tensor_core, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION}, {}};
    case kVectorised:
      return {index, {tensor_core}, {CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION}};
    default: return {index, {}, {}};
  }
}

std::vector<int> engines(const Graph& graph, int mode) {
  if (is_empty_promise(graph)) return {};
  if (graph.is_norm) return {kGeneral};
  if (mode == CUDNN_HEUR_MODE_FALLBACK) return {kGeneral};
  if (mode == CUDNN_HEUR_MODE_B) return {kVectorised, kGeneral};
  if (graph.direction == Direction::forward) return {kVectorised, kCoarse, kGeneral};
  return {kSplit, kVectorised, kCoarse, kGeneral};
}

cudnnStatus_t engine_supports(const Graph& g, int index, int64_t parts, int64_t& workspace_bytes) {
  if (g.is_norm) {
    workspace_bytes = norm_workspace(g);
    return CUDNN_STATUS_SUCCESS;
  }
  const Convolution& p = g.problem;
  const size_t taps = static_cast<size_t>(p.w.dims[2]) * p.w.dims[3];
  if (index == kVectorised && (p.x.dims[1] % 8 != 0 || p.y.dims[1] % 8 != 0)) {
    return CUDNN_STATUS_NOT_SUPPORTED_SHAPE;
  }
  size_t bytes = taps * p.w.dims[1] * 4 + 512;
  if (index == kVectorised) bytes = p.w.count() * 4 * static_cast<size_t>(parts) + 2048;
  if (index == kSplit) bytes = g.result().count() * 16;
  workspace_bytes = static_cast<int64_t>(bytes);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t finalize_configuration(cudnnBackendStruct& d) {
  const auto* engine = d.one<BackendDesc>(CUDNN_ATTR_ENGINECFG_ENGINE);
  if (!is_alive(engine) || engine->type != CUDNN_BACKEND_ENGINE_DESCRIPTOR) {
    return bad_parameter(kFinalize, "a configuration without an engine");
  }
  for (const auto* choice : d.all<BackendDesc>(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES)) {
    const int64_t value = choice->one<int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE);
    const bool known = engine->engine == kVectorised &&
                       choice->one<int>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE) ==
                           CUDNN_KNOB_TYPE_SPLIT_K_SLC;
    if (!known || value < 1) return CUDNN_STATUS_NOT_SUPPORTED;
    d.parts = value;
  }
  auto graph = std::make_shared<Graph>(*engine->graph);
  graph->parts.emplace_back(engine);
  d.graph = graph;
  d.engine = engine->engine;
  return CUDNN_STATUS_SUCCESS;
}

namespace {

constexpr char kBegin[] = "{\"stand_in\": \"";
constexpr char kEnd[] = "\"}";

// What a plan's text holds: plain values, each as it lies in memory.
struct PlanText {
  Direction direction;
  Convolution problem;
  GraphTensor x, w, y;
  int engine;
  int64_t parts;
  size_t stages;
  bool is_norm;
  Norm norm;
  size_t functions;
};
static_assert(std::is_trivially_copyable_v<PlanText> && std::is_trivially_copyable_v<Stage> &&
              std::is_trivially_copyable_v<Function>);

void append(std::string& text, const void* data, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<const unsigned char*>(data)[i]);
    text += digits;
  }
}

// Reads so many bytes from the front; false if there are not as many.
bool take(std::string& text, void* data, size_t bytes) {
  if (text.size() < 2 * bytes) return false;
  for (size_t i = 0; i < bytes; i++) {
    static_cast<unsigned char*>(data)[i] =
        static_cast<unsigned char>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
  }
  text.erase(0, 2 * bytes);
  return true;
}

}  // namespace

std::vector<char> plan_text(const cudnnBackendStruct& plan) {
  const Graph& g = *plan.graph;
  const PlanText values{g.direction, g.problem,       g.x,       g.w,    g.y,
                        plan.engine, plan.parts,      g.stages.size(), g.is_norm, g.norm,
                        g.functions.size()};
  std::string text = kBegin;
  append(text, &values, sizeof values);
  for (const Stage& stage : g.stages) append(text, &stage, sizeof stage);
  for (const Function& f : g.functions) append(text, &f, sizeof f);
  text += kEnd;
  return {text.c_str(), text.c_str() + text.size() + 1};
}

cudnnStatus_t restore_plan(cudnnBackendStruct& d) {
  const auto characters = d.all<char>(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
  std::string text(characters.begin(), std::find(characters.begin(), characters.end(), 0));
  const std::string begin = kBegin, end = kEnd;
  if (text.rfind(begin, 0) != 0 || text.size() < begin.size() + end.size()) {
    return CUDNN_STATUS_SERIALIZATION_VERSION_MISMATCH;
  }
  text = text.substr(begin.size(), text.size() - begin.size() - end.size());
  PlanText values;
  if (!take(text, &values, sizeof values)) return CUDNN_STATUS_SERIALIZATION_VERSION_MISMATCH;
  auto graph = std::make_shared<Graph>();
  graph->handle = d.one<CudnnHandle>(CUDNN_ATTR_EXECUTION_PLAN_HANDLE);
  graph->direction = values.direction;
  graph->problem = values.problem;
  graph->x = values.x;
  graph->w = values.w;
  graph->y = values.y;
  graph->stages.resize(values.stages);
  for (Stage& stage : graph->stages) {
    if (!take(text, &stage, sizeof stage)) return CUDNN_STATUS_SERIALIZATION_VERSION_MISMATCH;
  }
  graph->is_norm = values.is_norm;
  graph->norm = values.norm;
  graph->functions.resize(values.functions);
  for (Function& f : graph->functions) {
    if (!take(text, &f, sizeof f)) return CUDNN_STATUS_SERIALIZATION_VERSION_MISMATCH;
  }
  d.graph = graph;
  d.engine = values.engine;
  d.parts = values.parts;
  return engine_supports(*graph, d.engine, d.parts, d.workspace_bytes);
}

cudnnStatus_t finalize_heuristics(cudnnBackendStruct& d) {
  const auto* source = d.one<BackendDesc>(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
  const int mode = d.one<int>(CUDNN_ATTR_ENGINEHEUR_MODE);
  if (!is_alive(source) || !source->graph ||
      source->type != CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) {
    return bad_parameter(kFinalize, "heuristics without an operation graph");
  }
  if (mode < CUDNN_HEUR_MODE_INSTANT || mode > CUDNN_HEUR_MODE_A) {
    return bad_parameter(kFinalize, "no such mode of heuristics");
  }
  if (is_declined("heuristics")) return CUDNN_STATUS_NOT_SUPPORTED;
  d.graph = source->graph;
  if (!types_fit(*d.graph) || !layouts_fit(*d.graph)) return CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE;
  d.found = engines(*d.graph, mode);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t finalize_plan(cudnnBackendStruct& d) {
  if (is_declined("plan")) return CUDNN_STATUS_NOT_SUPPORTED;
  if (d.has(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION)) return restore_plan(d);
  if (!d.has(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)) {
    return bad_parameter(kFinalize, "a plan without an engine's configuration");
  }
  const auto* configuration = d.one<BackendDesc>(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
  if (!is_alive(configuration) || configuration->type != CUDNN_BACKEND_ENGINECFG_DESCRIPTOR) {
    return bad_parameter(kFinalize, "a plan without an engine's configuration");
  }
  d.parts = configuration->parts;
  const cudnnStatus_t status =
      engine_supports(*configuration->graph, configuration->engine, d.parts, d.workspace_bytes);
  if (status) return status;
  auto graph = std::make_shared<Graph>(*configuration->graph);
  graph->parts.emplace_back(configuration);
  d.graph = graph;
  d.engine = configuration->engine;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t finalize_variant_pack(const cudnnBackendStruct& d) {
  auto uids = d.all<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  if (uids.size() != d.all<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS).size()) {
    return bad_parameter(kFinalize, "not a pointer for each uid");
  }
  std::sort(uids.begin(), uids.end());
  if (std::adjacent_find(uids.begin(), uids.end()) != uids.end()) {
    return misuse(kFinalize, CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES, "a uid comes twice");
  }
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace stand_in

cudnnStatus_t cudnnBackendExecute(CudnnHandle handle, BackendDesc plan, BackendDesc pack) {
  return cudnn_call(
      kExecute,
      [&] {
        if (plan->type != CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR ||
            pack->type != CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR) {
          return bad_parameter(kExecute, "not a plan and a variant pack");
        }
        if (!plan->finalized || !pack->finalized) {
          return misuse(kExecute, CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED,
                        "the plan or the variant pack is not finalized");
        }
        const std::shared_ptr<const Graph> graph = plan->graph;
        // The handle gives the stream; it need not be the one that the plan was made with.
        for (const Part& part : graph->parts) {
          if (!part.is_there()) return bad_parameter(kExecute, "a part of the plan is gone");
        }
        std::vector<Bound> bound;
        if (cudnnStatus_t error = find_places(*graph, *pack, bound)) return error;
        void* workspace = pack->one<void*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
        const auto bytes = static_cast<size_t>(plan->workspace_bytes);
        if (cudnnStatus_t error = check_places(bound, workspace, bytes)) return error;
        return run_on(handle, kExecute, [=, engine = plan->engine] {
          if (bytes) std::memset(workspace, 0xff, bytes);
          compute(*graph, engine, bound);
        });
      },
      handle, plan, pack);
}
