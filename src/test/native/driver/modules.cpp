#include "modules.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "calls.h"
#include "device.h"
#include "executor.h"
#include "faults.h"
#include "graphs.h"
#include "library_support.h"
#include "memory.h"
#include "object_seal.h"
#include "resources.h"
#include "settings.h"
#include "streams.h"

struct CUfunc_st {
  CUmodule module;
  const stand_in::Kernel* kernel;
  unsigned dynamic_shared_limit;
};

struct CUmod_st {
  void* library;  // from dlopen
  const stand_in::Module* module;
  std::map<std::string, CUfunc_st> functions;
  std::vector<std::pair<uint64_t, size_t>> globals;
};

namespace stand_in {
namespace {

constexpr unsigned kDynamicSharedDefault = 48 << 10;
CUresult invalid_image(const std::string& why) {
  diagnose("cuModuleLoadData", why);
  return CUDA_ERROR_INVALID_IMAGE;
}

// The size of an object, up to its seal; 0 if it has none or is not what was sealed.
size_t sealed_size(const char* image) {
  Elf64_Ehdr header;
  std::memcpy(&header, image, sizeof header);
  const size_t size = header.e_shoff + size_t{header.e_shnum} * header.e_shentsize;
  ObjectSeal seal;
  std::memcpy(&seal, image + size, sizeof seal);
  const bool whole = std::memcmp(seal.mark, kSealMark, sizeof seal.mark) == 0 &&
                     seal.hash == seal_hash(image, size);
  return whole ? size : 0;
}

// Each load is a library of its own, with its own variables: the dynamic linker knows libraries by
// name, so each gets a file of its own, which is gone once it is open.
void* load_library(const void* bytes, size_t size) {
  const char* folder = std::getenv("TMPDIR");
  std::string path = std::string(folder && *folder ? folder : "/tmp") + "/stand-in-XXXXXX";
  const int file = mkstemp(path.data());
  if (file < 0) return nullptr;
  const bool written = write(file, bytes, size) == static_cast<ssize_t>(size);
  close(file);
  void* library = written ? dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
  unlink(path.c_str());
  return library;
}

CUresult open_module(CUmodule* result, const void* bytes, size_t size) {
  void* library = load_library(bytes, size);
  if (!library) {
    const char* why = dlerror();
    return invalid_image(why ? why : "cannot write a temporary file");
  }
  const auto* module = static_cast<const Module*>(dlsym(library, "stand_in_module"));
  if (!module) {
    dlclose(library);
    return invalid_image("a library that the stand-in's NVRTC did not make");
  }
  const int have = settings().compute_capability;
  const int want = static_cast<int>(module->architecture);
  if (want / 10 != have / 10 || want > have) {
    dlclose(library);
    diagnose("cuModuleLoadData", "made for sm_" + std::to_string(want) + ", the GPU is sm_" +
                                     std::to_string(have));
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  auto* loaded = new CUmod_st{library, module, {}, {}};
  for (unsigned i = 0; i < module->kernel_count; i++) {
    const Kernel* kernel = module->kernels[i];
    loaded->functions[kernel->name] = {loaded, kernel, kDynamicSharedDefault};
  }
  created("module", loaded);
  *result = loaded;
  return CUDA_SUCCESS;
}

// NVRTC's PTX of the stand-in is a comment that names the object's file.
CUresult open_ptx(CUmodule* result, const char* text) {
  constexpr char kMark[] = "// stand-in object: ";
  if (std::strncmp(text, kMark, sizeof kMark - 1) != 0) {
    return invalid_image("neither an object nor PTX of the stand-in's NVRTC");
  }
  const char* path = text + sizeof kMark - 1;
  std::ifstream file(std::string(path, std::strcspn(path, "\n")), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  if (bytes.empty()) return invalid_image("the object that the PTX names is gone");
  return open_module(result, bytes.data(), bytes.size());
}

CUresult open_image(CUmodule* result, const void* image) {
  if (CUresult refused = refuse_during_capture()) return refused;
  if (!image) return CUDA_ERROR_INVALID_VALUE;
  if (std::memcmp(image, ELFMAG, SELFMAG) != 0) {
    return open_ptx(result, static_cast<const char*>(image));
  }
  size_t size = 0;
  CUresult fault;
  std::string message;
  // A damaged header can point anywhere.
  run_guarded([&] { size = sealed_size(static_cast<const char*>(image)); }, fault, message);
  if (size == 0) return invalid_image("damaged, or not made by the stand-in's NVRTC");
  return open_module(result, image, size);
}

// Handles of functions that were given out and whose module is loaded.
std::set<CUfunction>& functions() {
  static auto* known = new std::set<CUfunction>;
  return *known;
}

void close_module(CUmodule module) {
  for (const auto& [base, bytes] : module->globals) remove_module_memory(base, bytes);
  for (auto& [name, function] : module->functions) functions().erase(&function);
  dlclose(module->library);
  delete module;
}

template <class Body>
CUresult function_call(const char* name, CUfunction function, Body body) {
  return call(name, Needs::context, [&]() -> CUresult {
    if (!functions().count(function)) return CUDA_ERROR_INVALID_HANDLE;
    return body();
  });
}

// The values of a launch's arguments, kept until it runs.
class Arguments {
 public:
  explicit Arguments(const Kernel& kernel) : kernel_(&kernel) {
    for (unsigned i = 0; i < kernel.parameter_count; i++) {
      const Parameter& p = kernel.parameters[i];
      bytes_ = (bytes_ + p.alignment - 1) / p.alignment * p.alignment;
      offsets_.push_back(bytes_);
      bytes_ += p.size;
    }
    storage_.resize(bytes_ / sizeof(std::max_align_t) + 1);
  }

  // From cuLaunchKernel's `arguments` or `extra`; false if neither will do.
  bool read(void** arguments, void** extra) {
    if (arguments) {
      for (unsigned i = 0; i < kernel_->parameter_count; i++) {
        if (!arguments[i]) return false;
        std::memcpy(at(i), arguments[i], kernel_->parameters[i].size);
      }
      return true;
    }
    const void* buffer = nullptr;
    size_t size = 0;
    for (void** e = extra; e && *e; e += 2) {
      if (*e == reinterpret_cast<void*>(1)) buffer = e[1];
      if (*e == reinterpret_cast<void*>(2)) size = *static_cast<size_t*>(e[1]);
    }
    if (buffer && size >= bytes_) std::memcpy(data(), buffer, bytes_);
    return (buffer && size >= bytes_) || kernel_->parameter_count == 0;
  }

  // The first pointer that a kernel must not follow, as a text; "" if all will do.
  std::string bad_pointer() {
    for (unsigned i = 0; i < kernel_->parameter_count; i++) {
      uint64_t pointer;
      if (!kernel_->parameters[i].pointer) continue;
      std::memcpy(&pointer, at(i), sizeof pointer);
      if (pointer && !is_reachable(pointer, 1)) {
        return std::string(kernel_->name) + ": argument " + std::to_string(i) +
               " is no live device pointer: " + describe_address(pointer);
      }
    }
    return "";
  }

  std::vector<void*> pointers() {
    std::vector<void*> result;
    for (unsigned i = 0; i < kernel_->parameter_count; i++) result.push_back(at(i));
    return result;
  }

 private:
  char* data() { return reinterpret_cast<char*>(storage_.data()); }
  void* at(unsigned i) { return data() + offsets_[i]; }

  const Kernel* kernel_;
  size_t bytes_ = 0;
  std::vector<size_t> offsets_;
  std::vector<std::max_align_t> storage_;
};

}  // namespace

void unload_all_modules() {
  for (const void* m : alive_of("module")) {
    destroyed("module", m);
    close_module(static_cast<CUmodule>(const_cast<void*>(m)));
  }
}

}  // namespace stand_in

using namespace stand_in;

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  return call("cuModuleLoadData", Needs::context, [&] { return open_image(module, image); });
}

CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned, int*, void**) {
  return call("cuModuleLoadDataEx", Needs::context, [&] { return open_image(module, image); });
}

