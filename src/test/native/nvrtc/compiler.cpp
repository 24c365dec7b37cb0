#include "compiler.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "object_seal.h"
#include "source_scan.h"

#ifndef STAND_IN_CXX
#define STAND_IN_CXX "g++"
#endif

extern char** environ;

namespace stand_in {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kDynamicSharedCapacity = 232448;
constexpr unsigned kDynamicSharedGuard = 256;

// target/stand-in, of which this library is in lib/.
fs::path this_library() {
  Dl_info info;
  dladdr(reinterpret_cast<void*>(this_library), &info);
  return fs::weakly_canonical(info.dli_fname);
}

fs::path home() { return this_library().parent_path().parent_path(); }

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

struct Outcome {
  bool good;
  std::string output;  // standard output and error together
};

Outcome run(const std::vector<std::string>& command, const fs::path& folder) {
  const fs::path output = folder / "output.txt";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child;
  const int error =
      posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error) return {false, "cannot start " + command[0] + "\n"};
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return {WIFEXITED(status) && WEXITSTATUS(status) == 0, read_file(output)};
}

// Kernels whose machine code calls neither the executor nor a function that might. What the math
// library and g++'s checks do suspends no thread.
std::set<std::string> barrier_free(const std::vector<KernelName>& kernels,
                                   const std::string& relocations) {
  std::set<std::string> free;
  for (const KernelName& kernel : kernels) free.insert(kernel.name);
  std::string section;
  std::istringstream lines(relocations);
  for (std::string line; std::getline(lines, line);) {
    constexpr char kHead[] = "RELOCATION RECORDS FOR [.text.";
    if (line.rfind(kHead, 0) == 0) {
      section = line.substr(sizeof kHead - 1, line.find(']') - sizeof kHead + 1);
      continue;
    }
    std::istringstream words(line);
    std::string offset, type, symbol;
    words >> offset >> type >> symbol;
    const bool index = type.find("TPOFF") != std::string::npos;  // threadIdx and its kin
    const bool call = symbol.rfind("stand_in_", 0) == 0 || symbol.rfind("_Z", 0) == 0 ||
                      symbol.rfind(".text", 0) == 0;
    if (call && !index && type.find("TLS") == std::string::npos &&
        type.find("DTPOFF") == std::string::npos) {
      free.erase(section);
    }
  }
  return free;
}

// The kernels' file, and behind it what describes it to the executor.
std::string wrapper(const Compilation& c, const SourceScan& scan) {
  std::ostringstream out;
  // The program's macros must not reach into the device language's headers.
  for (const std::string& macro : c.macros) {
    const size_t equals = std::min(macro.find('='), macro.size());
    if (macro[0] == '-') {
      out << "#undef " << macro.substr(1) << "\n";
    } else {
      out << "#define " << macro.substr(0, equals) << " "
          << (equals < macro.size() ? macro.substr(equals + 1) : "1") << "\n";
    }
  }
  out << "#include \"" << fs::path(c.name).filename().string() << "\"\n";
  for (const KernelName& kernel : scan.kernels) {
    out << "STAND_IN_KERNEL(" << kernel.name << ", ("
        << (kernel.max_threads.empty() ? "1024" : kernel.max_threads) << "))\n";
  }
  out << "static const stand_in::Kernel* const stand_in_kernels[] = {";
  for (const KernelName& kernel : scan.kernels) out << "&stand_in_kernel_" << kernel.name << ", ";
  out << "nullptr};\n"
      << "static thread_local char stand_in_shared_anchor;\n"
      << "static char* stand_in_touch_shared() { return &stand_in_shared_anchor; }\n";
  if (!scan.dynamic_shared.empty()) {
    // Defines the variable that the kernels' file declares, under another name of the language.
    out << "alignas(1024) __attribute__((visibility(\"hidden\"))) thread_local char "
        << "stand_in_dynamic_shared_storage[" << kDynamicSharedCapacity + kDynamicSharedGuard
        << "] __asm__(\"" << scan.dynamic_shared[0] << "\");\n"
        << "static char* stand_in_dynamic_shared() { return stand_in_dynamic_shared_storage; }\n";
  }
  out << "extern \"C\" __attribute__((visibility(\"default\"))) const stand_in::Module "
      << "stand_in_module = {" << c.architecture << ", " << scan.kernels.size()
      << ", stand_in_kernels, "
      << (scan.dynamic_shared.empty() ? "nullptr" : "stand_in_dynamic_shared") << ", "
      << (scan.dynamic_shared.empty() ? 0 : kDynamicSharedCapacity + kDynamicSharedGuard)
      << ", stand_in_touch_shared};\n";
  return out.str();
}

std::vector<std::string> host_flags() {
  std::vector<std::string> flags = {
      "-O3", "-fPIC", "-fvisibility=hidden", "-fno-semantic-interposition",
      // Every load of a module has variables of its own.
      "-fno-gnu-unique",
      // Kernels read float4 out of float arrays and the like.
      "-fno-strict-aliasing",
      // `extern __shared__` needs no initialisation.
      "-fno-extern-tls-init", "-fno-threadsafe-statics", "-fno-exceptions", "-fno-rtti",
      "-ffunction-sections", "-w", "-nostdinc",
      "-fsanitize=bounds,alignment", "-fno-sanitize-recover=all"};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    flags.push_back("-march=x86-64-v3");
  }
  return flags;
}

std::string fingerprint(const std::string& text) {
  // FNV-1a, 128 bits: names files of a cache that only tests write.
  using Wide = unsigned __int128;
  const Wide prime = (static_cast<Wide>(1) << 88) + 0x13b;
  Wide hash = (static_cast<Wide>(0x6c62272e07bb0142) << 64) + 0x62b821756295c58d;
  for (unsigned char c : text) hash = (hash ^ c) * prime;
  char name[33];
  std::snprintf(name, sizeof name, "%016llx%016llx", static_cast<unsigned long long>(hash >> 64),
                static_cast<unsigned long long>(hash));
  return name;
}

