// Which handles are alive, by kind, and which were still alive when their context ended.
#pragma once
#include <string>
#include <vector>

namespace stand_in {

void created(const char* kind, const void* handle);
bool destroyed(const char* kind, const void* handle);
bool alive(const char* kind, const void* handle);
std::vector<const void*> alive_of(const std::string& kind);
// Counts what is alive of this kind as leaked.
void count_leaked(const std::string& kind);

long live_count(const std::string& kind);    // "": of all kinds
long leaked_count(const std::string& kind);
std::string live_report();
std::string leak_report();
void reset_resources();

}  // namespace stand_in
