#include <cstring>
#include <exception>
#include <mutex>
#include <string>

#include "compiler.h"
#include "library_support.h"
#include "nvrtc_api.h"

struct _nvrtcProgram {
  stand_in::Compilation compilation;
  bool for_gpu = false;  // compiled for sm_XX rather than compute_XX
  stand_in::Compiled compiled{};
};

namespace {

constexpr int kArchitectures[] = {50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90};
constexpr char kKind[] = "NVRTC program";

template <class Body>
nvrtcResult call(const char* function, Body body,
                 nvrtcResult planned_default = NVRTC_ERROR_INTERNAL_ERROR) {
  // Compiling needs no device, so a lost one does not matter.
  if (int planned = stand_in::enter(function, planned_default, 0)) return planned;
  try {
    return body();
  } catch (const std::exception& e) {
    stand_in::diagnose(function, e.what());
    return NVRTC_ERROR_INTERNAL_ERROR;
  }
}

template <class Body>
nvrtcResult program_call(const char* function, nvrtcProgram program, Body body) {
  return call(function, [&]() -> nvrtcResult {
    if (!stand_in::alive(kKind, program)) return NVRTC_ERROR_INVALID_PROGRAM;
    return body();
  });
}

bool is_supported(int architecture) {
  for (int a : kArchitectures) {
    if (a == architecture) return true;
  }
  return false;
}

// The text behind "--long=" or "-short=" of an option; false if it is neither.
bool value_of(const std::string& option, const char* long_name, const char* short_name,
              std::string& value) {
  for (const char* name : {long_name, short_name}) {
    const std::string prefix = std::string(name) + "=";
    if (option.rfind(prefix, 0) == 0) {
      value = option.substr(prefix.size());
      return true;
    }
  }
  return false;
}

class Options {
 public:
  explicit Options(_nvrtcProgram& program) : program_(program) {}

  bool read(int count, const char* const* options) {
    program_.compilation.architecture = 52;  // NVRTC's default
    program_.compilation.flags = {"-std=c++17"};
    program_.compilation.macros.clear();
    program_.for_gpu = false;
    for (int i = 0; i < count; i++) {
      std::string option = options[i];
      const bool takes_next = option == "-I" || option == "-D" || option == "-arch" ||
                              option == "--gpu-architecture" || option == "-std";
      if (takes_next && i + 1 < count) {
        const bool joined = option == "-I" || option == "-D";
        option += (joined ? "" : "=") + std::string(options[++i]);
      }
      if (!read_one(option)) {
        program_.compiled.log = "nvrtc: error: invalid value for option or unknown option: " +
                                option + "\n";
        return false;
      }
    }
    return true;
  }

 private:
  bool read_one(const std::string& option) {
    auto& flags = program_.compilation.flags;
    std::string value;
    if (value_of(option, "--gpu-architecture", "-arch", value)) return architecture(value);
    if (value_of(option, "--std", "-std", value)) {
      flags[0] = "-std=" + value;
      return value == "c++11" || value == "c++14" || value == "c++17" || value == "c++20";
    }
    auto& macros = program_.compilation.macros;
    if (option.rfind("-I", 0) == 0) {
      flags.push_back(option);
      return true;
    }
    if (option.rfind("-D", 0) == 0 || option.rfind("-U", 0) == 0) {
      macros.push_back((option[1] == 'U' ? "-" : "") + option.substr(2));
      return true;
    }
    if (value_of(option, "--define-macro", "--define-macro", value)) {
      macros.push_back(value);
      return true;
    }
    if (value_of(option, "--include-path", "--include-path", value)) {
      flags.push_back("-I" + value);
      return true;
    }
    if (value_of(option, "--fmad", "-fmad", value)) {
      flags.push_back(value == "false" ? "-ffp-contract=off" : "-ffp-contract=fast");
      return value == "true" || value == "false";
    }
    // What changes nothing here.
    static const char* const kIgnored[] = {
        "--use_fast_math", "-use_fast_math", "--generate-line-info", "-lineinfo", "--device-debug",
        "-G", "--restrict", "-restrict", "--extra-device-vectorization",
        "-extra-device-vectorization",
        "--device-as-default-execution-space", "-default-device", "--disable-warnings", "-w",
        "--display-error-number", "--no-display-error-number", "--relocatable-device-code=false",
        "-rdc=false", "--minimal", "-minimal"};
    for (const char* ignored : kIgnored) {
      if (option == ignored) return true;
    }
    static const char* const kIgnoredPrefixes[] = {
        "--maxrregcount=", "-maxrregcount=", "--ftz=", "-ftz=", "--prec-sqrt=", "-prec-sqrt=",
        "--prec-div=", "-prec-div=", "--diag-suppress=", "--diag-error=", "--diag-warn=",
        "--ptxas-options", "-Xptxas", "--split-compile="};
    for (const char* prefix : kIgnoredPrefixes) {
      if (option.rfind(prefix, 0) == 0) return true;
    }
    return false;
  }

