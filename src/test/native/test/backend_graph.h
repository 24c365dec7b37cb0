// Descriptors of cuDNN's graph API as a test wants them, each call expected to succeed.
#pragma once
#include <algorithm>

#include "cudnn_backend_api.h"
#include "gpu.h"

using Descriptors = std::vector<BackendDesc>;
using Numbers = std::vector<int64_t>;

// A handle and descriptors, all destroyed at the end.
class Api {
 public:
  Api() { EXPECT_OK(cudnnCreate(&handle)); }
  ~Api() {
    for (BackendDesc d : all_) EXPECT_OK(cudnnBackendDestroyDescriptor(d));
    EXPECT_OK(cudnnDestroy(handle));
  }
  BackendDesc make(int type) {
    BackendDesc d = nullptr;
    EXPECT_OK(cudnnBackendCreateDescriptor(type, &d));
    all_.push_back(d);
    return d;
  }
  void destroy(BackendDesc d) {
    EXPECT_OK(cudnnBackendDestroyDescriptor(d));
    all_.erase(std::find(all_.begin(), all_.end(), d));
  }

  BackendDesc open_tensor(int64_t uid, int type, const int64_t (&d)[4], bool is_virtual,
                          int64_t alignment) {
    BackendDesc t = make(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    const int64_t strides[] = {d[1] * d[2] * d[3], 1, d[1] * d[3], d[1]};
    EXPECT_OK(cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &uid));
    EXPECT_OK(
        cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type));
    EXPECT_OK(cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, d));
    EXPECT_OK(cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides));
    EXPECT_OK(cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1,
                                       &alignment));
    EXPECT_OK(cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1,
                                       &is_virtual));
    return t;
  }
  BackendDesc tensor(int64_t uid, int type, const int64_t (&d)[4], bool is_virtual = false,
                     int64_t alignment = 16) {
    BackendDesc t = open_tensor(uid, type, d, is_virtual, alignment);
    EXPECT_OK(cudnnBackendFinalize(t));
    return t;
  }

  BackendDesc convolution() {
    BackendDesc c = make(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    const int type = CUDNN_DATA_FLOAT, mode = CUDNN_CROSS_CORRELATION;
    const int64_t axes = 2, pads[] = {1, 1}, strides[] = {2, 1}, dilations[] = {1, 1};
    EXPECT_OK(cudnnBackendSetAttribute(c, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1,
                                       &type));
    EXPECT_OK(cudnnBackendSetAttribute(c, CUDNN_ATTR_CONVOLUTION_CONV_MODE,
                                       CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode));
    EXPECT_OK(cudnnBackendSetAttribute(c, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1,
                                       &axes));
    for (int attribute :
         {CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS}) {
      EXPECT_OK(cudnnBackendSetAttribute(c, attribute, CUDNN_TYPE_INT64, 2, pads));
    }
    EXPECT_OK(cudnnBackendSetAttribute(c, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64,
                                       2, strides));
    EXPECT_OK(cudnnBackendSetAttribute(c, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2,
                                       dilations));
    EXPECT_OK(cudnnBackendFinalize(c));
    return c;
  }

  static void name(BackendDesc d, int attribute, BackendDesc other) {
    EXPECT_OK(
        cudnnBackendSetAttribute(d, attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &other));
  }

  // An operation of a type whose attributes are alpha, beta, convolution, and these three.
  BackendDesc operation(int type, int alpha, Numbers tensors_from, Descriptors tensors) {
    BackendDesc o = make(type);
    const float one = 1, zero = 0;
    EXPECT_OK(cudnnBackendSetAttribute(o, alpha, CUDNN_TYPE_FLOAT, 1, &one));
    EXPECT_OK(cudnnBackendSetAttribute(o, alpha + 1, CUDNN_TYPE_FLOAT, 1, &zero));
    name(o, alpha + 2, convolution());
    for (size_t i = 0; i < 3; i++) name(o, static_cast<int>(tensors_from[i]), tensors[i]);
    return o;
  }
  BackendDesc forward(BackendDesc x, BackendDesc w, BackendDesc y) {
    BackendDesc o = operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                              {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y},
                              {x, w, y});
    EXPECT_OK(cudnnBackendFinalize(o));
    return o;
  }
  BackendDesc filter(BackendDesc x, BackendDesc dw, BackendDesc dy) {
    BackendDesc o = operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                              {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY},
                              {x, dw, dy});
    EXPECT_OK(cudnnBackendFinalize(o));
    return o;
  }
  BackendDesc data(BackendDesc dx, BackendDesc w, BackendDesc dy) {
    BackendDesc o = operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                              {CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY},
                              {dx, w, dy});
    EXPECT_OK(cudnnBackendFinalize(o));
    return o;
  }
  // f(x, b) where there is a b, else f(x).
  BackendDesc open_pointwise(BackendDesc x, BackendDesc b, BackendDesc y, int function) {
    BackendDesc p = make(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    const int type = CUDNN_DATA_FLOAT;
    EXPECT_OK(cudnnBackendSetAttribute(p, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1,
                                       &function));
    EXPECT_OK(cudnnBackendSetAttribute(p, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1,
                                       &type));
    EXPECT_OK(cudnnBackendFinalize(p));
    BackendDesc o = make(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    name(o, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, p);
    name(o, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    if (b) name(o, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
    name(o, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    return o;
  }
  // x + b where there is a b, else max(x, 0) or another function.
  BackendDesc pointwise(BackendDesc x, BackendDesc b, BackendDesc y,
                        int function = CUDNN_POINTWISE_RELU_FWD) {
    BackendDesc o = open_pointwise(x, b, y, b ? CUDNN_POINTWISE_ADD : function);
    EXPECT_OK(cudnnBackendFinalize(o));
    return o;
  }

  // dy where x > 0, else 0; what is null is not set.
  BackendDesc open_relu_backward(BackendDesc x, BackendDesc dy, BackendDesc dx) {
    BackendDesc p = make(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    const int mode = CUDNN_POINTWISE_RELU_BWD, type = CUDNN_DATA_FLOAT;
    EXPECT_OK(cudnnBackendSetAttribute(p, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1,
                                       &mode));
    EXPECT_OK(cudnnBackendSetAttribute(p, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1,
                                       &type));
    EXPECT_OK(cudnnBackendFinalize(p));
    BackendDesc o = make(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    name(o, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, p);
    name(o, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    if (dy) name(o, CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, dy);
    if (dx) name(o, CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, dx);
    return o;
  }
  BackendDesc relu_backward(BackendDesc x, BackendDesc dy, BackendDesc dx) {
    BackendDesc o = open_relu_backward(x, dy, dx);
    EXPECT_OK(cudnnBackendFinalize(o));
    return o;
  }

  // A float that is passed by its value.
  BackendDesc number(int64_t uid) {
    BackendDesc t = make(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    const int64_t one[] = {1, 1, 1, 1}, alignment = 4;
    const int type = CUDNN_DATA_FLOAT;
    const bool yes = true;
    EXPECT_OK(cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &uid));
    EXPECT_OK(
        cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type));
    EXPECT_OK(cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, one));
    EXPECT_OK(cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, one));
    EXPECT_OK(cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1,
                                       &alignment));
    EXPECT_OK(cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, 1,
                                       &yes));
    EXPECT_OK(cudnnBackendFinalize(t));
    return t;
  }

  // A batch norm in training; tensors in the order x, mean, inverse, weight, bias, epsilon, y.
  BackendDesc open_norm(const Descriptors& t) {
    BackendDesc o = make(CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR);
    const int mode = CUDNN_BATCH_NORM, phase = CUDNN_NORM_FWD_TRAINING;
    EXPECT_OK(cudnnBackendSetAttribute(o, CUDNN_ATTR_OPERATION_NORM_FWD_MODE, CUDNN_TYPE_NORM_MODE,
                                       1, &mode));
    EXPECT_OK(cudnnBackendSetAttribute(o, CUDNN_ATTR_OPERATION_NORM_FWD_PHASE,
                                       CUDNN_TYPE_NORM_FWD_PHASE, 1, &phase));
    const int attributes[] = {
        CUDNN_ATTR_OPERATION_NORM_FWD_XDESC, CUDNN_ATTR_OPERATION_NORM_FWD_MEAN_DESC,
        CUDNN_ATTR_OPERATION_NORM_FWD_INV_VARIANCE_DESC, CUDNN_ATTR_OPERATION_NORM_FWD_SCALE_DESC,
        CUDNN_ATTR_OPERATION_NORM_FWD_BIAS_DESC, CUDNN_ATTR_OPERATION_NORM_FWD_EPSILON_DESC,
        CUDNN_ATTR_OPERATION_NORM_FWD_YDESC};
    for (size_t i = 0; i < t.size(); i++) name(o, attributes[i], t[i]);
    return o;
  }

  // Its gradients; tensors in the order x, mean, inverse, dy, weight, dweight, dbias, dx.
  BackendDesc norm_backward(const Descriptors& t) {
    BackendDesc o = make(CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR);
    const int mode = CUDNN_BATCH_NORM;
    EXPECT_OK(cudnnBackendSetAttribute(o, CUDNN_ATTR_OPERATION_NORM_BWD_MODE, CUDNN_TYPE_NORM_MODE,
                                       1, &mode));
    const int attributes[] = {
        CUDNN_ATTR_OPERATION_NORM_BWD_XDESC, CUDNN_ATTR_OPERATION_NORM_BWD_MEAN_DESC,
        CUDNN_ATTR_OPERATION_NORM_BWD_INV_VARIANCE_DESC, CUDNN_ATTR_OPERATION_NORM_BWD_DYDESC,
        CUDNN_ATTR_OPERATION_NORM_BWD_SCALE_DESC, CUDNN_ATTR_OPERATION_NORM_BWD_DSCALE_DESC,
        CUDNN_ATTR_OPERATION_NORM_BWD_DBIAS_DESC, CUDNN_ATTR_OPERATION_NORM_BWD_DXDESC};
    for (size_t i = 0; i < t.size(); i++) name(o, attributes[i], t[i]);
    EXPECT_OK(cudnnBackendFinalize(o));
    return o;
  }

  BackendDesc open_graph(const Descriptors& operations) {
    BackendDesc g = make(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    EXPECT_OK(cudnnBackendSetAttribute(g, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1,
                                       &handle));
    EXPECT_OK(cudnnBackendSetAttribute(g, CUDNN_ATTR_OPERATIONGRAPH_OPS,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                       static_cast<int64_t>(operations.size()), operations.data()));
    return g;
  }
  BackendDesc graph(const Descriptors& operations) {
    BackendDesc g = open_graph(operations);
    EXPECT_OK(cudnnBackendFinalize(g));
    return g;
  }
  BackendDesc open_heuristics(BackendDesc graph, int mode) {
    BackendDesc h = make(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    name(h, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    EXPECT_OK(
        cudnnBackendSetAttribute(h, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode));
    return h;
  }
  Descriptors configurations(BackendDesc graph, int mode = CUDNN_HEUR_MODE_A) {
    BackendDesc h = open_heuristics(graph, mode);
    EXPECT_OK(cudnnBackendFinalize(h));
    constexpr int kMost = 5;
    int64_t found = 0;
    Descriptors all;
    for (int i = 0; i < kMost; i++) all.push_back(make(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    EXPECT_OK(cudnnBackendGetAttribute(h, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, kMost, &found, all.data()));
    all.resize(static_cast<size_t>(found));
    return all;
  }
  BackendDesc open_plan(BackendDesc configuration) {
    BackendDesc p = make(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    EXPECT_OK(cudnnBackendSetAttribute(p, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1,
                                       &handle));
    name(p, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
    return p;
  }
  // By the engine that computes anything.
  BackendDesc plan(BackendDesc graph) {
    BackendDesc p = open_plan(configurations(graph, CUDNN_HEUR_MODE_FALLBACK).at(0));
    EXPECT_OK(cudnnBackendFinalize(p));
    return p;
  }
  static size_t workspace(BackendDesc plan) {
    int64_t bytes = -1, found = 0;
    EXPECT_OK(cudnnBackendGetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                       CUDNN_TYPE_INT64, 1, &found, &bytes));
    EXPECT_EQ(found, 1);
    return static_cast<size_t>(bytes);
  }
  BackendDesc open_pack(const Numbers& uids, const std::vector<void*>& places, void* workspace) {
    BackendDesc v = make(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    EXPECT_OK(cudnnBackendSetAttribute(v, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64,
                                       static_cast<int64_t>(uids.size()), uids.data()));
    EXPECT_OK(cudnnBackendSetAttribute(v, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS,
                                       CUDNN_TYPE_VOID_PTR, static_cast<int64_t>(places.size()),
                                       places.data()));
    EXPECT_OK(cudnnBackendSetAttribute(v, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1,
                                       &workspace));
    return v;
  }
  BackendDesc pack(const Numbers& uids, const std::vector<void*>& places, void* workspace) {
    BackendDesc v = open_pack(uids, places, workspace);
    EXPECT_OK(cudnnBackendFinalize(v));
    return v;
  }

  cudnnHandle_t handle;

 private:
  Descriptors all_;
};
