// What finalizing tensors, operations and operation graphs checks and understands.
#include <map>
#include <utility>

#include "backend.h"

using namespace stand_in;

namespace {

constexpr char kName[] = "cudnnBackendFinalize";

// Before a norm's gradient cuDNN 9.19 takes a product with a comparison and makes a plan, but its
// kernel reads the mask from address 0. Not declined, which nobody would notice.
cudnnStatus_t fault_of_masks() {
  return misuse(kName, CUDNN_STATUS_EXECUTION_FAILED,
                "a comparison or its result: behind one a norm's gradient faults");
}

cudnnStatus_t shape_mismatch(const char* why) {
  return misuse(kName, CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, why);
}

bool is_power_of_two(int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

// Attributes of the three convolutions, in one order.
struct ConvolutionAttributes {
  int descriptor;
  Direction direction;
  int x, w, y, convolution, alpha, beta;
};

constexpr ConvolutionAttributes kConvolutions[] = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, Direction::forward,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, Direction::backward_data,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, Direction::backward_filter,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

const ConvolutionAttributes* convolution_attributes(int descriptor) {
  for (const ConvolutionAttributes& a : kConvolutions) {
    if (a.descriptor == descriptor) return &a;
  }
  return nullptr;
}

// The descriptor that an attribute names; null if it is gone or of another type.
const cudnnBackendStruct* named(const cudnnBackendStruct& d, int attribute, int type) {
  const auto* other = d.one<BackendDesc>(attribute);
  return is_alive(other) && other->type == type ? other : nullptr;
}

const cudnnBackendStruct* named_tensor(const cudnnBackendStruct& d, int attribute) {
  return named(d, attribute, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
}

GraphTensor tensor_of(const cudnnBackendStruct& d) {
  GraphTensor tensor;
  tensor.type = d.one<int>(CUDNN_ATTR_TENSOR_DATA_TYPE);
  const auto dims = d.all<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS);
  const auto strides = d.all<int64_t>(CUDNN_ATTR_TENSOR_STRIDES);
  for (int i = 0; i < kRank; i++) {
    tensor.dims[i] = static_cast<int>(dims[i]);
    tensor.strides[i] = static_cast<int>(strides[i]);
  }
  tensor.uid = d.one<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID);
  tensor.alignment = d.one<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
  tensor.is_virtual =
      d.has(CUDNN_ATTR_TENSOR_IS_VIRTUAL) && d.one<char>(CUDNN_ATTR_TENSOR_IS_VIRTUAL);
  tensor.is_by_value =
      d.has(CUDNN_ATTR_TENSOR_IS_BY_VALUE) && d.one<char>(CUDNN_ATTR_TENSOR_IS_BY_VALUE);
  return tensor;
}

cudnnConvolutionStruct convolution_of(const cudnnBackendStruct& d) {
  cudnnConvolutionStruct c;
  for (size_t i = 0; i < 2; i++) {
    c.pad[i] = static_cast<int>(d.all<int64_t>(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS)[i]);
    c.stride[i] = static_cast<int>(d.all<int64_t>(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES)[i]);
    c.dilation[i] = static_cast<int>(d.all<int64_t>(CUDNN_ATTR_CONVOLUTION_DILATIONS)[i]);
  }
  c.mode = d.one<int>(CUDNN_ATTR_CONVOLUTION_CONV_MODE);
  return c;
}

// Reads a convolution operation whose descriptors were found good.
void read_convolution(const cudnnBackendStruct& d, const ConvolutionAttributes& a, Graph& graph) {
  graph.direction = a.direction;
  graph.x = tensor_of(*named_tensor(d, a.x));
  graph.w = tensor_of(*named_tensor(d, a.w));
  graph.y = tensor_of(*named_tensor(d, a.y));
  Convolution& p = graph.problem;
  p.x = graph.x;
  static_cast<cudnnTensorStruct&>(p.w) = graph.w;
  p.y = graph.y;
  p.c = convolution_of(*named(d, a.convolution, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR));
  // The result may be of another type than the operands.
  (a.direction == Direction::forward         ? p.y.type
   : a.direction == Direction::backward_data ? p.x.type
                                             : p.w.type) =
      a.direction == Direction::forward ? p.x.type : p.y.type;
}

cudnnStatus_t finalize_convolution_operation(const cudnnBackendStruct& d,
                                             const ConvolutionAttributes& a) {
  if (!named(d, a.convolution, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR)) {
    return bad_parameter(kName, "the convolution of an operation is none");
  }
  for (int tensor : {a.x, a.w, a.y}) {
    if (!named_tensor(d, tensor)) return bad_parameter(kName, "a convolution's tensor is none");
  }
  if (d.one<float>(a.alpha) != 1 || d.one<float>(a.beta) != 0) {
    return not_supported(kName, "alpha is 1 and beta 0 here");
  }
  Graph graph;
  read_convolution(d, a, graph);
  if (const char* why = objection(graph.problem)) return shape_mismatch(why);
  return CUDNN_STATUS_SUCCESS;
}

// Where a pointwise operation's input and output are: gradients go from dy to dx, and x is then
// what tells where they pass.
struct Ends {
  int input, output;
};

Ends ends_of(int mode) {
  if (mode == CUDNN_POINTWISE_RELU_BWD) {
    return {CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, CUDNN_ATTR_OPERATION_POINTWISE_DXDESC};
  }
  return {CUDNN_ATTR_OPERATION_POINTWISE_XDESC, CUDNN_ATTR_OPERATION_POINTWISE_YDESC};
}

cudnnStatus_t finalize_pointwise_operation(const cudnnBackendStruct& d) {
  const auto* pointwise =
      named(d, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  if (!pointwise) return bad_parameter(kName, "a pointwise operation without its function");
  const int mode = pointwise->one<int>(CUDNN_ATTR_POINTWISE_MODE);
  const bool binary = mode == CUDNN_POINTWISE_ADD;
  const bool backward = mode == CUDNN_POINTWISE_RELU_BWD;
  const bool unary = mode == CUDNN_POINTWISE_RELU_FWD || mode == CUDNN_POINTWISE_IDENTITY;
  if (mode == CUDNN_POINTWISE_CMP_GT) return fault_of_masks();
  if (!binary && !unary && !backward) {
    return not_supported(kName,
                         "pointwise operations are ADD, RELU_FWD, RELU_BWD, IDENTITY here");
  }
  const std::pair<int, bool> wanted[] = {
      {CUDNN_ATTR_OPERATION_POINTWISE_BDESC, binary},
      {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, !backward},
      {CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, backward},
      {CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, backward},
  };
  for (const auto& [attribute, is_wanted] : wanted) {
    if (d.has(attribute) != is_wanted) {
      return bad_parameter(kName, "a pointwise operation has other tensors than its function takes");
    }
  }
  const auto* x = named_tensor(d, CUDNN_ATTR_OPERATION_POINTWISE_XDESC);
  const auto* input = named_tensor(d, ends_of(mode).input);
  const auto* output = named_tensor(d, ends_of(mode).output);
  if (!x || !input || !output) return bad_parameter(kName, "a tensor of a pointwise is none");
  if (!tensor_of(*input).same_shape(tensor_of(*output)) ||
      !tensor_of(*x).same_shape(tensor_of(*output))) {
    return shape_mismatch("the tensors of a pointwise differ in shape");
  }
  if (binary) {
    const auto* b = named_tensor(d, CUDNN_ATTR_OPERATION_POINTWISE_BDESC);
    if (!b) return bad_parameter(kName, "the second operand is no tensor");
    const GraphTensor second = tensor_of(*b), first = tensor_of(*x);
    if (!second.same_shape(first) && !is_by_channel(second, first.dims[1])) {
      return shape_mismatch("the second operand is neither like the first nor 1×K×1×1");
    }
  }
  return CUDNN_STATUS_SUCCESS;
}

// The descriptors that an operation names go into `parts`, its tensors into `tensors` by their
// uids.
cudnnStatus_t collect(const cudnnBackendStruct& operation,
                      std::map<int64_t, const cudnnBackendStruct*>& tensors,
                      std::vector<Part>& parts) {
  for (const auto& [attribute, values] : operation.attributes) {
    // alpha and beta are the only attributes that name no descriptor.
    if (values.bytes.size() != sizeof(BackendDesc)) continue;
    const auto* d = operation.one<BackendDesc>(attribute);
    if (!is_alive(d)) return bad_parameter(kName, "a part of the graph is gone");
    parts.emplace_back(d);
    if (d->type != CUDNN_BACKEND_TENSOR_DESCRIPTOR) continue;
    const auto [place, fresh] = tensors.insert({d->one<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID), d});
    if (!fresh && place->second != d) {
      return misuse(kName, CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES, "two tensors with one uid");
    }
  }
  return CUDNN_STATUS_SUCCESS;
}

int mode_of(const cudnnBackendStruct& d) {
  return named(d, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, CUDNN_BACKEND_POINTWISE_DESCRIPTOR)
      ->one<int>(CUDNN_ATTR_POINTWISE_MODE);
}

// The pointwise operation whose input is a tensor; null if there is none.
const cudnnBackendStruct* reader_of(const GraphTensor& tensor,
                                    const std::vector<BackendDesc>& operations) {
  for (const auto* d : operations) {
    if (d->type == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR &&
        tensor_of(*named_tensor(*d, ends_of(mode_of(*d)).input)).uid == tensor.uid) {
      return d;
    }
  }
  return nullptr;
}

Stage stage_of(const cudnnBackendStruct& d) {
  Stage stage{};
  stage.mode = mode_of(d);
  if (stage.mode == CUDNN_POINTWISE_ADD) {
    stage.operand = tensor_of(*named_tensor(d, CUDNN_ATTR_OPERATION_POINTWISE_BDESC));
  } else if (stage.mode == CUDNN_POINTWISE_RELU_BWD) {
    stage.operand = tensor_of(*named_tensor(d, CUDNN_ATTR_OPERATION_POINTWISE_XDESC));
  }
  stage.output = tensor_of(*named_tensor(d, ends_of(stage.mode).output));
  return stage;
}

Function function_of(const cudnnBackendStruct& d) {
  Function f{};
  f.mode = mode_of(d);
  f.x = tensor_of(*named_tensor(d, ends_of(f.mode).input));
  if (f.is_binary()) f.b = tensor_of(*named_tensor(d, CUDNN_ATTR_OPERATION_POINTWISE_BDESC));
  f.y = tensor_of(*named_tensor(d, ends_of(f.mode).output));
  return f;
}

bool is_norm(int descriptor) {
  return descriptor == CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR ||
         descriptor == CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR;
}

// Where a norm's tensors are named.
struct NormAttribute {
  int attribute;
  GraphTensor Norm::*tensor;
};
constexpr NormAttribute kNormForward[] = {
    {CUDNN_ATTR_OPERATION_NORM_FWD_XDESC, &Norm::x},
    {CUDNN_ATTR_OPERATION_NORM_FWD_MEAN_DESC, &Norm::mean},
    {CUDNN_ATTR_OPERATION_NORM_FWD_INV_VARIANCE_DESC, &Norm::inverse},
    {CUDNN_ATTR_OPERATION_NORM_FWD_SCALE_DESC, &Norm::weight},
    {CUDNN_ATTR_OPERATION_NORM_FWD_BIAS_DESC, &Norm::bias},
    {CUDNN_ATTR_OPERATION_NORM_FWD_EPSILON_DESC, &Norm::eps},
    {CUDNN_ATTR_OPERATION_NORM_FWD_YDESC, &Norm::y},
};
constexpr NormAttribute kNormBackward[] = {
    {CUDNN_ATTR_OPERATION_NORM_BWD_XDESC, &Norm::x},
    {CUDNN_ATTR_OPERATION_NORM_BWD_MEAN_DESC, &Norm::mean},
    {CUDNN_ATTR_OPERATION_NORM_BWD_INV_VARIANCE_DESC, &Norm::inverse},
    {CUDNN_ATTR_OPERATION_NORM_BWD_DYDESC, &Norm::dy},
    {CUDNN_ATTR_OPERATION_NORM_BWD_SCALE_DESC, &Norm::weight},
    {CUDNN_ATTR_OPERATION_NORM_BWD_DSCALE_DESC, &Norm::dweight},
    {CUDNN_ATTR_OPERATION_NORM_BWD_DBIAS_DESC, &Norm::dbias},
    {CUDNN_ATTR_OPERATION_NORM_BWD_DXDESC, &Norm::dx},
};

// Reads a norm's tensors; false if one is none.
bool read_norm(const cudnnBackendStruct& d, Norm& norm) {
  norm.is_forward = d.type == CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR;
  const auto read = [&](const auto& attributes) {
    for (const NormAttribute& a : attributes) {
      const auto* tensor = named_tensor(d, a.attribute);
      if (!tensor) return false;
      norm.*a.tensor = tensor_of(*tensor);
    }
    return true;
  };
  return norm.is_forward ? read(kNormForward) : read(kNormBackward);
}

cudnnStatus_t finalize_norm_operation(const cudnnBackendStruct& d) {
  Norm norm;
  if (!read_norm(d, norm)) return bad_parameter(kName, "a tensor of a norm is none");
  if (d.one<int>(norm.is_forward ? CUDNN_ATTR_OPERATION_NORM_FWD_MODE
                                 : CUDNN_ATTR_OPERATION_NORM_BWD_MODE) != CUDNN_BATCH_NORM ||
      (norm.is_forward &&
       d.one<int>(CUDNN_ATTR_OPERATION_NORM_FWD_PHASE) != CUDNN_NORM_FWD_TRAINING)) {
    return not_supported(kName, "norms are batch norms in training here");
  }
  for (const std::vector<GraphTensor>& side : {norm.inputs(), norm.outputs()}) {
    for (const GraphTensor& t : side) {
      if (t.uid == norm.eps.uid && norm.is_forward) {
        if (!t.is_by_value || t.type != CUDNN_DATA_FLOAT) {
          return not_supported(kName, "epsilon is a float that is passed by value here");
        }
      } else if (!t.same_shape(norm.x) &&
                 (!is_by_channel(t, norm.x.dims[1]) || t.type != CUDNN_DATA_FLOAT)) {
        return shape_mismatch("a norm's tensor is neither like x nor a float for each channel");
      }
    }
  }
  return CUDNN_STATUS_SUCCESS;
}

// Which functions follow which convolution.
bool follows(Direction direction, int mode) {
  switch (direction) {
    case Direction::forward: return mode == CUDNN_POINTWISE_ADD || mode == CUDNN_POINTWISE_RELU_FWD;
    case Direction::backward_data: return mode == CUDNN_POINTWISE_RELU_BWD;
    default: return mode == CUDNN_POINTWISE_IDENTITY;
  }
}

}  // namespace

