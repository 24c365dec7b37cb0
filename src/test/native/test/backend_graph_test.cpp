// cuDNN's graph API against sums written out from the definitions, and what it refuses.
#include <algorithm>

#include "backend_graph.h"
#include "gpu.h"
#include "numbers.h"

namespace {

// Channels last; x 2×3×5×4, w 4×3×3×3, y 2×4×3×4: stride 2 and 1, padding 1.
constexpr int64_t kX[] = {2, 3, 5, 4}, kW[] = {4, 3, 3, 3}, kY[] = {2, 4, 3, 4};
enum : int64_t { kUidX = 11, kUidW, kUidY, kUidBias, kUidSum, kUidBiased };

size_t count(const int64_t (&d)[4]) { return static_cast<size_t>(d[0] * d[1] * d[2] * d[3]); }

size_t at(const int64_t (&d)[4], int64_t n, int64_t c, int64_t h, int64_t w) {
  return static_cast<size_t>(((n * d[2] + h) * d[3] + w) * d[1] + c);
}

// Calls visit(x offset, w offset, y offset) for every product.
template <class Visit>
void each_product(Visit visit) {
  for (int64_t n = 0; n < kY[0]; n++)
    for (int64_t k = 0; k < kY[1]; k++)
      for (int64_t i = 0; i < kY[2]; i++)
        for (int64_t j = 0; j < kY[3]; j++)
          for (int64_t c = 0; c < kX[1]; c++)
            for (int64_t r = 0; r < 3; r++)
              for (int64_t s = 0; s < 3; s++) {
                const int64_t h = i * 2 - 1 + r, w = j - 1 + s;
                if (h < 0 || w < 0 || h >= kX[2] || w >= kX[3]) continue;
                visit(at(kX, n, c, h, w), at(kW, k, c, r, s), at(kY, n, k, i, j));
              }
}

std::vector<uint16_t> narrow(const std::vector<float>& values) {
  std::vector<uint16_t> result;
  for (float v : values) result.push_back(stand_in::float_to_bf16(v));
  return result;
}

std::vector<float> random_bf16(size_t n, unsigned seed) {
  std::vector<float> values = random_floats(n, seed);
  for (float& v : values) v = stand_in::bf16_to_float(stand_in::float_to_bf16(v));
  return values;
}

// Expects what was summed in double to be rounded once, to fp32 or to bf16.
void expect_rounded(const std::vector<float>& actual, const std::vector<double>& expected,
                    double tolerance) {
  for (size_t i = 0; i < expected.size(); i++) {
    if (std::fabs(actual[i] - expected[i]) <= tolerance * std::fabs(expected[i]) + 1e-12) continue;
    EXPECT_EQ(actual[i], expected[i]);
    return;
  }
}

std::vector<float> widen(const std::vector<uint16_t>& values) {
  std::vector<float> result;
  for (uint16_t v : values) result.push_back(stand_in::bf16_to_float(v));
  return result;
}

BackendDesc bf16(Api& api, int64_t uid, const int64_t (&d)[4]) {
  return api.tensor(uid, CUDNN_DATA_BFLOAT16, d);
}

// The gradient of the filter, summed and copied in fp32.
BackendDesc summed_filter(Api& api) {
  BackendDesc sum = api.tensor(kUidSum, CUDNN_DATA_FLOAT, kW, true);
  return api.graph({api.filter(bf16(api, kUidX, kX), sum, bf16(api, kUidY, kY)),
                    api.pointwise(sum, nullptr, api.tensor(kUidW, CUDNN_DATA_FLOAT, kW),
                                  CUDNN_POINTWISE_IDENTITY)});
}

// What reading the heuristics' results with so much room gives.
int64_t count_results(BackendDesc heuristics, int64_t room, BackendDesc* results) {
  int64_t found = -1;
  EXPECT_OK(cudnnBackendGetAttribute(heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                     CUDNN_TYPE_BACKEND_DESCRIPTOR, room, &found, results));
  return found;
}

}  // namespace