  bool architecture(const std::string& value) {
    const bool real = value.rfind("sm_", 0) == 0;
    if (!real && value.rfind("compute_", 0) != 0) return false;
    const int number = std::atoi(value.c_str() + value.find('_') + 1);
    program_.for_gpu = real;
    program_.compilation.architecture = static_cast<unsigned>(number);
    return is_supported(number);
  }

  _nvrtcProgram& program_;
};

std::string ptx_of(const _nvrtcProgram& program) {
  return "// stand-in object: " + program.compiled.path + "\n.version 8.5\n.target sm_" +
         std::to_string(program.compilation.architecture) + "\n";
}

}  // namespace

nvrtcResult nvrtcVersion(int* major, int* minor) {
  *major = 12;
  *minor = 6;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetNumSupportedArchs(int* count) {
  return call("nvrtcGetNumSupportedArchs", [&] {
    *count = sizeof kArchitectures / sizeof *kArchitectures;
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetSupportedArchs(int* architectures) {
  return call("nvrtcGetSupportedArchs", [&] {
    std::memcpy(architectures, kArchitectures, sizeof kArchitectures);
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char* source, const char* name,
                               int header_count, const char* const* headers,
                               const char* const* include_names) {
  return call(
      "nvrtcCreateProgram",
      [&] {
        if (!source || header_count < 0 || (header_count && (!headers || !include_names))) {
          return NVRTC_ERROR_INVALID_INPUT;
        }
        auto* created = new _nvrtcProgram;
        created->compilation.source = source;
        created->compilation.name = name && *name ? name : "default_program";
        for (int i = 0; i < header_count; i++) {
          created->compilation.headers[include_names[i]] = headers[i];
        }
        stand_in::created(kKind, created);
        *program = created;
        return NVRTC_SUCCESS;
      },
      NVRTC_ERROR_PROGRAM_CREATION_FAILURE);
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program) {
  const int planned = stand_in::enter("nvrtcDestroyProgram", NVRTC_ERROR_INTERNAL_ERROR, 0);
  if (!program || !stand_in::destroyed(kKind, *program)) return NVRTC_ERROR_INVALID_PROGRAM;
  delete *program;
  *program = nullptr;
  return planned;
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int count, const char* const* options) {
  return program_call("nvrtcCompileProgram", program, [&]() -> nvrtcResult {
    if (!Options(*program).read(count, options)) return NVRTC_ERROR_INVALID_OPTION;
    program->compiled = stand_in::compile(program->compilation);
    return program->compiled.good ? NVRTC_SUCCESS : NVRTC_ERROR_COMPILATION;
  });
}

nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, size_t* size) {
  return program_call("nvrtcGetCUBINSize", program, [&] {
    *size = program->for_gpu ? program->compiled.object.size() : 0;
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char* cubin) {
  return program_call("nvrtcGetCUBIN", program, [&] {
    if (!program->compiled.good || !program->for_gpu) return NVRTC_ERROR_INVALID_PROGRAM;
    std::memcpy(cubin, program->compiled.object.data(), program->compiled.object.size());
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, size_t* size) {
  return program_call("nvrtcGetPTXSize", program, [&] {
    *size = ptx_of(*program).size() + 1;
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetPTX(nvrtcProgram program, char* ptx) {
  return program_call("nvrtcGetPTX", program, [&] {
    if (!program->compiled.good) return NVRTC_ERROR_INVALID_PROGRAM;
    std::strcpy(ptx, ptx_of(*program).c_str());
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t* size) {
  return program_call("nvrtcGetProgramLogSize", program, [&] {
    *size = program->compiled.log.size() + 1;
    return NVRTC_SUCCESS;
  });
}

nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char* log) {
  return program_call("nvrtcGetProgramLog", program, [&] {
    std::strcpy(log, program->compiled.log.c_str());
    return NVRTC_SUCCESS;
  });
}

const char* nvrtcGetErrorString(nvrtcResult result) {
  switch (result) {
    case NVRTC_SUCCESS: return "NVRTC_SUCCESS";
    case NVRTC_ERROR_OUT_OF_MEMORY: return "NVRTC_ERROR_OUT_OF_MEMORY";
    case NVRTC_ERROR_PROGRAM_CREATION_FAILURE: return "NVRTC_ERROR_PROGRAM_CREATION_FAILURE";
    case NVRTC_ERROR_INVALID_INPUT: return "NVRTC_ERROR_INVALID_INPUT";
    case NVRTC_ERROR_INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
    case NVRTC_ERROR_INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
    case NVRTC_ERROR_COMPILATION: return "NVRTC_ERROR_COMPILATION";
    case NVRTC_ERROR_INTERNAL_ERROR: return "NVRTC_ERROR_INTERNAL_ERROR";
    default: return "NVRTC_ERROR unknown";
  }
}
