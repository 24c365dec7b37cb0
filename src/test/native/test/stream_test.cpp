// Streams, events, lazy work, capture and graphs.
#include <atomic>
#include <thread>

#include "cublas_api.h"
#include "gpu.h"

namespace {

struct Scale {
  float factor, offset;
};

// y = x + 1 on a stream.
CUresult add_one(CUfunction affine, CUdeviceptr x, CUdeviceptr y, CUstream stream) {
  const unsigned char flag = 0;
  return launch(affine, {1, 1, 0, stream}, x, y, Scale{1.0f, 1.0f}, flag, 1ll);
}

// A module, two streams and an event, freed at the end.
class Streams : public Gpu {
 public:
  Streams() {
    EXPECT_OK(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
    EXPECT_OK(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
    EXPECT_OK(cuEventCreate(&event, 0));
    EXPECT_OK(cuEventCreate(&other, 0));
    module = load_kernels("basic.cu");
    affine = function_of(module, "affine");
    EXPECT_OK(cuMemHostAlloc(reinterpret_cast<void**>(&pinned), 16, 0));
  }
  ~Streams() {
    EXPECT_OK(cuMemFreeHost(pinned));
    EXPECT_OK(cuModuleUnload(module));
    EXPECT_OK(cuEventDestroy_v2(other));
    EXPECT_OK(cuEventDestroy_v2(event));
    EXPECT_OK(cuStreamDestroy_v2(b));
    EXPECT_OK(cuStreamDestroy_v2(a));
  }
  CUgraph end() {
    CUgraph graph = nullptr;
    EXPECT_OK(cuStreamEndCapture(a, &graph));
    return graph;
  }
  CUgraphExec instantiate(CUgraph graph) {
    CUgraphExec executable = nullptr;
    EXPECT_OK(cuGraphInstantiate_v2(&executable, graph, nullptr, nullptr, 0));
    EXPECT_OK(cuGraphDestroy(graph));
    return executable;
  }
  CUstream a, b;
  CUevent event, other;
  CUmodule module;
  CUfunction affine;
  float* pinned;
};

}  // namespace

TEST(lazy_work_runs_only_when_waited_for) {
  Streams s;
  standin_set("lazy", "1");
  DeviceArray<float> x(std::vector<float>{1.0f}), y(std::vector<float>{0.0f});
  EXPECT_OK(add_one(s.affine, x.pointer(), y.pointer(), s.a));
  *s.pinned = -1;
  EXPECT_OK(cuMemcpyDtoHAsync_v2(s.pinned, y.pointer(), 4, s.a));
  EXPECT_EQ(*s.pinned, -1.0f);       // not yet
  EXPECT_EQ(y.read()[0], 0.0f);      // the default stream does not wait for a non-blocking one
  EXPECT_OK(cuStreamSynchronize(s.a));
  EXPECT_EQ(*s.pinned, 2.0f);
  // A pinned buffer that is written again before its copy ran.
  *s.pinned = 10;
  EXPECT_OK(cuMemcpyHtoDAsync_v2(x.pointer(), s.pinned, 4, s.a));
  *s.pinned = 20;
  EXPECT_OK(cuStreamSynchronize(s.a));
  EXPECT_EQ(x.read()[0], 20.0f);
  // Pageable memory is read before the call returns.
  float local = 5;
  EXPECT_OK(cuMemcpyHtoDAsync_v2(x.pointer(), &local, 4, s.a));
  local = 6;
  EXPECT_OK(cuStreamSynchronize(s.a));
  EXPECT_EQ(x.read()[0], 5.0f);
}

TEST(events_order_streams) {
  Streams s;
  standin_set("lazy", "1");
  DeviceArray<float> x(std::vector<float>{1.0f}), y(std::vector<float>{0.0f});
  EXPECT_OK(add_one(s.affine, x.pointer(), y.pointer(), s.a));
  EXPECT_OK(cuMemcpyDtoHAsync_v2(s.pinned, y.pointer(), 4, s.b));
  EXPECT_OK(cuStreamSynchronize(s.b));
  EXPECT_EQ(*s.pinned, 0.0f);  // without an event, the other stream came first
  EXPECT_OK(add_one(s.affine, y.pointer(), y.pointer(), s.a));
  EXPECT_OK(cuEventRecord(s.event, s.a));
  EXPECT_EQ(cuEventQuery(s.event), CUDA_ERROR_NOT_READY);
  EXPECT_OK(cuStreamWaitEvent(s.b, s.event, 0));
  EXPECT_OK(cuMemcpyDtoHAsync_v2(s.pinned, y.pointer(), 4, s.b));
  EXPECT_OK(cuStreamSynchronize(s.b));
  EXPECT_EQ(*s.pinned, 3.0f);
  EXPECT_OK(cuEventQuery(s.event));
  EXPECT_OK(cuEventRecord(s.other, s.a));
  EXPECT_OK(cuEventSynchronize(s.other));
  float milliseconds = -1;
  EXPECT_OK(cuEventElapsedTime(&milliseconds, s.event, s.other));
  EXPECT_EQ(milliseconds >= 0, true);
}

TEST(a_captured_step_is_replayed) {
  for (const char* lazy : {"0", "1"}) {
    Streams s;
    standin_set("lazy", lazy);
    cublasHandle_t blas;
    EXPECT_OK(cublasCreate_v2(&blas));
    EXPECT_OK(cublasSetStream_v2(blas, s.a));
    DeviceArray<float> x(std::vector<float>{1.0f}), two(std::vector<float>{2.0f});
    EXPECT_OK(cuStreamBeginCapture_v2(s.a, CU_STREAM_CAPTURE_MODE_GLOBAL));
    EXPECT_OK(add_one(s.affine, x.pointer(), x.pointer(), s.a));
    const float zero = 0, one = 1;
    CUdeviceptr none;
    EXPECT_EQ(cuMemAlloc_v2(&none, 4), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    CUgraph graph;
    EXPECT_EQ(cuStreamEndCapture(s.a, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);

    DeviceArray<float> y(std::vector<float>{0.0f});
    EXPECT_OK(cuStreamBeginCapture_v2(s.a, CU_STREAM_CAPTURE_MODE_GLOBAL));
    EXPECT_OK(add_one(s.affine, x.pointer(), x.pointer(), s.a));
    EXPECT_OK(cublasSgemm_v2(blas, 0, 0, 1, 1, 1, &one, x.data(), 1, two.data(), 1, &zero,
                             y.data(), 1));
    EXPECT_OK(cuMemcpyDtoHAsync_v2(s.pinned, y.pointer(), 4, s.a));
    EXPECT_OK(cuMemsetD32Async(two.pointer(), 0x40400000, 1, s.a));
    graph = s.end();
    size_t nodes = 0, edges = 0;
    EXPECT_OK(cuGraphGetNodes(graph, nullptr, &nodes));
    EXPECT_OK(cuGraphGetEdges(graph, nullptr, nullptr, &edges));
    EXPECT_EQ(nodes, 4u);
    EXPECT_EQ(edges, 3u);
    CUgraphNode list[4];
    EXPECT_OK(cuGraphGetNodes(graph, list, &nodes));
    int type;
    EXPECT_OK(cuGraphNodeGetType(list[2], &type));
    EXPECT_EQ(type, CU_GRAPH_NODE_TYPE_MEMCPY);
    EXPECT_EQ(x.read()[0], 1.0f);  // nothing has run
    CUgraphExec executable = s.instantiate(graph);
    EXPECT_OK(cuGraphLaunch(executable, s.a));
    EXPECT_OK(cuGraphLaunch(executable, s.a));
    EXPECT_OK(cuStreamSynchronize(s.a));
    EXPECT_EQ(*s.pinned, 9.0f);  // (1 + 1 + 1) · 3
    EXPECT_OK(cuGraphExecDestroy(executable));
    EXPECT_OK(cublasDestroy_v2(blas));
  }
}

TEST(a_graph_forks_and_joins_across_streams) {
  Streams s;
  const std::vector<float> zero = {0.0f};
  DeviceArray<float> x(std::vector<float>{1.0f}), y(zero), z(zero);
  auto capture = [&](bool join) {
    EXPECT_OK(cuStreamBeginCapture_v2(s.a, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    EXPECT_OK(cuEventRecord(s.event, s.a));
    EXPECT_OK(cuStreamWaitEvent(s.b, s.event, 0));
    int capturing = 0;
    EXPECT_OK(cuStreamIsCapturing(s.b, &capturing));
    EXPECT_EQ(capturing, 1);
    EXPECT_OK(add_one(s.affine, x.pointer(), y.pointer(), s.b));
    EXPECT_OK(add_one(s.affine, x.pointer(), x.pointer(), s.a));  // races with the one above
    EXPECT_OK(cuEventRecord(s.other, s.b));
    if (join) EXPECT_OK(cuStreamWaitEvent(s.a, s.other, 0));
    EXPECT_OK(add_one(s.affine, y.pointer(), z.pointer(), s.a));
  };
  CUgraph graph;
  capture(false);
  EXPECT_EQ(cuStreamEndCapture(s.a, &graph), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
  capture(true);
  CUgraphExec executable = s.instantiate(s.end());
  EXPECT_OK(cuGraphLaunch(executable, s.a));
  EXPECT_EQ(y.read()[0], 2.0f);
  EXPECT_EQ(z.read()[0], 3.0f);
  EXPECT_EQ(x.read()[0], 2.0f);
  // The branches are independent: in another order the race shows, the join still holds.
  standin_set("order", "reverse");
  EXPECT_OK(cuGraphLaunch(executable, s.a));
  EXPECT_EQ(x.read()[0], 3.0f);
  EXPECT_EQ(y.read()[0], 4.0f);
  EXPECT_EQ(z.read()[0], 5.0f);
  EXPECT_OK(cuGraphExecDestroy(executable));
}

TEST(what_a_capture_does_not_allow) {
  Streams s;
  CUgraph graph;
  float host = 0;
  DeviceArray<float> x(1);
  CUstream blocking;
  EXPECT_OK(cuStreamCreate(&blocking, 0));
  EXPECT_EQ(cuStreamBeginCapture_v2(nullptr, 0), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_EQ(cuStreamEndCapture(s.a, &graph), CUDA_ERROR_INVALID_VALUE);
  auto spoils = [&](CUstream stream, auto action, CUresult expected) {
    EXPECT_OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    EXPECT_EQ(action(), expected);
    EXPECT_EQ(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  };
  const CUresult unsupported = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  spoils(s.a, [&] { return cuStreamSynchronize(s.a); }, unsupported);
  spoils(s.a, [&] { return cuCtxSynchronize(); }, unsupported);
  spoils(s.a, [&] { return cuStreamQuery(s.a); }, unsupported);
  spoils(s.a, [&] { return cuMemcpyDtoH_v2(&host, x.pointer(), 4); }, unsupported);
  spoils(s.a, [&] { return cuMemcpyDtoHAsync_v2(&host, x.pointer(), 4, s.a); }, unsupported);
  spoils(s.a, [&] { return cuMemFree_v2(x.pointer()); }, unsupported);
  auto wait_for_captured = [&] {
    EXPECT_OK(cuEventRecord(s.event, s.a));
    return cuEventSynchronize(s.event);
  };
  spoils(s.a, wait_for_captured, CUDA_ERROR_CAPTURED_EVENT);
  EXPECT_OK(cuEventRecord(s.other, s.b));
  spoils(s.a, [&] { return cuStreamWaitEvent(s.a, s.other, 0); },
         CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
  spoils(blocking, [&] { return cuMemsetD32_v2(x.pointer(), 0, 1); },
         CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
  // Ending it elsewhere.
  EXPECT_OK(cuStreamBeginCapture_v2(s.a, CU_STREAM_CAPTURE_MODE_RELAXED));
  EXPECT_OK(cuEventRecord(s.event, s.a));
  EXPECT_OK(cuStreamWaitEvent(s.b, s.event, 0));
  EXPECT_EQ(cuStreamEndCapture(s.b, &graph), CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
  CUdeviceptr p;
  EXPECT_OK(cuMemAlloc_v2(&p, 4));  // a relaxed capture allows it
  EXPECT_OK(cuMemFree_v2(p));
  EXPECT_OK(cuGraphDestroy(s.end()));
  EXPECT_OK(cuStreamDestroy_v2(blocking));
}

TEST(a_capture_ends_even_where_its_end_fails) {
  Streams s;
  CUgraph graph;
  int capturing = 1;
  EXPECT_OK(cuStreamBeginCapture_v2(s.a, CU_STREAM_CAPTURE_MODE_GLOBAL));
  standin_fail("cuStreamEndCapture", 1, 0);
  EXPECT_EQ(cuStreamEndCapture(s.a, &graph), CUDA_ERROR_UNKNOWN);
  EXPECT_OK(cuStreamIsCapturing(s.a, &capturing));
  EXPECT_EQ(capturing, 0);
  EXPECT_EQ(standin_live("graph"), 0);
}

TEST(host_threads_may_call_at_the_same_time) {
  Streams s;
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&] {
      wrong += cuCtxSetCurrent(s.context) != 0;
      CUdeviceptr x;
      wrong += cuMemAlloc_v2(&x, 40000) != 0;
      for (int i = 0; i < 20; i++) {
        wrong += cuMemsetD32_v2(x, 0, 10000) != 0;
        wrong += launch(s.affine, {40, 256}, x, x, Scale{1.0f, 1.0f}, static_cast<unsigned char>(0),
                        10000ll) != 0;
        std::vector<float> values(10000);
        wrong += cuMemcpyDtoH_v2(values.data(), x, 40000) != 0;
        for (float v : values) wrong += v != 1.0f;
      }
      wrong += cuMemFree_v2(x) != 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(a_graph_whose_memory_is_gone_fails) {
  Streams s;
  s.leaves_resources();
  DeviceArray<float> x(std::vector<float>{1.0f});
  EXPECT_OK(cuStreamBeginCapture_v2(s.a, 0));
  EXPECT_OK(add_one(s.affine, x.pointer(), x.pointer(), s.a));
  CUgraphExec executable = s.instantiate(s.end());
  EXPECT_OK(cuMemFree_v2(x.release()));
  EXPECT_OK(cuGraphLaunch(executable, s.a));
  EXPECT_EQ(cuGraphExecDestroy(executable), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_CONTAINS(standin_message(), "freed device memory");
  standin_reset();
  EXPECT_OK(cuInit(0));
  EXPECT_OK(cuDevicePrimaryCtxRetain(&s.context, 0));
  EXPECT_OK(cuCtxSetCurrent(s.context));
  // What the frame will free.
  EXPECT_OK(cuStreamCreate(&s.a, 0));
  EXPECT_OK(cuStreamCreate(&s.b, 0));
  EXPECT_OK(cuEventCreate(&s.event, 0));
  EXPECT_OK(cuEventCreate(&s.other, 0));
  s.module = load_kernels("basic.cu");
  EXPECT_OK(cuMemHostAlloc(reinterpret_cast<void**>(&s.pinned), 16, 0));
}
