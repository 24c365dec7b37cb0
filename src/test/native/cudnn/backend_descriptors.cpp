// The graph API's functions on descriptors: which attributes there are, of what type, how many.
#include <algorithm>

#include "backend.h"

using namespace stand_in;

namespace {

constexpr char kSet[] = "cudnnBackendSetAttribute";
constexpr char kGet[] = "cudnnBackendGetAttribute";
constexpr char kFinalize[] = "cudnnBackendFinalize";

// An attribute that can be set, and how many values it takes.
struct Rule {
  int descriptor, attribute, type;
  int64_t least, most;
  bool required;
};

constexpr int64_t kRanks = 8;
constexpr int64_t kMany = 64;

constexpr Rule kRules[] = {
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, 1,
     true},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 1, kRanks,
     true},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 1, kRanks, true},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, 1, true},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, 1,
     true},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, 1,
     false},
    {CUDNN_BACKEND_TENSOR_DESCRIPTOR, CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, 1, 1,
     false},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE,
     1, 1, true},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_CONV_MODE,
     CUDNN_TYPE_CONVOLUTION_MODE, 1, 1, true},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1,
     1, true},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 1,
     kRanks, true},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64,
     1, kRanks, true},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 1,
     kRanks, true},
    {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64,
     1, kRanks, true},
    {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, 1,
     true},
    {CUDNN_BACKEND_POINTWISE_DESCRIPTOR, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, 1,
     true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, CUDNN_TYPE_FLOAT, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, CUDNN_TYPE_FLOAT, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1,
     true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, CUDNN_TYPE_FLOAT, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, CUDNN_TYPE_FLOAT, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1,
     true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, false},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_YDESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, false},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_DXDESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, false},
    {CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, CUDNN_ATTR_OPERATION_POINTWISE_DYDESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, false},
    {CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_FWD_MODE,
     CUDNN_TYPE_NORM_MODE, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_FWD_PHASE,
     CUDNN_TYPE_NORM_FWD_PHASE, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_FWD_XDESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_FWD_MEAN_DESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_FWD_INV_VARIANCE_DESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_FWD_SCALE_DESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_FWD_BIAS_DESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_FWD_EPSILON_DESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_FWD_YDESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_BWD_MODE,
     CUDNN_TYPE_NORM_MODE, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_BWD_XDESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_BWD_MEAN_DESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_BWD_INV_VARIANCE_DESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_BWD_DYDESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_BWD_SCALE_DESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_BWD_DSCALE_DESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_BWD_DBIAS_DESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_NORM_BWD_DXDESC,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE,
     1, 1, true},
    {CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, CUDNN_ATTR_OPERATIONGRAPH_OPS,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, kMany, true},
    {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, 1,
     true},
    {CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE,
     1, 1, true},
    {CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, false},
    {CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
     CUDNN_TYPE_CHAR, 1, 1 << 20, false},
    {CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, CUDNN_ATTR_ENGINECFG_ENGINE,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, 1, true},
    {CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
     CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, kMany, false},
    {CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE,
     1, 1, true},
    {CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1,
     1, true},
    {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, 1,
     kMany, true},
    {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
     CUDNN_TYPE_VOID_PTR, 1, kMany, true},
    {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR,
     1, 1, true},
};

const Rule* rule_of(int descriptor, int attribute) {
  for (const Rule& rule : kRules) {
    if (rule.descriptor == descriptor && rule.attribute == attribute) return &rule;
  }
  return nullptr;
}

size_t bytes_of(int type) {
  switch (type) {
    case CUDNN_TYPE_BOOLEAN:
    case CUDNN_TYPE_CHAR: return 1;
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR: return 8;
    default: return 4;  // enumerations and float
  }
}

cudnnStatus_t check_values(const Rule& rule, int64_t count, const void* values) {
  if (rule.type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    const auto* descriptors = static_cast<const BackendDesc*>(values);
    for (int64_t i = 0; i < count; i++) {
      if (!is_alive(descriptors[i])) return bad_parameter(kSet, "a descriptor that is not alive");
      if (!descriptors[i]->finalized) {
        return misuse(kSet, CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED,
                      "a descriptor that is not finalized");
      }
    }
  }
  if (rule.type == CUDNN_TYPE_HANDLE && !is_alive(*static_cast<const CudnnHandle*>(values))) {
    return bad_parameter(kSet, "a handle that is not alive");
  }
  return CUDNN_STATUS_SUCCESS;
}

