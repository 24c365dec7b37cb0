// The graph API's descriptors: attributes that a caller sets, and what finalizing makes of them.
#pragma once
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "convolution.h"
#include "cudnn_backend_api.h"

struct cudnnBackendStruct;

namespace stand_in {

struct GraphTensor : cudnnTensorStruct {
  int64_t uid = 0;
  int64_t alignment = 1;
  bool is_virtual = false;
  bool is_by_value = false;  // its place is one number on the host
  bool is_written = false;   // by the graph
};

// What comes behind a convolution: max(·, 0), the sum with a tensor of one value per channel, zeros
// where a tensor is not above 0, or nothing but rounding.
struct Stage {
  int mode;
  GraphTensor operand;  // the second one, where there is one
  GraphTensor output;

  bool has_operand() const {
    return mode == CUDNN_POINTWISE_ADD || mode == CUDNN_POINTWISE_RELU_BWD;
  }
};

// y = x + b or f(x) for each element; b has x's shape, or a number for each channel.
struct Function {
  int mode;
  GraphTensor x, b, y;

  bool is_binary() const { return mode == CUDNN_POINTWISE_ADD; }
};

// A batch norm in training, or its gradients.
struct Norm {
  bool is_forward = true;
  GraphTensor x, mean, inverse, weight;
  GraphTensor bias, eps, y;          // forward; mean and inverse are written
  GraphTensor dy, dx, dweight, dbias;  // backward

  std::vector<GraphTensor> inputs() const;
  std::vector<GraphTensor> outputs() const;
};

// A descriptor that something was made of; another one may come to lie where it lay.
struct Part {
  explicit Part(const cudnnBackendStruct* descriptor);
  bool is_there() const;

 private:
  const cudnnBackendStruct* descriptor_;
  uint64_t serial_;
};

// An operation graph that was understood: one convolution, and a chain of stages behind it; or one
// norm, and functions behind it.
struct Graph {
  CudnnHandle handle;
  Direction direction = Direction::forward;
  Convolution problem;  // with one type throughout
  GraphTensor x, w, y;  // of the convolution, with their own types
  std::vector<Stage> stages;
  bool is_norm = false;
  Norm norm;
  std::vector<Function> functions;
  std::vector<Part> parts;  // all descriptors that it was made of

  const GraphTensor& result() const {
    if (!stages.empty()) return stages.back().output;
    return direction == Direction::forward         ? y
           : direction == Direction::backward_data ? x
                                                   : w;
  }
  // Those that lie in memory or are passed by value; of a convolution the result last.
  std::vector<GraphTensor> tensors() const;
};

// An engine: which it is, what it notes about its numbers and about its behaviour.
struct Engine {
  int index;
  std::vector<int> notes;
  std::vector<int> behaviours;
};
Engine engine(const Graph& graph, int index);
// Whether it can run a graph, its sum split into so many parts.
cudnnStatus_t engine_supports(const Graph& graph, int index, int64_t parts,
                              int64_t& workspace_bytes);
// A plan as text, ended by a zero, and back.
std::vector<char> plan_text(const cudnnBackendStruct& plan);
cudnnStatus_t restore_plan(cudnnBackendStruct& plan);
// One tensor, where it lies.
struct Bound {
  GraphTensor tensor;
  void* data;
  double value = 0;  // of one that is passed by value, read when the call is made
};
// Of a graph with a norm: its tensors in memory, what is wrong with it, whether there is an engine,
// scratch memory, the work.
std::vector<GraphTensor> norm_tensors(const Graph& graph);
cudnnStatus_t check_norm(const Graph& graph);
bool has_norm_engine(const Graph& graph);
int64_t norm_workspace(const Graph& graph);
void compute_norm(const Graph& graph, int engine, const std::vector<Bound>& bound);
// Best first.
std::vector<int> engines(const Graph& graph, int mode);

}  // namespace stand_in

struct cudnnBackendStruct {
  struct Values {
    int64_t count;
    std::vector<char> bytes;
  };

  explicit cudnnBackendStruct(int of_type) : type(of_type) {}

  int type;
  uint64_t serial = next_serial();
  bool finalized = false;
  std::map<int, Values> attributes;
  std::shared_ptr<const stand_in::Graph> graph;  // of an operation graph and all that come of it
  std::vector<int> found;                        // heuristics: engines
  int engine = -1;                               // engine, configuration, plan
  int64_t parts = 1;                             // configuration, plan: of its sum
  int64_t knob = 0;                              // knob choice: value
  int64_t workspace_bytes = 0;                   // plan

  bool has(int attribute) const { return attributes.count(attribute) > 0; }
  template <class T>
  std::vector<T> all(int attribute) const {
    const auto place = attributes.find(attribute);
    if (place == attributes.end()) return {};
    std::vector<T> values(static_cast<size_t>(place->second.count));
    std::memcpy(values.data(), place->second.bytes.data(), values.size() * sizeof(T));
    return values;
  }
  template <class T>
  T one(int attribute) const {
    return all<T>(attribute).at(0);
  }

 private:
  static uint64_t next_serial() {
    static std::atomic<uint64_t> count{0};
    return count++;
  }
};

namespace stand_in {

template <>
struct KindOf<cudnnBackendStruct> {
  static constexpr const char* name = "cuDNN backend descriptor";
};

inline Part::Part(const cudnnBackendStruct* descriptor)
    : descriptor_(descriptor), serial_(descriptor->serial) {}
inline bool Part::is_there() const {
  return is_alive(descriptor_) && descriptor_->serial == serial_;
}

// Misuse, of which a person should know.
inline cudnnStatus_t misuse(const char* function, int status, const char* why) {
  diagnose(function, why);
  return status;
}

// The checks of finalizing, by type of descriptor; all required attributes are there.
cudnnStatus_t finalize_tensor(const cudnnBackendStruct& d);
cudnnStatus_t finalize_convolution(const cudnnBackendStruct& d);
cudnnStatus_t finalize_operation(const cudnnBackendStruct& d);
bool is_by_channel(const cudnnTensorStruct& t, int channels);
cudnnStatus_t finalize_graph(cudnnBackendStruct& d);
cudnnStatus_t finalize_heuristics(cudnnBackendStruct& d);
cudnnStatus_t finalize_configuration(cudnnBackendStruct& d);
cudnnStatus_t finalize_plan(cudnnBackendStruct& d);
cudnnStatus_t finalize_variant_pack(const cudnnBackendStruct& d);

}  // namespace stand_in
