// cuDNN's graph API, as far as the stand-in has it. Constants are those of cuDNN 9's manual; the
// numbers of descriptors, attributes and types are cuDNN 8's too, those of status codes are not.
#pragma once
#include <cstdint>

#include "cudnn_api.h"

struct cudnnBackendStruct;
using cudnnBackendDescriptor_t = cudnnBackendStruct*;
using BackendDesc = cudnnBackendDescriptor_t;

inline constexpr int CUDNN_STATUS_SERIALIZATION_VERSION_MISMATCH = 1003;
inline constexpr int CUDNN_STATUS_BAD_PARAM_NULL_POINTER = 2002;
inline constexpr int CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER = 2003;
inline constexpr int CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED = 2004;
inline constexpr int CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH = 2008;
inline constexpr int CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES = 2009;
inline constexpr int CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE = 2010;
inline constexpr int CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN = 3001;
inline constexpr int CUDNN_STATUS_NOT_SUPPORTED_SHAPE = 3002;
inline constexpr int CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE = 3003;
inline constexpr int CUDNN_STATUS_NOT_SUPPORTED_LAYOUT = 3004;

// Types of descriptors.
inline constexpr int CUDNN_BACKEND_POINTWISE_DESCRIPTOR = 0;
inline constexpr int CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR = 1;
inline constexpr int CUDNN_BACKEND_ENGINE_DESCRIPTOR = 2;
inline constexpr int CUDNN_BACKEND_ENGINECFG_DESCRIPTOR = 3;
inline constexpr int CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR = 4;
inline constexpr int CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR = 5;
inline constexpr int CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR = 7;
inline constexpr int CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR = 10;
inline constexpr int CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR = 11;
inline constexpr int CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR = 12;
inline constexpr int CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR = 13;
inline constexpr int CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR = 15;
inline constexpr int CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR = 16;
inline constexpr int CUDNN_BACKEND_TENSOR_DESCRIPTOR = 17;
inline constexpr int CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR = 29;
inline constexpr int CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR = 30;

// Types of attributes.
inline constexpr int CUDNN_TYPE_HANDLE = 0;
inline constexpr int CUDNN_TYPE_DATA_TYPE = 1;
inline constexpr int CUDNN_TYPE_BOOLEAN = 2;
inline constexpr int CUDNN_TYPE_INT64 = 3;
inline constexpr int CUDNN_TYPE_FLOAT = 4;
inline constexpr int CUDNN_TYPE_DOUBLE = 5;
inline constexpr int CUDNN_TYPE_VOID_PTR = 6;
inline constexpr int CUDNN_TYPE_CONVOLUTION_MODE = 7;
inline constexpr int CUDNN_TYPE_HEUR_MODE = 8;
inline constexpr int CUDNN_TYPE_KNOB_TYPE = 9;
inline constexpr int CUDNN_TYPE_NUMERICAL_NOTE = 11;
inline constexpr int CUDNN_TYPE_POINTWISE_MODE = 14;
inline constexpr int CUDNN_TYPE_BACKEND_DESCRIPTOR = 15;
inline constexpr int CUDNN_TYPE_BEHAVIOR_NOTE = 19;
inline constexpr int CUDNN_TYPE_CHAR = 24;
inline constexpr int CUDNN_TYPE_NORM_MODE = 27;
inline constexpr int CUDNN_TYPE_NORM_FWD_PHASE = 28;

