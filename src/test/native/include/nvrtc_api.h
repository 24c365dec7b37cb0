// NVRTC, as far as the stand-in has it. Constants are those of the NVRTC manual.
#pragma once
#include <cstddef>

struct _nvrtcProgram;
using nvrtcProgram = _nvrtcProgram*;
using nvrtcResult = int;

inline constexpr nvrtcResult NVRTC_SUCCESS = 0;
inline constexpr nvrtcResult NVRTC_ERROR_OUT_OF_MEMORY = 1;
inline constexpr nvrtcResult NVRTC_ERROR_PROGRAM_CREATION_FAILURE = 2;
inline constexpr nvrtcResult NVRTC_ERROR_INVALID_INPUT = 3;
inline constexpr nvrtcResult NVRTC_ERROR_INVALID_PROGRAM = 4;
inline constexpr nvrtcResult NVRTC_ERROR_INVALID_OPTION = 5;
inline constexpr nvrtcResult NVRTC_ERROR_COMPILATION = 6;
inline constexpr nvrtcResult NVRTC_ERROR_INTERNAL_ERROR = 11;

#define STAND_IN_NVRTC extern "C" __attribute__((visibility("default"))) nvrtcResult

STAND_IN_NVRTC nvrtcVersion(int* major, int* minor);
STAND_IN_NVRTC nvrtcGetNumSupportedArchs(int* count);
STAND_IN_NVRTC nvrtcGetSupportedArchs(int* architectures);
STAND_IN_NVRTC nvrtcCreateProgram(nvrtcProgram* program, const char* source, const char* name,
                                  int header_count, const char* const* headers,
                                  const char* const* include_names);
STAND_IN_NVRTC nvrtcDestroyProgram(nvrtcProgram* program);
STAND_IN_NVRTC nvrtcCompileProgram(nvrtcProgram program, int count, const char* const* options);
STAND_IN_NVRTC nvrtcGetCUBINSize(nvrtcProgram program, size_t* size);
STAND_IN_NVRTC nvrtcGetCUBIN(nvrtcProgram program, char* cubin);
STAND_IN_NVRTC nvrtcGetPTXSize(nvrtcProgram program, size_t* size);
STAND_IN_NVRTC nvrtcGetPTX(nvrtcProgram program, char* ptx);
STAND_IN_NVRTC nvrtcGetProgramLogSize(nvrtcProgram program, size_t* size);
STAND_IN_NVRTC nvrtcGetProgramLog(nvrtcProgram program, char* log);
extern "C" __attribute__((visibility("default"))) const char* nvrtcGetErrorString(nvrtcResult);
