// What the programs have in common: their arguments, their calls, the instruction sets they run on.
//
// The calls come from standard input, a line each, "NAME ALGORITHM PARAMETER...", with numbers for
// what the addon's spec has numbers for. They are made from the catalogue (programs.cjs), so that
// an operator is covered by its line there; the programs insist that none of the table is missing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/dispatch.h"

namespace softlane {
namespace testing {

[[noreturn]] inline void fail(const std::string& what) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s\n", what.c_str());
  std::_Exit(1);
}

// The value of "--name value" among the arguments.
inline std::string argument(int count, char** values, const char* name, const char* otherwise) {
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::string("--") + name == values[i]) return values[i + 1];
  }
  return otherwise;
}

inline long number(int count, char** values, const char* name, const char* otherwise) {
  return std::strtol(argument(count, values, name, otherwise).c_str(), nullptr, 10);
}

inline uint32_t bits_of(float a) {
  uint32_t b;
  std::memcpy(&b, &a, sizeof b);
  return b;
}

inline float float_of(uint32_t b) {
  float a;
  std::memcpy(&a, &b, sizeof a);
  return a;
}

// Those that this machine has, or the one that is asked for.
inline std::vector<const Isa*> isas(const std::string& only) {
  std::vector<const Isa*> found;
  for (int i = 0; i < isa_count(); i++) {
    if (isa_usable(i) && (only.empty() || only == isa_at(i).name)) found.push_back(&isa_at(i));
  }
  if (found.empty()) fail("expected an instruction set of this machine, received " + only);
  return found;
}

inline std::string first_word(const std::string& text) { return text.substr(0, text.find(' ')); }

struct TestCall {
  std::string text;
  Call call;  // without a shape
  const Operator& of(const Isa& isa) const { return isa.operators[call.op]; }
};

// Functions of the other tables are only for CPUs that have their instructions.
inline int operator_index(const std::string& name) {
  for (int i = 0; i < kScalar.operator_count; i++) {
    if (name == kScalar.operators[i].name) return i;
  }
  fail("expected an operator of the table, received " + name);
}

inline TestCall parse_call(const std::string& line) {
  const std::string name = first_word(line);
  TestCall result = {line, {}};
  result.call.op = operator_index(name);
  const char* at = line.c_str() + name.size();
  char* next;
  result.call.algorithm = static_cast<Algorithm>(std::strtol(at, &next, 10));
  for (double& parameter : result.call.params) {
    at = next;
    parameter = std::strtod(at, &next);
    if (at == next) fail("expected more parameters, received " + line);
  }
  Call wide = result.call;
  wide.rows = 1, wide.cols = wide.x_stride = wide.y_stride = size_t{10} << 17;  // groups of 10 too
  if (!result.of(kScalar).valid(wide)) fail("not valid: " + line);
  return result;
}

// What the runtime makes of `auto`, which it never hands to a kernel.
inline void choose_algorithm(const Operator& op, Call* call) {
  if (call->algorithm == Algorithm::kAuto && op.automatic != nullptr) {
    call->algorithm = op.automatic(call->cols);
  }
}

// `auto` is left out where there are calls by each algorithm.
inline std::vector<TestCall> read_calls() {
  std::vector<TestCall> calls;
  std::vector<bool> seen(static_cast<size_t>(kScalar.operator_count));
  std::vector<bool> chosen(seen.size());
  char line[1024];
  while (std::fgets(line, sizeof line, stdin) != nullptr) {
    line[std::strcspn(line, "\n")] = 0;
    const TestCall call = parse_call(line);
    seen[static_cast<size_t>(call.call.op)] = true;
    if (call.call.algorithm != Algorithm::kAuto) chosen[static_cast<size_t>(call.call.op)] = true;
    calls.push_back(call);
  }
  for (size_t i = 0; i < seen.size(); i++) {
    if (!seen[i]) fail(std::string("no call of ") + kScalar.operators[i].name);
  }
  const auto extra = [&](const TestCall& c) {
    return c.call.algorithm == Algorithm::kAuto && chosen[static_cast<size_t>(c.call.op)];
  };
  calls.erase(std::remove_if(calls.begin(), calls.end(), extra), calls.end());
  return calls;
}

}  // namespace testing
}  // namespace softlane
