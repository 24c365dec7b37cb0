#include "streams.h"

#include <algorithm>
#include <chrono>

#include "calls.h"
#include "graphs.h"
#include "library_support.h"
#include "memory.h"
#include "resources.h"
#include "settings.h"

struct CUevent_st {
  unsigned flags = 0;
  bool recorded = false;  // ever submitted
  CUstream stream = nullptr;
  uint64_t position = 0;  // in that stream
  double time = 0;  // by the host's clock
  // Recorded in a capture: what a stream that waits for it depends on.
  std::shared_ptr<stand_in::Capture> capture;
  std::vector<size_t> frontier;
};

namespace stand_in {
namespace {

// Seconds. Work is computed by the thread that submits it or waits for it, where a GPU works beside
// the host. So the host's clock stands still meanwhile; each stream has a time until which it is
// busy, work begins there or when it was submitted, whichever is later, and the host's clock moves
// on to it where the host waits.
struct HostClock {
  double computing = 0;
  double spent = 0;

  static double real() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  double now() const { return real() - computing + spent; }
  void wait_until(double time) { spent += std::max(0.0, time - now()); }
} host;

CUstream_st& default_stream() {
  static auto* stream = new CUstream_st;
  return *stream;
}

void run(CUstream stream, Work& work) {
  if (device_fault()) return;
  stream->busy_until = std::max(stream->busy_until, work.submitted);
  std::string message;
  const double begin = HostClock::real(), before = host.computing;
  const CUresult error = work.run(message);
  // Without what other work took that this one waited for.
  const double seconds = HostClock::real() - begin - (host.computing - before);
  host.computing += seconds;
  stream->busy_until += seconds;
  if (error) set_device_fault(error, work.what, message);
}

// Streams that the default stream waits for, and the other way round.
bool is_blocking(CUstream stream) { return !(stream->flags & CU_STREAM_NON_BLOCKING); }

void run_blocking_streams() {
  for (CUstream s : all_streams()) {
    if (is_blocking(s)) run_work(s, s->submitted);
  }
}

bool has_passed(CUevent event) {
  return !event->stream || !is_valid_stream(event->stream) ||
         event->stream->finished >= event->position;
}

template <class Body>
CUresult stream_call(const char* function, CUstream stream, Body body) {
  return call(function, Needs::context, [&]() -> CUresult {
    if (!is_valid_stream(stream)) return CUDA_ERROR_INVALID_HANDLE;
    return body(resolve(stream));
  });
}

template <class Body>
CUresult event_call(const char* function, CUevent event, Body body) {
  return call(function, Needs::context, [&]() -> CUresult {
    if (!alive("event", event)) return CUDA_ERROR_INVALID_HANDLE;
    return body();
  });
}

// Waiting for a capturing stream, or for anything a capture does not allow to be waited for.
CUresult refuse_wait(CUstream stream) {
  if (stream->capture) {
    stream->capture->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  return refuse_during_capture();
}

CUresult join_capture(CUstream stream, CUevent event) {
  if (event->capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  if (stream->capture && stream->capture != event->capture) {
    stream->capture->invalid = event->capture->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_MERGE;
  }
  stream->capture = event->capture;
  for (size_t node : event->frontier) {
    if (std::find(stream->frontier.begin(), stream->frontier.end(), node) ==
        stream->frontier.end()) {
      stream->frontier.push_back(node);
    }
  }
  return CUDA_SUCCESS;
}

}  // namespace

CUstream resolve(CUstream stream) { return is_default_stream(stream) ? &default_stream() : stream; }
bool is_default_stream(CUstream stream) {
  return reinterpret_cast<uintptr_t>(stream) <= 2 || stream == &default_stream();
}
bool is_valid_stream(CUstream stream) {
  return is_default_stream(stream) || alive("stream", stream);
}
bool stream_is_valid(CUstream stream) {
  std::lock_guard lock(state_mutex());
  return is_valid_stream(stream);
}

void spend_host_time(double seconds) { host.spent += seconds; }

std::vector<CUstream> all_streams() {
  std::vector<CUstream> streams;
  for (const void* s : alive_of("stream")) {
    streams.push_back(static_cast<CUstream>(const_cast<void*>(s)));
  }
  return streams;
}

void run_work(CUstream stream, uint64_t until) {
  while (stream->finished < until && !stream->queue.empty()) {
    Work work = std::move(stream->queue.front());
    stream->queue.pop_front();
    run(stream, work);
    stream->finished++;
  }
}

void run_all_work() {
  std::vector<CUstream> streams = all_streams();
  streams.insert(streams.begin(), &default_stream());
  if (settings().order == Order::reverse) std::reverse(streams.begin(), streams.end());
  if (settings().order == Order::shuffle) {
    std::shuffle(streams.begin(), streams.end(), shuffle_random());
  }
  for (CUstream s : streams) run_work(s, s->submitted);
  for (CUstream s : streams) host.wait_until(s->busy_until);
}

CUresult submit(CUstream handle, Work work, Timing timing) {
  CUstream stream = resolve(handle);
  if (stream->capture) {
    if (timing == Timing::asynchronous) return capture_work(stream, std::move(work));
    stream->capture->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  }
  if (stream == &default_stream()) {
    // The default stream would wait for every blocking stream that is capturing.
    for (CUstream s : all_streams()) {
      if (s->capture && is_blocking(s)) {
        s->capture->invalid = true;
        return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
      }
    }
    if (timing == Timing::synchronous) {
      if (CUresult refused = refuse_during_capture()) return refused;
    }
    // Queued work of blocking streams comes first, work queued later comes after.
    run_blocking_streams();
  } else if (is_blocking(stream)) {
    run_work(&default_stream(), default_stream().submitted);
  }
  stream->submitted++;
  work.submitted = host.now();
  stream->queue.push_back(std::move(work));
  if (timing == Timing::synchronous || !settings().lazy) run_work(stream, stream->submitted);
  if (timing == Timing::synchronous) host.wait_until(stream->busy_until);
  // A fault of asynchronous work shows at the next call.
  return timing == Timing::synchronous ? device_fault() : CUDA_SUCCESS;
}

CUresult finish_synchronisation() {
  if (!device_fault()) {
    const std::string damage = find_damage();
    if (!damage.empty()) set_device_fault(CUDA_ERROR_ILLEGAL_ADDRESS, "synchronisation", damage);
  }
  return device_fault();
}

void destroy_all_streams_and_events() {
  default_stream() = CUstream_st{};
  for (const void* s : alive_of("stream")) {
    destroyed("stream", s);
    delete static_cast<const CUstream_st*>(s);
  }
  for (const void* e : alive_of("event")) {
    destroyed("event", e);
    delete static_cast<const CUevent_st*>(e);
  }
}

}  // namespace stand_in

using namespace stand_in;

CUresult cuStreamCreateWithPriority(CUstream* stream, unsigned flags, int priority) {
  return call("cuStreamCreateWithPriority", Needs::context, [&] {
    if (flags & ~CU_STREAM_NON_BLOCKING) return CUDA_ERROR_INVALID_VALUE;
    *stream = new CUstream_st;
    (*stream)->flags = flags;
    (*stream)->priority = std::clamp(priority, -5, 0);
    created("stream", *stream);
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
  return call("cuStreamCreate", Needs::context, [&] {
    if (flags & ~CU_STREAM_NON_BLOCKING) return CUDA_ERROR_INVALID_VALUE;
    *stream = new CUstream_st;
    (*stream)->flags = flags;
    created("stream", *stream);
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamDestroy_v2(CUstream stream) {
  return release("cuStreamDestroy", [&] {
    if (!alive("stream", stream)) return CUDA_ERROR_INVALID_HANDLE;
    run_work(stream, stream->submitted);
    if (stream->capture) stream->capture->invalid = true;
    destroyed("stream", stream);
    delete stream;
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamSynchronize(CUstream stream) {
  return stream_call("cuStreamSynchronize", stream, [](CUstream s) {
    if (CUresult refused = refuse_wait(s)) return refused;
    if (is_default_stream(s)) run_blocking_streams();
    run_work(s, s->submitted);
    host.wait_until(s->busy_until);
    return finish_synchronisation();
  });
}

CUresult cuCtxSynchronize() {
  return call("cuCtxSynchronize", Needs::context, [] {
    if (any_capture()) {
      invalidate_captures();
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    run_all_work();
    return finish_synchronisation();
  });
}

CUresult cuStreamQuery(CUstream stream) {
  return stream_call("cuStreamQuery", stream, [](CUstream s) {
    if (CUresult refused = refuse_wait(s)) return refused;
    // Each look lets one more piece of work finish, so that polling comes to an end.
    run_work(s, s->finished + 1);
    if (CUresult fault = device_fault()) return fault;
    return s->finished < s->submitted ? CUDA_ERROR_NOT_READY : CUDA_SUCCESS;
  });
}

CUresult cuStreamGetPriority(CUstream stream, int* priority) {
  return stream_call("cuStreamGetPriority", stream, [&](CUstream s) {
    *priority = s->priority;
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamGetFlags(CUstream stream, unsigned* flags) {
  return stream_call("cuStreamGetFlags", stream, [&](CUstream s) {
    *flags = s->flags;
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned) {
  return stream_call("cuStreamWaitEvent", stream, [&](CUstream s) -> CUresult {
    if (!alive("event", event)) return CUDA_ERROR_INVALID_HANDLE;
    if (event->capture) return join_capture(s, event);
    if (s->capture) {
      s->capture->invalid = true;
      return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
    }
    if (has_passed(event)) {
      s->busy_until = std::max(s->busy_until, event->time);
      return CUDA_SUCCESS;
    }
    CUstream other = event->stream;
    const uint64_t position = event->position;
    return submit(s,
                  {"cuStreamWaitEvent", CU_GRAPH_NODE_TYPE_EMPTY,
                   [=](std::string&) {
                     if (is_valid_stream(other)) run_work(other, position);
                     if (alive("event", event)) {
                       s->busy_until = std::max(s->busy_until, event->time);
                     }
                     return CUDA_SUCCESS;
                   }},
                  Timing::asynchronous);
  });
}

CUresult cuLaunchHostFunc(CUstream stream, void (*function)(void*), void* data) {
  return stream_call("cuLaunchHostFunc", stream, [&](CUstream s) {
    return submit(s,
                  {"cuLaunchHostFunc", CU_GRAPH_NODE_TYPE_HOST,
                   [=](std::string&) {
                     function(data);
                     return CUDA_SUCCESS;
                   }},
                  Timing::asynchronous);
  });
}

CUresult cuEventCreate(CUevent* event, unsigned flags) {
  return call("cuEventCreate", Needs::context, [&] {
    *event = new CUevent_st;
    (*event)->flags = flags;
    created("event", *event);
    return CUDA_SUCCESS;
  });
}

CUresult cuEventDestroy_v2(CUevent event) {
  return release("cuEventDestroy", [&] {
    if (!alive("event", event)) return CUDA_ERROR_INVALID_HANDLE;
    if (!has_passed(event)) run_work(event->stream, event->position);
    destroyed("event", event);
    delete event;
    return CUDA_SUCCESS;
  });
}

CUresult cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned) {
  return cuEventRecord(event, stream);
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
  return event_call("cuEventRecord", event, [&]() -> CUresult {
    if (!is_valid_stream(stream)) return CUDA_ERROR_INVALID_HANDLE;
    CUstream s = resolve(stream);
    event->capture = s->capture;
    event->frontier = s->frontier;
    if (s->capture) return CUDA_SUCCESS;
    event->recorded = true;
    event->stream = s;
    event->position = s->submitted + 1;
    return submit(s,
                  {"cuEventRecord", CU_GRAPH_NODE_TYPE_EMPTY,
                   [=](std::string&) {
                     event->time = s->busy_until;
                     return CUDA_SUCCESS;
                   }},
                  Timing::asynchronous);
  });
}

CUresult cuEventSynchronize(CUevent event) {
  return event_call("cuEventSynchronize", event, [&]() -> CUresult {
    if (event->capture) {
      event->capture->invalid = true;
      return CUDA_ERROR_CAPTURED_EVENT;
    }
    if (CUresult refused = refuse_during_capture()) return refused;
    if (!has_passed(event)) run_work(event->stream, event->position);
    host.wait_until(event->time);
    return finish_synchronisation();
  });
}

CUresult cuEventQuery(CUevent event) {
  return event_call("cuEventQuery", event, [&]() -> CUresult {
    if (event->capture) {
      event->capture->invalid = true;
      return CUDA_ERROR_CAPTURED_EVENT;
    }
    if (CUresult refused = refuse_during_capture()) return refused;
    if (!has_passed(event)) run_work(event->stream, event->stream->finished + 1);
    if (CUresult fault = device_fault()) return fault;
    return has_passed(event) && event->time <= host.now() ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
  });
}

CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
  return event_call("cuEventElapsedTime", start, [&]() -> CUresult {
    if (!alive("event", end) || !start->recorded || !end->recorded ||
        (start->flags | end->flags) & CU_EVENT_DISABLE_TIMING) {
      return CUDA_ERROR_INVALID_HANDLE;
    }
    if (!has_passed(start) || !has_passed(end)) return CUDA_ERROR_NOT_READY;
    *milliseconds = static_cast<float>(1e3 * (end->time - start->time));
    return CUDA_SUCCESS;
  });
}
