// What an operator is to those who call it: a checked call, and functions of plain pointers.
#pragma once

#include <cstddef>
#include <cstdint>

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
  // form. The caller provides the memory of the states, one a range, and of the result, of which it
  // knows the sizes alone. start makes an empty state, reduce adds a range to it (row_max: the
  // row's largest element where needs_row_max says so), append adds the state of the range after
  // it, finish sees the whole row's, map writes elements begin to end of it. An operator with map
  // alone has nothing to reduce.
  size_t state_bytes;
  bool (*needs_row_max)(const Call& call);
  void (*start)(const Call& call, void* state);
  void (*reduce)(const Call& call, float row_max, const float* x, size_t n, void* state);
  void (*append)(void* state, const void* next);
  void (*finish)(const Call& call, const void* state, const float* x, size_t n, void* result,
                 void* y);
  void (*map)(const Call& call, const void* result, const float* x, float* y, size_t begin,
              size_t end);
};

// Memory for the result of a row's reduction.
constexpr size_t kResultBytes = 1024;

}  // namespace softlane
