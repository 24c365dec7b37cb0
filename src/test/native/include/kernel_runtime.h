// What a kernel compiled for the host and the executor in libcuda.so.1 know of each other.
//
// Included in every kernel's translation unit, so it includes no standard header: device code must
// not see names that NVRTC would not give it.
#pragma once

struct uint3 {
  unsigned x, y, z;
};

namespace stand_in {

// The block that one operating system thread is running.
struct Block {
  unsigned next;      // first thread not yet started
  unsigned threads;   // in the block
  unsigned finished;  // threads that returned
  unsigned suspended;  // threads that wait at a barrier or a warp operation
  unsigned width, height, depth;
  const unsigned* order;  // in which threads start; null for 0, 1, 2, …
};

struct Parameter {
  unsigned size;
  unsigned alignment;
  bool pointer;
};

struct Kernel {
  const char* name;
  // Runs the threads of a block that have not started; they may suspend and come in any order.
  void (*suspending)(void** arguments, Block* block);
  // The same for threads that never suspend, in order; which of the two is bound to this name, the
  // linker is told when it is known whether the kernel's machine code calls a barrier.
  void (*in_order)(void** arguments, Block* block);
  const Parameter* parameters;
  unsigned parameter_count;
  unsigned max_threads;  // from __launch_bounds__, else 1024
};

// Each compiled object exports one of these as `stand_in_module`.
struct Module {
  unsigned architecture;  // 90 for sm_90
  unsigned kernel_count;
  const Kernel* const* kernels;
  char* (*dynamic_shared)();  // this thread's storage for `extern __shared__`; null if unused
  unsigned dynamic_shared_capacity;
  char* (*touch_shared)();  // makes this thread's copy of the static __shared__ variables exist
};

}  // namespace stand_in

#pragma GCC visibility push(default)
extern "C" {
// threadIdx and its kin: one copy per operating system thread, set by the executor and the loops
// below. initial-exec makes an access as cheap as that of a global variable.
#define STAND_IN_INDEX(NAME) \
  extern __thread __attribute__((tls_model("initial-exec"))) uint3 NAME __asm__("stand_in_" #NAME)
STAND_IN_INDEX(threadIdx);
STAND_IN_INDEX(blockIdx);
STAND_IN_INDEX(blockDim);
STAND_IN_INDEX(gridDim);
#undef STAND_IN_INDEX

void stand_in_sync_threads();
// Publishes `bytes` (at most 32) of this lane, waits for all lanes of the mask, and returns the
// lanes' values, 32 bytes apart.
void* stand_in_warp_exchange(unsigned mask, const void* value, unsigned long bytes);
unsigned stand_in_lane();
void stand_in_thread_exit(stand_in::Block* block);
void stand_in_copy_async(void* target, const void* source, int bytes);
void stand_in_copy_commit();
void stand_in_copy_wait(int pending);
[[noreturn]] void stand_in_trap(const char* message);
int stand_in_sync_threads_count(int predicate);
}
#pragma GCC visibility pop

namespace stand_in {

template <class T>
struct Bare {
  using type = T;
  static constexpr bool pointer = false;
};
template <class T>
struct Bare<const T> : Bare<T> {};
template <class T>
struct Bare<T*> {
  using type = T*;
  static constexpr bool pointer = true;
};
template <class T>
struct Bare<T* const> : Bare<T*> {};

template <unsigned... I>
struct Indices {};
template <unsigned N, unsigned... I>
struct MakeIndices : MakeIndices<N - 1, N - 1, I...> {};
template <unsigned... I>
struct MakeIndices<0, I...> {
  using type = Indices<I...>;
};

// The threads of a block as one loop around kernel K. `flatten` inlines K into the loop.
template <auto K>
struct Threads;

template <class... A, void (*K)(A...)>
struct Threads<K> {
  static constexpr unsigned count = sizeof...(A);
  static constexpr Parameter parameters[count + 1] = {
      {sizeof(A), alignof(A), Bare<A>::pointer}..., {}};

  // At any call of K this stack can be left in the middle; the remaining threads then run in
  // another copy of this loop, on another stack.
  __attribute__((flatten)) static void suspending(Block* b, A... a) {
    const bool line = b->height == 1 && b->depth == 1;
    threadIdx.y = threadIdx.z = 0;
    while (b->next < b->threads) {
      const unsigned t = b->order ? b->order[b->next++] : b->next++;
      if (line) {
        threadIdx.x = t;
      } else {
        threadIdx = {t % b->width, t / b->width % b->height, t / (b->width * b->height)};
      }
      K(a...);
      b->finished++;
      if (__builtin_expect(b->suspended, 0)) stand_in_thread_exit(b);
    }
  }

  // For kernels without a barrier, in order: plain loops, which the compiler may vectorise.
  __attribute__((flatten)) static void independent(Block* b, A... a) {
    const unsigned width = b->width, height = b->height, depth = b->depth;
    for (unsigned z = 0; z < depth; z++) {
      for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) {
          threadIdx = {x, y, z};
          K(a...);
        }
      }
    }
    b->next = b->finished = b->threads;
  }

  template <bool SUSPENDING, unsigned... I>
  static void unpack(void** arguments, Block* b, Indices<I...>) {
    if constexpr (SUSPENDING) {
      suspending(b, *static_cast<typename Bare<A>::type*>(arguments[I])...);
    } else {
      independent(b, *static_cast<typename Bare<A>::type*>(arguments[I])...);
    }
  }

  template <bool SUSPENDING>
  static void run(void** arguments, Block* b) {
    unpack<SUSPENDING>(arguments, b, typename MakeIndices<count>::type{});
  }
};

}  // namespace stand_in

// Describes kernel K.
#define STAND_IN_KERNEL(K, MAX_THREADS)                                                       \
  extern "C" void stand_in_in_order_##K(void**, stand_in::Block*);                            \
  extern "C" void stand_in_suspending_##K(void** arguments, stand_in::Block* block) {         \
    stand_in::Threads<&K>::run<true>(arguments, block);                                       \
  }                                                                                           \
  extern "C" void stand_in_independent_##K(void** arguments, stand_in::Block* block) {        \
    stand_in::Threads<&K>::run<false>(arguments, block);                                      \
  }                                                                                           \
  static const stand_in::Kernel stand_in_kernel_##K = {                                       \
      #K,                                                                                     \
      stand_in_suspending_##K,                                                                \
      stand_in_in_order_##K,                                                                  \
      stand_in::Threads<&K>::parameters,                                                      \
      stand_in::Threads<&K>::count,                                                           \
      static_cast<unsigned>(MAX_THREADS)};