// Attributes.
inline constexpr int CUDNN_ATTR_POINTWISE_MODE = 0;
inline constexpr int CUDNN_ATTR_POINTWISE_MATH_PREC = 1;
inline constexpr int CUDNN_ATTR_CONVOLUTION_COMP_TYPE = 100;
inline constexpr int CUDNN_ATTR_CONVOLUTION_CONV_MODE = 101;
inline constexpr int CUDNN_ATTR_CONVOLUTION_DILATIONS = 102;
inline constexpr int CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES = 103;
inline constexpr int CUDNN_ATTR_CONVOLUTION_POST_PADDINGS = 104;
inline constexpr int CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS = 105;
inline constexpr int CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS = 106;
inline constexpr int CUDNN_ATTR_ENGINEHEUR_MODE = 200;
inline constexpr int CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH = 201;
inline constexpr int CUDNN_ATTR_ENGINEHEUR_RESULTS = 202;
inline constexpr int CUDNN_ATTR_ENGINECFG_ENGINE = 300;
inline constexpr int CUDNN_ATTR_ENGINECFG_KNOB_CHOICES = 302;
inline constexpr int CUDNN_ATTR_EXECUTION_PLAN_HANDLE = 400;
inline constexpr int CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG = 401;
inline constexpr int CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE = 402;
inline constexpr int CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION = 405;
inline constexpr int CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE = 600;
inline constexpr int CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE = 601;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA = 700;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA = 701;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC = 702;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W = 703;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X = 704;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y = 705;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA = 706;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA = 707;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC = 708;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W = 709;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX = 710;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY = 711;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA = 712;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA = 713;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC = 714;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW = 715;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X = 716;
inline constexpr int CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY = 717;
inline constexpr int CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR = 750;
inline constexpr int CUDNN_ATTR_OPERATION_POINTWISE_XDESC = 751;
inline constexpr int CUDNN_ATTR_OPERATION_POINTWISE_BDESC = 752;
inline constexpr int CUDNN_ATTR_OPERATION_POINTWISE_YDESC = 753;
inline constexpr int CUDNN_ATTR_OPERATION_POINTWISE_DXDESC = 756;
inline constexpr int CUDNN_ATTR_OPERATION_POINTWISE_DYDESC = 757;
inline constexpr int CUDNN_ATTR_OPERATIONGRAPH_HANDLE = 800;
inline constexpr int CUDNN_ATTR_OPERATIONGRAPH_OPS = 801;
inline constexpr int CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT = 900;
inline constexpr int CUDNN_ATTR_TENSOR_DATA_TYPE = 901;
inline constexpr int CUDNN_ATTR_TENSOR_DIMENSIONS = 902;
inline constexpr int CUDNN_ATTR_TENSOR_STRIDES = 903;
inline constexpr int CUDNN_ATTR_TENSOR_UNIQUE_ID = 906;
inline constexpr int CUDNN_ATTR_TENSOR_IS_VIRTUAL = 907;
inline constexpr int CUDNN_ATTR_TENSOR_IS_BY_VALUE = 908;
inline constexpr int CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS = 1000;
inline constexpr int CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS = 1001;
inline constexpr int CUDNN_ATTR_VARIANT_PACK_WORKSPACE = 1003;
inline constexpr int CUDNN_ATTR_ENGINE_GLOBAL_INDEX = 1301;
inline constexpr int CUDNN_ATTR_ENGINE_NUMERICAL_NOTE = 1303;
inline constexpr int CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE = 1305;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_FWD_MODE = 2000;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_FWD_PHASE = 2001;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_FWD_XDESC = 2002;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_FWD_MEAN_DESC = 2003;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_FWD_INV_VARIANCE_DESC = 2004;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_FWD_SCALE_DESC = 2005;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_FWD_BIAS_DESC = 2006;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_FWD_EPSILON_DESC = 2007;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_FWD_YDESC = 2013;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_BWD_MODE = 2100;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_BWD_XDESC = 2101;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_BWD_MEAN_DESC = 2102;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_BWD_INV_VARIANCE_DESC = 2103;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_BWD_DYDESC = 2104;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_BWD_SCALE_DESC = 2105;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_BWD_DSCALE_DESC = 2107;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_BWD_DBIAS_DESC = 2108;
inline constexpr int CUDNN_ATTR_OPERATION_NORM_BWD_DXDESC = 2109;

// Values.
inline constexpr int CUDNN_POINTWISE_ADD = 0;
inline constexpr int CUDNN_POINTWISE_IDENTITY = 21;
inline constexpr int CUDNN_POINTWISE_RELU_FWD = 100;
inline constexpr int CUDNN_POINTWISE_RELU_BWD = 200;
inline constexpr int CUDNN_POINTWISE_CMP_GT = 302;
inline constexpr int CUDNN_BATCH_NORM = 2;
inline constexpr int CUDNN_NORM_FWD_TRAINING = 1;
inline constexpr int CUDNN_HEUR_MODE_INSTANT = 0;
inline constexpr int CUDNN_HEUR_MODE_B = 1;
inline constexpr int CUDNN_HEUR_MODE_FALLBACK = 2;
inline constexpr int CUDNN_HEUR_MODE_A = 3;
inline constexpr int CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION = 0;
inline constexpr int CUDNN_KNOB_TYPE_SPLIT_K_SLC = 17;
inline constexpr int CUDNN_NUMERICAL_NOTE_TENSOR_CORE = 0;
inline constexpr int CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION = 2;
inline constexpr int CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC = 4;

CUDNN_API cudnnBackendCreateDescriptor(int type, BackendDesc*);
CUDNN_API cudnnBackendDestroyDescriptor(BackendDesc);
CUDNN_API cudnnBackendSetAttribute(BackendDesc, int attribute, int type, int64_t count,
                                   const void* values);
CUDNN_API cudnnBackendGetAttribute(BackendDesc, int attribute, int type, int64_t wanted,
                                   int64_t* count, void* values);
CUDNN_API cudnnBackendFinalize(BackendDesc);
CUDNN_API cudnnBackendExecute(CudnnHandle, BackendDesc plan, BackendDesc variant_pack);