CUresult cuModuleLoad(CUmodule* module, const char* path) {
  return call("cuModuleLoad", Needs::context, [&]() -> CUresult {
    std::ifstream file(path, std::ios::binary);
    if (!file) return CUDA_ERROR_FILE_NOT_FOUND;
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    bytes.resize(std::max(bytes.size(), sizeof(Elf64_Ehdr)));
    return open_image(module, bytes.c_str());
  });
}

CUresult cuModuleUnload(CUmodule module) {
  return release("cuModuleUnload", [&] {
    if (!alive("module", module)) return CUDA_ERROR_INVALID_HANDLE;
    run_all_work();
    destroyed("module", module);
    close_module(module);
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
  return call("cuModuleGetFunction", Needs::context, [&] {
    if (!alive("module", module)) return CUDA_ERROR_INVALID_HANDLE;
    auto found = module->functions.find(name);
    if (found == module->functions.end()) return CUDA_ERROR_NOT_FOUND;
    *function = &found->second;
    functions().insert(*function);
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleGetGlobal_v2(CUdeviceptr* pointer, size_t* bytes, CUmodule module,
                              const char* name) {
  return call("cuModuleGetGlobal", Needs::context, [&] {
    if (!alive("module", module)) return CUDA_ERROR_INVALID_HANDLE;
    void* address = dlsym(module->library, name);
    Dl_info info;
    void* extra = nullptr;
    if (!address || !dladdr1(address, &info, &extra, RTLD_DL_SYMENT) || !extra ||
        ELF64_ST_TYPE(static_cast<const Elf64_Sym*>(extra)->st_info) != STT_OBJECT) {
      return CUDA_ERROR_NOT_FOUND;
    }
    const size_t size = static_cast<const Elf64_Sym*>(extra)->st_size;
    const auto base = reinterpret_cast<uint64_t>(address);
    add_module_memory(base, size);
    module->globals.emplace_back(base, size);
    if (pointer) *pointer = base;
    if (bytes) *bytes = size;
    return CUDA_SUCCESS;
  });
}

CUresult cuFuncGetAttribute(int* value, int attribute, CUfunction function) {
  return function_call("cuFuncGetAttribute", function, [&] {
    switch (attribute) {
      case 0:  // MAX_THREADS_PER_BLOCK
        *value = static_cast<int>(function->kernel->max_threads);
        break;
      case 4:  // NUM_REGS
        *value = 32;
        break;
      case 5:  // PTX_VERSION
      case 6:  // BINARY_VERSION
        *value = static_cast<int>(function->module->module->architecture);
        break;
      case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
        *value = static_cast<int>(function->dynamic_shared_limit);
        break;
      default:
        *value = 0;
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value) {
  return function_call("cuFuncSetAttribute", function, [&] {
    if (attribute == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) {
      if (value < 0 || value > shared_memory_most()) {
        return CUDA_ERROR_INVALID_VALUE;
      }
      function->dynamic_shared_limit = static_cast<unsigned>(value);
    }
    return CUDA_SUCCESS;
  });
}

CUresult cuFuncSetCacheConfig(CUfunction function, int) {
  return function_call("cuFuncSetCacheConfig", function, [] { return CUDA_SUCCESS; });
}

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z,
                        unsigned dynamic_shared, CUstream stream, void** arguments, void** extra) {
  return function_call("cuLaunchKernel", function, [&]() -> CUresult {
    if (!is_valid_stream(stream)) return CUDA_ERROR_INVALID_HANDLE;
    const Kernel& kernel = *function->kernel;
    auto refuse = [&](const std::string& why) {
      diagnose("cuLaunchKernel", std::string(kernel.name) + ": " + why);
      return CUDA_ERROR_INVALID_VALUE;
    };
    const uint64_t threads = uint64_t{block_x} * block_y * block_z;
    if (!grid_x || !grid_y || !grid_z || !threads) return refuse("an empty grid or block");
    if (grid_x > 0x7fffffffu || grid_y > 65535 || grid_z > 65535) return refuse("grid too large");
    if (threads > kernel.max_threads || block_x > 1024 || block_y > 1024 || block_z > 64) {
      return refuse("a block of " + std::to_string(threads) + " threads; it takes at most " +
                    std::to_string(kernel.max_threads));
    }
    if (dynamic_shared > function->dynamic_shared_limit) {
      return refuse(std::to_string(dynamic_shared) + " bytes of dynamic shared memory, of which " +
                    std::to_string(function->dynamic_shared_limit) + " are allowed");
    }
    auto values = std::make_shared<Arguments>(kernel);
    bool complete = false;
    CUresult fault;
    std::string message;
    // What the caller passes may be no pointer at all.
    if (!run_guarded([&] { complete = values->read(arguments, extra); }, fault, message)) {
      return refuse("cannot read the arguments, " + message);
    }
    if (!complete) return refuse("arguments are missing");
    const Launch launch{&kernel, function->module->module, {grid_x, grid_y, grid_z},
                        {block_x, block_y, block_z}, dynamic_shared};
    return submit(stream,
                  {"cuLaunchKernel", CU_GRAPH_NODE_TYPE_KERNEL,
                   [=](std::string& text) -> CUresult {
                     text = values->bad_pointer();
                     if (!text.empty()) return CUDA_ERROR_ILLEGAL_ADDRESS;
                     return run_kernel(launch, values->pointers().data(), text);
                   }},
                  Timing::asynchronous);
  });
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction function, int threads,
                                                     size_t dynamic_shared) {
  return function_call("cuOccupancyMaxActiveBlocksPerMultiprocessor", function, [&] {
    if (threads < 1) return CUDA_ERROR_INVALID_VALUE;
    *blocks = std::min(32, 2048 / threads);
    const int taken = static_cast<int>(dynamic_shared) + kReservedShared;
    *blocks = std::min(*blocks, (shared_memory_most() + kReservedShared) / taken);
    return CUDA_SUCCESS;
  });
}

CUresult cuOccupancyMaxPotentialBlockSize(int* grid, int* block, CUfunction function, void*, size_t,
                                          int limit) {
  return function_call("cuOccupancyMaxPotentialBlockSize", function, [&] {
    *block = static_cast<int>(function->kernel->max_threads);
    if (limit > 0) *block = std::min(*block, limit);
    *grid = settings().multiprocessors * std::max(1, 2048 / *block);
    return CUDA_SUCCESS;
  });
}