TEST(heuristics_announce_more_than_they_give) {
  Gpu gpu;
  Api api;
  BackendDesc direct = api.graph({api.filter(
      bf16(api, kUidX, kX), api.tensor(kUidW, CUDNN_DATA_FLOAT, kW), bf16(api, kUidY, kY))});
  for (BackendDesc graph : {direct, summed_filter(api)}) {
    BackendDesc h = api.open_heuristics(graph, CUDNN_HEUR_MODE_A);
    EXPECT_OK(cudnnBackendFinalize(h));
    Descriptors results;
    for (int i = 0; i < 5; i++) results.push_back(api.make(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    EXPECT_EQ(count_results(h, 0, nullptr), 40);
    EXPECT_EQ(count_results(h, 0, results.data()), 0);
    EXPECT_EQ(count_results(h, 5, results.data()), graph == direct ? 0 : 4);
    int64_t found;
    BackendDesc engine = api.make(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    EXPECT_EQ(cudnnBackendGetAttribute(results[4], CUDNN_ATTR_ENGINECFG_ENGINE,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &found, &engine),
              CUDNN_STATUS_NOT_INITIALIZED);
  }
}

TEST(a_plan_comes_back_from_its_text) {
  Gpu gpu;
  Api api;
  BackendDesc plan = api.plan(summed_filter(api));
  int64_t length = 0;
  EXPECT_OK(cudnnBackendGetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
                                     CUDNN_TYPE_CHAR, 0, &length, nullptr));
  std::vector<char> text(static_cast<size_t>(length));
  EXPECT_OK(cudnnBackendGetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
                                     CUDNN_TYPE_CHAR, length, &length, text.data()));
  EXPECT_EQ(text.back(), '\0');
  const auto restored = [&](const std::vector<char>& from) {
    BackendDesc p = api.make(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    EXPECT_OK(cudnnBackendSetAttribute(p, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1,
                                       &api.handle));
    EXPECT_OK(cudnnBackendSetAttribute(p, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
                                       CUDNN_TYPE_CHAR, static_cast<int64_t>(from.size()),
                                       from.data()));
    return p;
  };
  BackendDesc again = restored(text);
  EXPECT_OK(cudnnBackendFinalize(again));
  EXPECT_EQ(Api::workspace(again), Api::workspace(plan));
  DeviceArray<uint16_t> gx(narrow(random_floats(count(kX), 1))),
      gdy(narrow(random_floats(count(kY), 2)));
  DeviceArray<char> space(Api::workspace(plan));
  DeviceArray<float> one(count(kW)), two(count(kW));
  for (auto [p, out] : {std::pair{plan, one.data()}, {again, two.data()}}) {
    EXPECT_OK(cudnnBackendExecute(
        api.handle, p,
        api.pack({kUidX, kUidW, kUidY}, {gx.data(), out, gdy.data()}, space.data())));
  }
  EXPECT_EQ(one.read() == two.read(), true);
  text.resize(20);
  EXPECT_EQ(cudnnBackendFinalize(restored(text)), CUDNN_STATUS_SERIALIZATION_VERSION_MISMATCH);
  EXPECT_EQ(cudnnBackendFinalize(restored({'n', 'o'})),
            CUDNN_STATUS_SERIALIZATION_VERSION_MISMATCH);
}

TEST(a_graph_of_convolution_bias_and_relu_is_its_definition) {
  Gpu gpu;
  Api api;
  const int64_t one_per_channel[] = {1, 4, 1, 1};
  const std::vector<float> x = random_bf16(count(kX), 1), w = random_bf16(count(kW), 2),
                           bias = random_bf16(4, 3);
  std::vector<double> y(count(kY));
  for (size_t i = 0; i < y.size(); i++) y[i] = bias[i % 4];
  each_product([&](size_t ix, size_t iw, size_t iy) {
    y[iy] += static_cast<double>(x[ix]) * w[iw];
  });
  for (double& v : y) v = std::max(v, 0.0);
  BackendDesc sum = api.tensor(kUidSum, CUDNN_DATA_FLOAT, kY, true);
  BackendDesc biased = api.tensor(kUidBiased, CUDNN_DATA_FLOAT, kY, true);
  BackendDesc b = bf16(api, kUidBias, one_per_channel), out = bf16(api, kUidY, kY);
  BackendDesc convolution = api.forward(bf16(api, kUidX, kX), bf16(api, kUidW, kW), sum);
  // The order of the operations says nothing.
  BackendDesc plan = api.plan(api.graph(
      {api.pointwise(biased, nullptr, out), convolution, api.pointwise(sum, b, biased)}));
  DeviceArray<uint16_t> gx(narrow(x)), gw(narrow(w)), gb(narrow(bias)), gy(count(kY));
  DeviceArray<char> space(Api::workspace(plan));
  const Numbers uids = {kUidBias, kUidX, kUidY, kUidW};
  const std::vector<void*> places = {gb.data(), gx.data(), gy.data(), gw.data()};
  EXPECT_OK(cudnnBackendExecute(api.handle, plan, api.pack(uids, places, space.data())));
  const std::vector<float> actual = widen(gy.read());
  expect_rounded(actual, y, 0x1p-8 + 1e-6);
  // The workspace was written to its last byte.
  EXPECT_EQ(space.read().back(), '\xff');
  standin_set("wrong_algorithm", "forward_graph:0");
  EXPECT_OK(cudnnBackendExecute(api.handle, plan, api.pack(uids, places, space.data())));
  EXPECT_EQ(widen(gy.read()) == actual, false);

  // What is virtual has no place; each other tensor has one; no other has.
  Numbers with_virtual = {kUidBias, kUidX, kUidY, kUidW, kUidSum};
  std::vector<void*> five = places;
  five.push_back(gy.data());
  EXPECT_EQ(
      cudnnBackendExecute(api.handle, plan, api.pack(with_virtual, five, space.data())),
      CUDNN_STATUS_BAD_PARAM);
  EXPECT_CONTAINS(standin_message(), "a virtual one's");
  EXPECT_EQ(cudnnBackendExecute(api.handle, plan,
                                api.pack({kUidX, kUidY, kUidW},
                                         {gx.data(), gy.data(), gw.data()}, space.data())),
            CUDNN_STATUS_BAD_PARAM);
  EXPECT_CONTAINS(standin_message(), "a tensor has no place");
}

TEST(graphs_of_gradients_are_their_definitions) {
  Gpu gpu;
  Api api;
  const std::vector<float> x = random_bf16(count(kX), 1), w = random_bf16(count(kW), 2),
                           dy = random_bf16(count(kY), 3);
  std::vector<double> dx(count(kX)), dw(count(kW));
  each_product([&](size_t ix, size_t iw, size_t iy) {
    dx[ix] += static_cast<double>(dy[iy]) * w[iw];
    dw[iw] += static_cast<double>(dy[iy]) * x[ix];
  });
  DeviceArray<uint16_t> gx(narrow(x)), gw(narrow(w)), gdy(narrow(dy)), gdx(count(kX));
  DeviceArray<float> gdw(count(kW));
  BackendDesc filter =
      api.plan(summed_filter(api));
  DeviceArray<char> space(Api::workspace(filter));
  EXPECT_OK(cudnnBackendExecute(api.handle, filter,
                                api.pack({kUidX, kUidW, kUidY},
                                         {gx.data(), gdw.data(), gdy.data()}, space.data())));
  expect_rounded(gdw.read(), dw, 1e-7);
  BackendDesc data = api.plan(api.graph(
      {api.data(bf16(api, kUidX, kX), bf16(api, kUidW, kW), bf16(api, kUidY, kY))}));
  DeviceArray<char> other(Api::workspace(data));
  EXPECT_OK(cudnnBackendExecute(api.handle, data,
                                api.pack({kUidX, kUidW, kUidY},
                                         {gdx.data(), gw.data(), gdy.data()}, other.data())));
  expect_rounded(widen(gdx.read()), dx, 0x1p-8 + 1e-6);
}

TEST(a_data_gradient_passes_where_the_output_before_it_is_above_0) {
  Gpu gpu;
  Api api;
  const std::vector<float> w = random_bf16(count(kW), 1), dy = random_bf16(count(kY), 2);
  std::vector<float> output = random_bf16(count(kX), 3);
  for (size_t i = 0; i < output.size(); i++) output[i] = i % 3 ? output[i] : 0;
  std::vector<double> dx(count(kX));
  each_product([&](size_t ix, size_t iw, size_t iy) {
    dx[ix] += static_cast<double>(dy[iy]) * w[iw];
  });
  for (size_t i = 0; i < dx.size(); i++) dx[i] = output[i] > 0 ? dx[i] : 0;
  BackendDesc sum = api.tensor(kUidSum, CUDNN_DATA_FLOAT, kX, true);
  BackendDesc data = api.data(sum, bf16(api, kUidW, kW), bf16(api, kUidY, kY));
  BackendDesc mask = bf16(api, kUidBias, kX), out = bf16(api, kUidX, kX);
  BackendDesc plan = api.plan(api.graph({data, api.relu_backward(mask, sum, out)}));
  DeviceArray<uint16_t> gw(narrow(w)), gdy(narrow(dy)), gm(narrow(output)), gdx(count(kX));
  DeviceArray<char> space(Api::workspace(plan));
  BackendDesc pack = api.pack({kUidX, kUidW, kUidY, kUidBias},
                              {gdx.data(), gw.data(), gdy.data(), gm.data()}, space.data());
  EXPECT_OK(cudnnBackendExecute(api.handle, plan, pack));
  const std::vector<uint16_t> once = gdx.read();
  expect_rounded(widen(once), dx, 0x1p-8 + 1e-6);
  EXPECT_OK(cudnnBackendExecute(api.handle, plan, pack));
  EXPECT_EQ(gdx.read() == once, true);
  // As asked for, one of two runs gives other bits.
  standin_set("unsteady_algorithm", "data_graph:0");
  EXPECT_OK(cudnnBackendExecute(api.handle, plan, pack));
  const std::vector<uint16_t> one = gdx.read();
  EXPECT_OK(cudnnBackendExecute(api.handle, plan, pack));
  EXPECT_EQ(gdx.read() == one, false);
  standin_set("unsteady_algorithm", "");

  // The gradient goes in at dy; what tells where it passes lies in memory, and has its type.
  EXPECT_EQ(cudnnBackendFinalize(api.open_graph({data, api.relu_backward(sum, mask, out)})),
            CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN);
  BackendDesc wide = api.graph(
      {data, api.relu_backward(api.tensor(kUidBias, CUDNN_DATA_FLOAT, kX), sum, out)});
  EXPECT_EQ(cudnnBackendFinalize(api.open_heuristics(wide, CUDNN_HEUR_MODE_A)),
            CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE);
  EXPECT_EQ(cudnnBackendFinalize(api.open_relu_backward(mask, nullptr, out)),
            CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendFinalize(api.open_relu_backward(mask, sum, nullptr)),
            CUDNN_STATUS_BAD_PARAM);
  BackendDesc both = api.open_relu_backward(mask, sum, out);
  Api::name(both, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, out);
  EXPECT_EQ(cudnnBackendFinalize(both), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendFinalize(api.open_relu_backward(bf16(api, kUidY, kY), sum, out)),
            CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH);
}

TEST(engines_differ_in_what_they_note_and_support) {
  Gpu gpu;
  Api api;
  BackendDesc graph = summed_filter(api);
  const Descriptors all = api.configurations(graph);
  EXPECT_EQ(all.size(), size_t{4});
  int nondeterministic = 0, coarse = 0, supported = 0;
  for (BackendDesc configuration : all) {
    BackendDesc engine = api.make(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    int64_t found = 0;
    EXPECT_OK(cudnnBackendGetAttribute(configuration, CUDNN_ATTR_ENGINECFG_ENGINE,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &found, &engine));
    int notes[8];
    EXPECT_OK(cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                       CUDNN_TYPE_NUMERICAL_NOTE, 8, &found, notes));
    nondeterministic += static_cast<int>(
        std::count(notes, notes + found, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC));
    coarse += static_cast<int>(
        std::count(notes, notes + found, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION));
    const int status = cudnnBackendFinalize(api.open_plan(configuration));
    EXPECT_EQ(status == 0 || status == CUDNN_STATUS_NOT_SUPPORTED_SHAPE, true);
    supported += status == 0;
  }
  EXPECT_EQ(nondeterministic, 1);
  EXPECT_EQ(coarse, 1);
  EXPECT_EQ(supported, 3);  // three channels are not a multiple of eight
  EXPECT_EQ(std::string(standin_message()), "");

  for (const char* declined : {"graph", "heuristics", "plan"}) {
    standin_set("declined", declined);
    EXPECT_EQ(cudnnBackendFinalize(api.open_plan(all[3])) == 0, std::string(declined) != "plan");
    EXPECT_EQ(cudnnBackendFinalize(api.open_heuristics(graph, CUDNN_HEUR_MODE_A)) == 0,
              std::string(declined) != "heuristics");
  }
  standin_set("declined", "");
  EXPECT_EQ(standin_set("declined", "nothing of the kind"), -1);
  standin_set("declined", "");
  // On a GPU without bf16 there is no engine.
  standin_set("compute_capability", "75");
  EXPECT_EQ(cudnnBackendFinalize(api.open_heuristics(graph, CUDNN_HEUR_MODE_A)),
            CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE);
}

TEST(graph_descriptors_refuse_what_they_cannot_hold) {
  Gpu gpu;
  Api api;
  const int64_t four[] = {1, 2, 3, 4};
  const int type = CUDNN_DATA_FLOAT;
  BackendDesc none = nullptr;
  EXPECT_EQ(cudnnBackendCreateDescriptor(999, &none), CUDNN_STATUS_NOT_SUPPORTED);
  BackendDesc t = api.make(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  EXPECT_EQ(
      cudnnBackendSetAttribute(t, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, four),
      CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_FLOAT, 4, four),
            CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE);
  EXPECT_EQ(cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 2, four),
            CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(
      cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, nullptr),
      CUDNN_STATUS_BAD_PARAM_NULL_POINTER);
  EXPECT_OK(
      cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type));
  EXPECT_EQ(cudnnBackendFinalize(t), CUDNN_STATUS_BAD_PARAM);
  EXPECT_CONTAINS(standin_message(), "an attribute that must be set is not");
  // Not finalized, so not to be named; finalized, so not to be changed.
  BackendDesc o = api.make(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  EXPECT_EQ(cudnnBackendSetAttribute(o, CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
                                     CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &t),
            CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
  BackendDesc good = api.tensor(kUidX, CUDNN_DATA_BFLOAT16, kX);
  EXPECT_EQ(cudnnBackendSetAttribute(good, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, four),
            CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendFinalize(good), CUDNN_STATUS_BAD_PARAM);
  int64_t found;
  EXPECT_EQ(cudnnBackendGetAttribute(o, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                     0, &found, nullptr),
            CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
  // A result of another shape; two tensors of one uid; a result that is virtual; no convolution.
  BackendDesc x = bf16(api, kUidX, kX), w = bf16(api, kUidW, kW), y = bf16(api, kUidY, kY);
  const int64_t large[] = {2, 4, 3, 5};
  BackendDesc misfit = api.operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                                     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                                     {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                                      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                                      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y},
                                     {x, w, bf16(api, kUidY, large)});
  EXPECT_EQ(cudnnBackendFinalize(misfit), CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH);
  EXPECT_EQ(cudnnBackendFinalize(api.open_graph({api.forward(x, bf16(api, kUidX, kW), y)})),
            CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES);
  BackendDesc hidden = api.tensor(kUidSum, CUDNN_DATA_FLOAT, kY, true);
  EXPECT_EQ(cudnnBackendFinalize(api.open_graph({api.forward(x, w, hidden)})),
            CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendFinalize(api.open_graph({api.pointwise(y, nullptr, hidden)})),
            CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN);
  EXPECT_EQ(cudnnBackendFinalize(api.open_pack({1, 2}, {nullptr}, nullptr)),
            CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(cudnnBackendFinalize(api.open_pack({1, 1}, {nullptr, nullptr}, nullptr)),
            CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES);
  // A failure that a test asks for, and a descriptor that is gone.
  BackendDesc graph = api.open_graph({api.forward(x, w, y)});
  standin_fail("cudnnBackendFinalize", 1, 4001);
  EXPECT_EQ(cudnnBackendFinalize(graph), 4001);
  EXPECT_EQ(standin_live("cuDNN backend descriptor") > 10, true);
  api.destroy(x);
  EXPECT_EQ(cudnnBackendFinalize(graph), CUDNN_STATUS_BAD_PARAM);
}

TEST(a_plan_refuses_places_that_do_not_fit) {
  Gpu gpu;
  Api api;
  BackendDesc x = bf16(api, kUidX, kX), w = bf16(api, kUidW, kW), y = bf16(api, kUidY, kY);
  BackendDesc plan = api.plan(api.graph({api.forward(x, w, y)}));
  const size_t bytes = Api::workspace(plan);
  DeviceArray<uint16_t> gx(narrow(random_floats(count(kX) + 8, 1))),
      gw(narrow(random_floats(count(kW), 2))), gy(count(kY));
  DeviceArray<char> space(bytes), small(bytes - 1);
  const auto run = [&](void* px, void* py, void* workspace) {
    return cudnnBackendExecute(
        api.handle, plan, api.pack({kUidX, kUidW, kUidY}, {px, gw.data(), py}, workspace));
  };
  EXPECT_OK(run(gx.data(), gy.data(), space.data()));
  EXPECT_OK(run(gx.data() + 8, gy.data(), space.data()));
  EXPECT_EQ(run(gx.data() + 1, gy.data(), space.data()),
            CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER);
  EXPECT_EQ(run(gx.data() + 16, gy.data(), space.data()), CUDNN_STATUS_BAD_PARAM);
  EXPECT_CONTAINS(standin_message(), "are not inside one live device allocation");
  EXPECT_EQ(run(gx.data(), gy.data(), small.data()), CUDNN_STATUS_BAD_PARAM);
  EXPECT_EQ(run(gx.data(), gx.data(), space.data()), CUDNN_STATUS_BAD_PARAM);
  EXPECT_CONTAINS(standin_message(), "overlaps the result");
  DeviceArray<char> both(bytes + count(kY) * 2);
  EXPECT_EQ(run(gx.data(), both.data(), both.data()), CUDNN_STATUS_BAD_PARAM);
  EXPECT_CONTAINS(standin_message(), "overlaps the workspace");
  EXPECT_EQ(cudnnBackendExecute(api.handle, plan,
                                api.open_pack({kUidX, kUidW, kUidY},
                                              {gx.data(), gw.data(), gy.data()}, space.data())),
            CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
  EXPECT_EQ(cudnnBackendExecute(api.handle, plan, plan), CUDNN_STATUS_BAD_PARAM);
  // Another handle is another stream.
  cudnnHandle_t other;
  EXPECT_OK(cudnnCreate(&other));
  EXPECT_OK(cudnnBackendExecute(other, plan,
                                api.pack({kUidX, kUidW, kUidY},
                                         {gx.data(), gw.data(), gy.data()}, space.data())));
  EXPECT_OK(cudnnDestroy(other));
  // What a plan was made of must be there as long as it runs.
  api.destroy(w);
  EXPECT_EQ(run(gx.data(), gy.data(), space.data()), CUDNN_STATUS_BAD_PARAM);
  EXPECT_CONTAINS(standin_message(), "a part of the plan is gone");
}

namespace {

// Channels last; 2×8×3×2, so 12 rows of 8 channels.
constexpr int64_t kN[] = {2, 8, 3, 2}, kC[] = {1, 8, 1, 1};
enum : int64_t {
  kNx = 31, kNmean, kNinverse, kNweight, kNbias, kNeps, kNy, kNadded, kNdy, kNdx, kNdweight,
  kNdbias, kNmasked, kNa, kNb, kNc
};
constexpr size_t kRows = 12, kChannels = 8;

BackendDesc by_channel(Api& api, int64_t uid) { return api.tensor(uid, CUDNN_DATA_FLOAT, kC); }

size_t engines_of(Api& api, BackendDesc graph) { return api.configurations(graph).size(); }

void execute(Api& api, BackendDesc plan, const Numbers& uids, const std::vector<void*>& places) {
  DeviceArray<char> space(Api::workspace(plan));
  EXPECT_OK(cudnnBackendExecute(api.handle, plan, api.pack(uids, places, space.data())));
}

}  // namespace

TEST(a_norm_with_a_sum_and_a_relu_is_its_definition) {
  Gpu gpu;
  Api api;
  BackendDesc x = bf16(api, kNx, kN), y = bf16(api, kNy, kN), added = bf16(api, kNadded, kN);
  BackendDesc a = api.tensor(kNa, CUDNN_DATA_FLOAT, kN, true);
  BackendDesc b = api.tensor(kNb, CUDNN_DATA_FLOAT, kN, true);
  Descriptors tensors = {x,
                         by_channel(api, kNmean),
                         by_channel(api, kNinverse),
                         by_channel(api, kNweight),
                         by_channel(api, kNbias),
                         api.number(kNeps),
                         a};
  BackendDesc norm = api.open_norm(tensors);
  EXPECT_OK(cudnnBackendFinalize(norm));
  // In any order.
  BackendDesc plan =
      api.plan(api.graph({api.pointwise(b, nullptr, y), api.pointwise(a, added, b), norm}));

  const std::vector<float> xs = random_bf16(count(kN), 1), adds = random_bf16(count(kN), 2),
                           weights = random_floats(kChannels, 3),
                           biases = random_floats(kChannels, 4);
  DeviceArray<uint16_t> gx(narrow(xs)), gadded(narrow(adds)), gy(count(kN));
  DeviceArray<float> gmean(kChannels), ginverse(kChannels), gweight(weights), gbias(biases);
  float eps = 0.01f;
  execute(api, plan, {kNx, kNadded, kNy, kNmean, kNinverse, kNweight, kNbias, kNeps},
          {gx.data(), gadded.data(), gy.data(), gmean.data(), ginverse.data(), gweight.data(),
           gbias.data(), &eps});

  std::vector<double> ys(count(kN)), means(kChannels), inverses(kChannels);
  for (size_t c = 0; c < kChannels; c++) {
    double squares = 0;
    for (size_t r = 0; r < kRows; r++) means[c] += xs[r * kChannels + c] / kRows;
    for (size_t r = 0; r < kRows; r++) squares += std::pow(xs[r * kChannels + c] - means[c], 2);
    inverses[c] = 1 / std::sqrt(squares / kRows + eps);
    for (size_t r = 0; r < kRows; r++) {
      const size_t i = r * kChannels + c;
      ys[i] = std::max(
          0.0, weights[c] * (xs[i] - means[c]) * inverses[c] + biases[c] + adds[i]);
    }
  }
  expect_rounded(gmean.read(), means, 1e-6);
  expect_rounded(ginverse.read(), inverses, 1e-6);
  expect_rounded(widen(gy.read()), ys, 0x1p-8);

  // What cuDNN has no engine for: another order of sum and ReLU.
  BackendDesc c = api.tensor(kNc, CUDNN_DATA_FLOAT, kN, true);
  EXPECT_EQ(engines_of(api, api.graph({norm, api.pointwise(a, nullptr, c),
                                       api.pointwise(c, added, y)})),
            size_t{0});
  // A number that is not there, and statistics that are not for each channel.
  DeviceArray<char> space(Api::workspace(plan));
  EXPECT_EQ(cudnnBackendExecute(
                api.handle, plan,
                api.pack({kNx, kNadded, kNy, kNmean, kNinverse, kNweight, kNbias, kNeps},
                         {gx.data(), gadded.data(), gy.data(), gmean.data(), ginverse.data(),
                          gweight.data(), gbias.data(), nullptr},
                         space.data())),
            CUDNN_STATUS_BAD_PARAM);
  tensors[3] = api.tensor(kNc + 1, CUDNN_DATA_BFLOAT16, kC);
  EXPECT_EQ(cudnnBackendFinalize(api.open_norm(tensors)), CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH);
}

TEST(a_norms_gradients_are_their_definition) {
  Gpu gpu;
  Api api;
  const auto like_x = [&](int64_t uid) { return api.tensor(uid, CUDNN_DATA_FLOAT, kN); };
  BackendDesc norm = api.norm_backward(
      {like_x(kNx), by_channel(api, kNmean), by_channel(api, kNinverse), like_x(kNdy),
       by_channel(api, kNweight), by_channel(api, kNdweight), by_channel(api, kNdbias),
       like_x(kNdx)});
  BackendDesc plan = api.plan(api.graph({norm}));

  const std::vector<float> xs = random_floats(count(kN), 1), dys = random_floats(count(kN), 2),
                           means = random_floats(kChannels, 3),
                           inverses = random_floats(kChannels, 4),
                           weights = random_floats(kChannels, 5);
  DeviceArray<float> gx(xs), gdy(dys), gmean(means), ginverse(inverses), gweight(weights),
      gdx(count(kN)), gdweight(kChannels), gdbias(kChannels);
  execute(api, plan, {kNx, kNdy, kNmean, kNinverse, kNweight, kNdx, kNdweight, kNdbias},
          {gx.data(), gdy.data(), gmean.data(), ginverse.data(), gweight.data(), gdx.data(),
           gdweight.data(), gdbias.data()});

  std::vector<double> dx(count(kN)), dweight(kChannels), dbias(kChannels);
  const auto normalised = [&](size_t i) {
    return (xs[i] - double{means[i % kChannels]}) * inverses[i % kChannels];
  };
  for (size_t i = 0; i < dx.size(); i++) {
    dbias[i % kChannels] += dys[i];
    dweight[i % kChannels] += dys[i] * normalised(i);
  }
  for (size_t i = 0; i < dx.size(); i++) {
    const size_t c = i % kChannels;
    dx[i] = double{weights[c]} * inverses[c] *
            (dys[i] - dbias[c] / kRows - normalised(i) * dweight[c] / kRows);
  }
  expect_rounded(gdbias.read(), dbias, 1e-6);
  expect_rounded(gdweight.read(), dweight, 1e-6);
  expect_rounded(gdx.read(), dx, 1e-6);
}

// cuDNN 9.19 makes a plan for dy times a comparison before a norm's gradient, and its kernel reads
// the mask from address 0; the gradient of a ReLU itself has no engine there.
TEST(a_norms_gradient_behind_that_of_a_relu_is_caught) {
  Gpu gpu;
  Api api;
  const auto like_x = [&](int64_t uid) { return api.tensor(uid, CUDNN_DATA_FLOAT, kN); };
  BackendDesc y = like_x(kNy), dy = like_x(kNdy), masked = like_x(kNmasked);
  BackendDesc norm = api.norm_backward(
      {like_x(kNx), by_channel(api, kNmean), by_channel(api, kNinverse), masked,
       by_channel(api, kNweight), by_channel(api, kNdweight), by_channel(api, kNdbias),
       like_x(kNdx)});
  EXPECT_EQ(engines_of(api, api.graph({api.relu_backward(y, dy, masked), norm})), size_t{0});

  BackendDesc compares = api.open_pointwise(y, dy, masked, CUDNN_POINTWISE_CMP_GT);
  EXPECT_EQ(cudnnBackendFinalize(compares), CUDNN_STATUS_EXECUTION_FAILED);
  EXPECT_CONTAINS(standin_message(), "a norm's gradient faults");
  BackendDesc mask = api.open_tensor(kNa, CUDNN_DATA_BOOLEAN, kN, true, 1);
  EXPECT_EQ(cudnnBackendFinalize(mask), CUDNN_STATUS_EXECUTION_FAILED);
  EXPECT_CONTAINS(standin_message(), "a norm's gradient faults");
}