// All that objects of any program depend on: this library, its headers, the compiler.
const std::string& common_fingerprint() {
  static const std::string common = [] {
    std::string all = std::string(STAND_IN_CXX) + " " __VERSION__;
    for (const std::string& flag : host_flags()) all += "\n" + flag;
    std::set<fs::path> files = {this_library()};
    for (const auto& entry : fs::directory_iterator(home() / "include")) files.insert(entry.path());
    for (const fs::path& path : files) all += "\n" + read_file(path);
    return fingerprint(all);
  }();
  return common;
}

// The CUDA headers of a folder that an option names, whether or not they are included.
std::string headers_in(const std::string& flag) {
  std::string all;
  if (flag.rfind("-I", 0) != 0 || !fs::is_directory(flag.substr(2))) return all;
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(flag.substr(2))) {
    if (entry.path().extension() == ".cuh") files.insert(entry.path());
  }
  for (const fs::path& path : files) all += "\n" + path.string() + "\n" + read_file(path);
  return all;
}

std::string cache_key(const Compilation& c) {
  std::string all = common_fingerprint() + "\n" + std::to_string(c.architecture) + "\n" + c.name +
                    "\n" + c.source;
  for (const auto& [name, text] : c.headers) all += "\n" + name + "\n" + text;
  for (const std::string& macro : c.macros) all += "\n" + macro;
  for (const std::string& flag : c.flags) all += "\n" + flag + headers_in(flag);
  return fingerprint(all);
}

std::string sealed(std::string object) {
  ObjectSeal seal;
  std::memcpy(seal.mark, kSealMark, sizeof seal.mark);
  seal.hash = seal_hash(object.data(), object.size());
  return object.append(reinterpret_cast<const char*>(&seal), sizeof seal);
}

Compiled compile_in(const fs::path& folder, const Compilation& c, const fs::path& result) {
  const fs::path source = folder / fs::path(c.name).filename();
  write_file(source, c.source);
  for (const auto& [name, text] : c.headers) write_file(folder / "headers" / name, text);
  std::vector<std::string> base = {STAND_IN_CXX, "-x", "c++"};
  base.insert(base.end(), c.flags.begin(), c.flags.end());
  base.push_back("-I" + (folder / "headers").string());

  std::vector<std::string> scan_command = base;
  for (const std::string& macro : c.macros) {
    scan_command.push_back(macro[0] == '-' ? "-U" + macro.substr(1) : "-D" + macro);
  }
  for (const char* word : {"-w", "-nostdinc", "-E", "-P"}) scan_command.push_back(word);
  scan_command.push_back(source);
  const Outcome scanned = run(scan_command, folder);
  if (!scanned.good) return {false, scanned.output, {}, {}};
  const SourceScan scan = scan_source(scanned.output);
  if (scan.dynamic_shared.size() > 1) {
    return {false, "the stand-in takes one name for dynamic shared memory in a file\n", {}, {}};
  }

  write_file(folder / "wrapper.cpp", wrapper(c, scan));
  std::vector<std::string> command = base;
  for (const std::string& flag : host_flags()) command.push_back(flag);
  for (const std::string& word :
       {"-I" + (home() / "include").string(), std::string("-include"),
        std::string("device_language.h"), std::string("-c"), (folder / "wrapper.cpp").string(),
        std::string("-o"), (folder / "kernels.o").string()}) {
    command.push_back(word);
  }
  const Outcome compiled = run(command, folder);
  if (!compiled.good) return {false, compiled.output, {}, {}};

  const Outcome relocations = run({"objdump", "-r", (folder / "kernels.o").string()}, folder);
  std::set<std::string> free;
  if (relocations.good) free = barrier_free(scan.kernels, relocations.output);
  std::vector<std::string> link = {STAND_IN_CXX, "-shared", "-Wl,-z,now", "-Wl,--gc-sections",
                                   "-o", (folder / "kernels.so").string(),
                                   (folder / "kernels.o").string()};
  for (const KernelName& kernel : scan.kernels) {
    link.push_back("-Wl,--defsym=stand_in_in_order_" + kernel.name + "=stand_in_" +
                   (free.count(kernel.name) ? "independent_" : "suspending_") + kernel.name);
  }
  link.push_back((home() / "lib" / "libcuda.so.1").string());
  const Outcome linked = run(link, folder);
  if (!linked.good) return {false, linked.output, {}, {}};
  const std::string object = sealed(read_file(folder / "kernels.so"));
  write_file(folder / "kernels.so", object);
  fs::rename(folder / "kernels.so", result);
  return {true, compiled.output, object, result};
}

// Messages name the file as the program does, not where it lay for a moment.
std::string without(std::string text, const std::string& prefix) {
  for (size_t at; (at = text.find(prefix)) != std::string::npos;) text.erase(at, prefix.size());
  return text;
}

}  // namespace

Compiled compile(const Compilation& c) {
  const fs::path cache = home() / "cache";
  fs::create_directories(cache);
  const std::string key = cache_key(c);
  const fs::path result = cache / (key + ".so");
  if (fs::exists(result)) return {true, "", read_file(result), result};
  const fs::path folder = cache / (key + "." + std::to_string(getpid()));
  fs::create_directories(folder);
  Compiled compiled = compile_in(folder, c, result);
  compiled.log = without(compiled.log, folder.string() + "/headers/");
  compiled.log = without(compiled.log, folder.string() + "/");
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  return compiled;
}

}  // namespace stand_in
