#include "resources.h"

#include <map>
#include <mutex>
#include <set>

#include "calls.h"
#include "library_support.h"

namespace stand_in {
namespace {

struct Resources {
  std::map<std::string, std::set<const void*>> live;
  std::map<std::string, long> leaked;
};

Resources& state() {
  static auto* resources = new Resources;
  return *resources;
}

std::string report(const std::map<std::string, long>& counts) {
  std::string text;
  for (const auto& [kind, count] : counts) {
    if (count == 0) continue;
    if (!text.empty()) text += ", ";
    text += std::to_string(count) + " " + kind;
  }
  return text;
}

}  // namespace

void created(const char* kind, const void* handle) {
  std::lock_guard lock(state_mutex());
  state().live[kind].insert(handle);
}

bool destroyed(const char* kind, const void* handle) {
  std::lock_guard lock(state_mutex());
  return state().live[kind].erase(handle) > 0;
}

bool alive(const char* kind, const void* handle) {
  std::lock_guard lock(state_mutex());
  return state().live[kind].count(handle) > 0;
}

std::vector<const void*> alive_of(const std::string& kind) {
  const auto& handles = state().live[kind];
  return {handles.begin(), handles.end()};
}

void count_leaked(const std::string& kind) {
  state().leaked[kind] += static_cast<long>(state().live[kind].size());
}

long live_count(const std::string& kind) {
  long count = 0;
  for (const auto& [name, handles] : state().live) {
    if (kind.empty() || name == kind) count += static_cast<long>(handles.size());
  }
  return count;
}

long leaked_count(const std::string& kind) {
  long count = 0;
  for (const auto& [name, leaked] : state().leaked) {
    if (kind.empty() || name == kind) count += leaked;
  }
  return count;
}

std::string live_report() {
  std::map<std::string, long> counts;
  for (const auto& [kind, handles] : state().live) counts[kind] = static_cast<long>(handles.size());
  return report(counts);
}

std::string leak_report() { return report(state().leaked); }

void reset_resources() { state() = Resources{}; }

}  // namespace stand_in
