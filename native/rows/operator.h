// What an operator is to those who call it: a checked call, and functions of plain pointers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "state.h"

namespace softlane {

enum class Algorithm : int32_t { kAuto, kTwoPass, kThreePassRecompute, kThreePassReload, kOnline };
constexpr int kAlgorithms = 5;
constexpr const char* kAlgorithmNames[kAlgorithms] = {"auto", "two-pass", "three-pass-recompute",
                                                      "three-pass-reload", "online"};

// A call whose shapes, pointers and parameters have been checked.
struct Call {
  int32_t op;
  Algorithm algorithm;
  size_t rows, cols, x_stride, y_stride;
  double params[14];
  bool stream;     // the output is too large to stay in a cache; changes no bits
  float* scratch;  // kScratch floats of this thread's, or null; changes no bits
};

constexpr size_t kScratch = size_t{1} << 16;

// What the reduction of one row comes to, and what its map needs.
struct RowResult {
  Partial total = {};
  double log_sum = 0;     // ln sum e^((x - total.shift)/T)
  int64_t dominant = -1;  // the element with more than half of the mass, where that matters
  float dominant_value = 0;
};

// What an operator writes: a row for a row, or one number or index.
enum class Output { kRow, kNumber, kIndex };

struct Operator {
  const char* name;
  Output output;

  // Whether the call's parameters are in range.
  bool (*valid)(const Call& call);

  // What `auto` means for rows of this length: by shape alone, never by machine or by threads. Null
  // where there is nothing to choose.
  Algorithm (*automatic)(size_t cols);

  // count rows, x and y at the first of them. The algorithm is never `auto` from here on.
  void (*rows)(const Call& call, const float* x, void* y, size_t count);

  // One long row in ranges of whole blocks, for several threads; null where an operator has no such
  // form. reduce pushes a range (row_max is used by the three-pass algorithms only), finish sees
  // the merged state and the whole row, map writes elements begin to end of it. An operator with
  // map alone has nothing to reduce.
  void (*reduce)(const Call& call, float row_max, const float* x, size_t n, State* state);
  void (*finish)(const Call& call, const State& state, const float* x, size_t n, RowResult* result,
                 void* y);
  void (*map)(const Call& call, const RowResult& result, const float* x, float* y, size_t begin,
              size_t end);
};

}  // namespace softlane
