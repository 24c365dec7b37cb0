#include "source_scan.h"

#include <algorithm>
#include <cctype>

namespace stand_in {
namespace {

bool is_name_character(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

std::vector<std::string> tokens_of(const std::string& text) {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const size_t begin = i;
    if (std::isspace(static_cast<unsigned char>(c))) {
      i++;
      continue;
    }
    if (is_name_character(c)) {
      while (i < text.size() && is_name_character(text[i])) i++;
    } else if (c == '"' || c == '\'') {
      for (i++; i < text.size() && text[i] != c; i++) {
        if (text[i] == '\\') i++;
      }
      i++;
    } else {
      i++;
    }
    tokens.push_back(text.substr(begin, i - begin));
  }
  return tokens;
}

bool is_name(const std::string& token) {
  return is_name_character(token[0]) && !std::isdigit(static_cast<unsigned char>(token[0]));
}

// From an opening parenthesis to behind its closing one; the text between goes to `inside`.
size_t skip_parentheses(const std::vector<std::string>& tokens, size_t i, std::string& inside) {
  int depth = 0;
  inside.clear();
  for (; i < tokens.size(); i++) {
    if (tokens[i] == ")" && --depth == 0) return i + 1;
    if (depth > 0) inside += tokens[i] + " ";
    if (tokens[i] == "(") depth++;
  }
  return i;
}

// From behind __global__: the kernel's name is the first name before a parenthesis that is not an
// attribute's.
KernelName kernel_at(const std::vector<std::string>& tokens, size_t i) {
  KernelName kernel;
  while (i + 1 < tokens.size() && tokens[i] != ";" && tokens[i] != "{") {
    if (is_name(tokens[i]) && tokens[i + 1] == "(") {
      const bool bounds = tokens[i] == "__launch_bounds__";
      if (!bounds && tokens[i] != "__attribute__" && tokens[i] != "__align__") {
        kernel.name = tokens[i];
        return kernel;
      }
      std::string inside;
      i = skip_parentheses(tokens, i + 1, inside);
      if (bounds) kernel.max_threads = inside.substr(0, inside.find(','));
    } else {
      i++;
    }
  }
  return kernel;
}

std::string shared_name_at(const std::vector<std::string>& tokens, size_t i) {
  std::string name, ignored;
  while (i < tokens.size() && tokens[i] != ";" && tokens[i] != "[") {
    if (tokens[i] == "(") {
      i = skip_parentheses(tokens, i, ignored);
    } else {
      if (is_name(tokens[i])) name = tokens[i];
      i++;
    }
  }
  return i < tokens.size() && tokens[i] == "[" ? name : "";
}

}  // namespace

SourceScan scan_source(const std::string& preprocessed) {
  const std::vector<std::string> tokens = tokens_of(preprocessed);
  SourceScan scan;
  int depth = 0;                   // of braces
  std::vector<int> linkage_blocks;  // depths of the open extern "C" { … }
  for (size_t i = 1; i < tokens.size(); i++) {
    const bool after_linkage = i > 1 && tokens[i - 2] == "extern" && tokens[i - 1] == "\"C\"";
    if (tokens[i] == "{") {
      if (after_linkage) linkage_blocks.push_back(depth);
      depth++;
    }
    if (tokens[i] == "}") {
      depth--;
      if (!linkage_blocks.empty() && linkage_blocks.back() == depth) linkage_blocks.pop_back();
    }
    if (tokens[i] == "__global__" && (after_linkage || !linkage_blocks.empty())) {
      KernelName kernel = kernel_at(tokens, i + 1);
      const auto same = [&](const KernelName& k) { return k.name == kernel.name; };
      if (!kernel.name.empty() &&
          std::none_of(scan.kernels.begin(), scan.kernels.end(), same)) {
        scan.kernels.push_back(kernel);
      }
    }
    if (tokens[i] == "__shared__" && tokens[i - 1] == "extern") {
      const std::string name = shared_name_at(tokens, i + 1);
      auto& names = scan.dynamic_shared;
      if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
        names.push_back(name);
      }
    }
  }
  return scan;
}

}  // namespace stand_in