// As the real cuDNN counts: without a place for values how many there may be, else how many it gave.
template <class T>
cudnnStatus_t give(const std::vector<T>& all, int64_t wanted, int64_t* count, void* values) {
  const size_t given = values ? std::min(all.size(), static_cast<size_t>(wanted)) : all.size();
  *count = static_cast<int64_t>(given);
  if (values && given) std::memcpy(values, all.data(), given * sizeof(T));
  return CUDNN_STATUS_SUCCESS;
}

// Makes what was found of descriptors that the caller has made.
template <class Fill>
cudnnStatus_t fill(size_t found, int type, int64_t wanted, int64_t* count, void* values, Fill one) {
  const auto* targets = static_cast<const BackendDesc*>(values);
  const size_t given = std::min(found, static_cast<size_t>(wanted));
  for (size_t i = 0; i < given; i++) {
    if (!is_alive(targets[i]) || targets[i]->type != type || targets[i]->finalized) {
      return bad_parameter(kGet, "the place for a result is no fresh descriptor of its type");
    }
  }
  for (size_t i = 0; i < given; i++) {
    one(*targets[i], i);
    targets[i]->finalized = true;
  }
  *count = static_cast<int64_t>(given);
  return CUDNN_STATUS_SUCCESS;
}

// What the heuristics announce, of which they give fewer.
constexpr int64_t kAnnounced = 40;

}  // namespace

cudnnStatus_t cudnnBackendCreateDescriptor(int type, BackendDesc* descriptor) {
  constexpr char kName[] = "cudnnBackendCreateDescriptor";
  return cudnn_call(kName, [&] {
    bool known = type == CUDNN_BACKEND_ENGINE_DESCRIPTOR;
    for (const Rule& rule : kRules) known |= rule.descriptor == type;
    if (!known) return not_supported(kName, "the stand-in has no such descriptor");
    *descriptor = new cudnnBackendStruct(type);
    created(KindOf<cudnnBackendStruct>::name, *descriptor);
    return CUDNN_STATUS_SUCCESS;
  });
}

cudnnStatus_t cudnnBackendDestroyDescriptor(BackendDesc descriptor) {
  return destroy("cudnnBackendDestroyDescriptor", descriptor);
}

