// A test is a function; a failed check says where and goes on.
#pragma once
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace check {

struct Test {
  const char* name;
  void (*run)();
};

std::vector<Test>& tests();
extern int failures;
// Counts a failure; true for the first few of a test, which are printed.
bool failed();

struct Register {
  Register(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

template <class A, class B>
void equal(const A& actual, const B& expected, const char* text, const char* file, int line) {
  if (actual == expected) return;
  if (!failed()) return;
  if constexpr (std::is_convertible_v<A, std::string>) {
    std::printf("%s:%d: %s is \"%s\", not \"%s\"\n", file, line, text,
                std::string(actual).c_str(), std::string(expected).c_str());
  } else {
    std::printf("%s:%d: %s is %.9g, not %.9g\n", file, line, text, static_cast<double>(actual),
                static_cast<double>(expected));
  }
}

inline void contains(const std::string& text, const std::string& part, const char* file, int line) {
  if (text.find(part) != std::string::npos) return;
  if (!failed()) return;
  std::printf("%s:%d: \"%s\" does not contain \"%s\"\n", file, line, text.c_str(), part.c_str());
}

}  // namespace check

#define TEST(NAME)                                          \
  static void NAME();                                       \
  static const check::Register register_##NAME(#NAME, NAME); \
  static void NAME()
#define EXPECT_EQ(ACTUAL, EXPECTED) check::equal(ACTUAL, EXPECTED, #ACTUAL, __FILE__, __LINE__)
#define EXPECT_CONTAINS(TEXT, PART) check::contains(TEXT, PART, __FILE__, __LINE__)
#define EXPECT_OK(CALL) EXPECT_EQ(CALL, 0)