namespace stand_in {

bool is_by_channel(const cudnnTensorStruct& t, int channels) {
  return t.dims[1] == channels && t.count() == static_cast<size_t>(channels);
}

std::vector<GraphTensor> Graph::tensors() const {
  if (is_norm) return norm_tensors(*this);
  std::vector<GraphTensor> all;
  if (direction != Direction::backward_data) all.push_back(x);
  if (direction != Direction::backward_filter) all.push_back(w);
  if (direction != Direction::forward) all.push_back(y);
  for (const Stage& stage : stages) {
    if (stage.has_operand()) all.push_back(stage.operand);
  }
  all.push_back(result());
  all.back().is_written = true;
  return all;
}

cudnnStatus_t finalize_tensor(const cudnnBackendStruct& d) {
  const auto dims = d.all<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS);
  const auto strides = d.all<int64_t>(CUDNN_ATTR_TENSOR_STRIDES);
  const int type = d.one<int>(CUDNN_ATTR_TENSOR_DATA_TYPE);
  if (dims.size() != strides.size()) return bad_parameter(kName, "not a stride for each extent");
  if (dims.size() != kRank) return not_supported(kName, "tensors have four axes here");
  for (size_t i = 0; i < dims.size(); i++) {
    if (dims[i] < 1 || strides[i] < 1 || dims[i] > INT32_MAX || strides[i] > INT32_MAX) {
      return bad_parameter(kName, "an extent or a stride that is not positive");
    }
  }
  const GraphTensor tensor = tensor_of(d);
  if (type == CUDNN_DATA_BOOLEAN) return fault_of_masks();
  if (type != CUDNN_DATA_FLOAT && type != CUDNN_DATA_BFLOAT16) {
    return not_supported(kName, "tensors are of float or bfloat16 here");
  }
  if (tensor.is_by_value && (tensor.is_virtual || tensor.count() != 1)) {
    return bad_parameter(kName, "only one number that is not virtual is passed by value");
  }
  if (!is_power_of_two(tensor.alignment) ||
      tensor.alignment % static_cast<int64_t>(tensor.element_bytes()) != 0) {
    return bad_parameter(kName, "an alignment that no such elements have");
  }
  if (tensor.span_bytes() != tensor.count() * tensor.element_bytes()) {
    return not_supported(kName, "tensors are without gaps here");
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t finalize_convolution(const cudnnBackendStruct& d) {
  if (d.one<int64_t>(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS) != 2) {
    return not_supported(kName, "convolutions have two spatial axes here");
  }
  const auto before = d.all<int64_t>(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
  const auto behind = d.all<int64_t>(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
  const auto strides = d.all<int64_t>(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
  const auto dilations = d.all<int64_t>(CUDNN_ATTR_CONVOLUTION_DILATIONS);
  if (before.size() != 2 || behind.size() != 2 || strides.size() != 2 || dilations.size() != 2) {
    return bad_parameter(kName, "not a number for each spatial axis");
  }
  for (size_t i = 0; i < 2; i++) {
    if (before[i] < 0 || strides[i] < 1 || dilations[i] < 1) {
      return bad_parameter(kName, "a padding, stride or dilation that is none");
    }
    if (before[i] != behind[i]) return not_supported(kName, "paddings are symmetric here");
  }
  const int mode = d.one<int>(CUDNN_ATTR_CONVOLUTION_CONV_MODE);
  if (mode != CUDNN_CONVOLUTION && mode != CUDNN_CROSS_CORRELATION) {
    return bad_parameter(kName, "no such mode of convolution");
  }
  if (d.one<int>(CUDNN_ATTR_CONVOLUTION_COMP_TYPE) != CUDNN_DATA_FLOAT) {
    return not_supported(kName, "sums are in float here");
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t finalize_operation(const cudnnBackendStruct& d) {
  if (is_norm(d.type)) return finalize_norm_operation(d);
  const ConvolutionAttributes* convolution = convolution_attributes(d.type);
  return convolution ? finalize_convolution_operation(d, *convolution)
                     : finalize_pointwise_operation(d);
}

cudnnStatus_t finalize_graph(cudnnBackendStruct& d) {
  const auto operations = d.all<BackendDesc>(CUDNN_ATTR_OPERATIONGRAPH_OPS);
  auto graph = std::make_shared<Graph>();
  graph->handle = d.one<CudnnHandle>(CUDNN_ATTR_OPERATIONGRAPH_HANDLE);
  std::map<int64_t, const cudnnBackendStruct*> tensors;
  size_t convolutions = 0;
  size_t norms = 0;
  for (const auto* operation : operations) {
    if (!is_alive(operation)) return bad_parameter(kName, "an operation that is gone");
    const ConvolutionAttributes* convolution = convolution_attributes(operation->type);
    const bool pointwise = operation->type == CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR;
    if (!convolution && !pointwise && !is_norm(operation->type)) {
      return bad_parameter(kName, "an operation that is none");
    }
    graph->parts.emplace_back(operation);
    if (cudnnStatus_t error = collect(*operation, tensors, graph->parts)) return error;
    if (convolution) {
      convolutions++;
      read_convolution(*operation, *convolution, *graph);
    } else if (pointwise) {
      graph->functions.push_back(function_of(*operation));
    } else {
      norms++;
      read_norm(*operation, graph->norm);
    }
  }
  // As many patterns as the product needs.
  if (convolutions == 0 && norms == 1) {
    graph->is_norm = true;
    if (cudnnStatus_t error = check_norm(*graph)) return error;
    if (is_declined("graph")) return CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN;
    graph->parts.emplace_back(&d);
    d.graph = graph;
    return CUDNN_STATUS_SUCCESS;
  }
  graph->functions.clear();
  if (convolutions != 1 || norms != 0) return CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN;
  GraphTensor last = graph->result();
  while (const auto* reader = reader_of(last, operations)) {
    if (!last.is_virtual || graph->stages.size() == operations.size()) {
      return CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN;
    }
    graph->stages.push_back(stage_of(*reader));
    const Stage& stage = graph->stages.back();
    last = stage.output;
    if (!follows(graph->direction, stage.mode) ||
        (stage.mode == CUDNN_POINTWISE_ADD && !is_by_channel(stage.operand, last.dims[1]))) {
      return CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN;
    }
  }
  if (graph->stages.size() + 1 != operations.size()) {
    return CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN;
  }
  for (const GraphTensor& tensor : graph->tensors()) {
    if (tensor.is_virtual) return bad_parameter(kName, "what goes in or comes out is virtual");
  }
  if (is_declined("graph")) return CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN;
  graph->parts.emplace_back(&d);
  d.graph = graph;
  return CUDNN_STATUS_SUCCESS;
}

}  // namespace stand_in