cudnnStatus_t cudnnBackendSetAttribute(BackendDesc d, int attribute, int type, int64_t count,
                                       const void* values) {
  return cudnn_call(
      kSet,
      [&] {
        const Rule* rule = rule_of(d->type, attribute);
        if (!rule) return bad_parameter(kSet, "the descriptor has no such attribute to set");
        if (d->finalized) return bad_parameter(kSet, "the descriptor is finalized already");
        if (type != rule->type) {
          return misuse(kSet, CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE,
                        "the attribute is of another type");
        }
        if (count < rule->least || count > rule->most) {
          return bad_parameter(kSet, "the attribute has another number of values");
        }
        if (!values) return misuse(kSet, CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no values");
        if (cudnnStatus_t error = check_values(*rule, count, values)) return error;
        const char* bytes = static_cast<const char*>(values);
        d->attributes[attribute] = {
            count, std::vector<char>(bytes, bytes + static_cast<size_t>(count) * bytes_of(type))};
        return CUDNN_STATUS_SUCCESS;
      },
      d);
}

cudnnStatus_t cudnnBackendGetAttribute(BackendDesc d, int attribute, int type, int64_t wanted,
                                       int64_t* count, void* values) {
  return cudnn_call(
      kGet,
      [&] {
        if (!d->finalized && d->type == CUDNN_BACKEND_ENGINECFG_DESCRIPTOR) {
          return misuse(kGet, CUDNN_STATUS_NOT_INITIALIZED, "the heuristics left this one empty");
        }
        if (!d->finalized) {
          return misuse(kGet, CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED,
                        "the descriptor is not finalized");
        }
        if (!count || wanted < 0 || (wanted > 0 && !values)) {
          return misuse(kGet, CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no place for the values");
        }
        const auto asked = [&](int descriptor, int name, int of_type) {
          return d->type == descriptor && attribute == name && type == of_type;
        };
        if (asked(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR)) {
          if (!values) {
            *count = kAnnounced;
            return CUDNN_STATUS_SUCCESS;
          }
          return fill(d->found.size(), CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, wanted, count, values,
                      [&](cudnnBackendStruct& target, size_t i) {
                        target.graph = d->graph;
                        target.engine = d->found[i];
                      });
        }
        if (asked(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, CUDNN_ATTR_ENGINECFG_ENGINE,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR)) {
          return fill(1, CUDNN_BACKEND_ENGINE_DESCRIPTOR, wanted, count, values,
                      [&](cudnnBackendStruct& target, size_t) {
                        target.graph = d->graph;
                        target.engine = d->engine;
                      });
        }
        if (asked(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR)) {
          // Only the engine of convolutions that compiles has a knob.
          const bool has_knob =
              !d->graph->is_norm && !engine(*d->graph, d->engine).behaviours.empty();
          return fill(has_knob, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, wanted, count, values,
                      [&](cudnnBackendStruct& target, size_t) { target.knob = d->parts; });
        }
        if (asked(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE,
                  CUDNN_TYPE_KNOB_TYPE)) {
          return give(std::vector<int>{CUDNN_KNOB_TYPE_SPLIT_K_SLC}, wanted, count, values);
        }
        if (asked(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE,
                  CUDNN_TYPE_INT64)) {
          return give(std::vector<int64_t>{d->knob}, wanted, count, values);
        }
        if (asked(CUDNN_BACKEND_ENGINE_DESCRIPTOR, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                  CUDNN_TYPE_NUMERICAL_NOTE)) {
          return give(engine(*d->graph, d->engine).notes, wanted, count, values);
        }
        if (asked(CUDNN_BACKEND_ENGINE_DESCRIPTOR, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE,
                  CUDNN_TYPE_BEHAVIOR_NOTE)) {
          return give(engine(*d->graph, d->engine).behaviours, wanted, count, values);
        }
        if (asked(CUDNN_BACKEND_ENGINE_DESCRIPTOR, CUDNN_ATTR_ENGINE_GLOBAL_INDEX,
                  CUDNN_TYPE_INT64)) {
          return give(std::vector<int64_t>{d->engine}, wanted, count, values);
        }
        if (asked(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR,
                  CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR)) {
          return give(plan_text(*d), wanted, count, values);
        }
        if (asked(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR,
                  CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64)) {
          return give(std::vector<int64_t>{d->workspace_bytes}, wanted, count, values);
        }
        return bad_parameter(kGet, "the descriptor has no such attribute of this type to read");
      },
      d);
}

cudnnStatus_t cudnnBackendFinalize(BackendDesc d) {
  return cudnn_call(
      kFinalize,
      [&] {
        if (d->finalized) return bad_parameter(kFinalize, "the descriptor is finalized already");
        for (const Rule& rule : kRules) {
          if (rule.descriptor == d->type && rule.required && !d->has(rule.attribute)) {
            return bad_parameter(kFinalize, "an attribute that must be set is not");
          }
        }
        const cudnnStatus_t status = [&] {
          switch (d->type) {
            case CUDNN_BACKEND_TENSOR_DESCRIPTOR: return finalize_tensor(*d);
            case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR: return finalize_convolution(*d);
            case CUDNN_BACKEND_POINTWISE_DESCRIPTOR: return CUDNN_STATUS_SUCCESS;
            case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR: return finalize_graph(*d);
            case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR: return finalize_heuristics(*d);
            case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR: return finalize_plan(*d);
            case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR: return finalize_variant_pack(*d);
            case CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR: return CUDNN_STATUS_SUCCESS;
            case CUDNN_BACKEND_ENGINECFG_DESCRIPTOR: return finalize_configuration(*d);
            case CUDNN_BACKEND_ENGINE_DESCRIPTOR:
              return bad_parameter(kFinalize, "engines come from the heuristics only");
            default: return finalize_operation(*d);
          }
        }();
        d->finalized = status == CUDNN_STATUS_SUCCESS;
        return status;
      },
      d);
}
