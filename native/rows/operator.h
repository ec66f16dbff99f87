// What an operator is to those who call it: a checked call, and functions of plain pointers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "format.h"
#include "layout.h"

namespace softlane {

enum class Algorithm : int32_t { kAuto, kTwoPass, kThreePassRecompute, kThreePassReload, kOnline };
constexpr int kAlgorithms = 5;
constexpr const char* kAlgorithmNames[kAlgorithms] = {"auto", "two-pass", "three-pass-recompute",
                                                      "three-pass-reload", "online"};

// What a pass over memory asks for before it reads it (prefetch.h).
// kNext: with each vector for the one a block further on. kPages: for the same lines in another
// order, from four pages side by side. kAuto: kNext where it was ahead, else nothing.
enum class Prefetch : int32_t { kAuto, kNone, kNext, kPages };
constexpr int kPrefetchCount = 4;

// How an output of rows is stored; changes no bits.
struct Stream {
  bool on = false;    // past the cache, as it is too large to stay there
  bool asks = false;  // and what it is made of is asked for ahead meanwhile
  explicit operator bool() const { return on; }
};

// A call whose shapes, pointers and parameters have been checked.
struct Call {
  int32_t op;
  Algorithm algorithm;
  size_t rows, cols, x_stride, y_stride;
  double params[24];
  void* const* operands;  // as the operator lists them; null where one is not given
  size_t row;             // which row of the call the first one here is
  size_t first = 0;       // the row that operands of so many elements a row begin with
  uint64_t* refused;      // see refuse()
  void* workspace;        // workspace_bytes(call) bytes of this thread's, if it asks for any
  Stream stream;
  Prefetch prefetch;               // what passes over memory ask for; changes no bits
  float* scratch;                  // kScratch floats of this thread's, or null; changes no bits
  Format x_format = Format::kF32;  // of the caller's arrays: a kernel sees floats alone
  Format y_format = Format::kF32;  // of rows
  Layout layout;                   // a kernel sees rows of neighbouring elements alone
};

constexpr size_t kScratch = size_t{1} << 16;

// What an operator writes to y: a row for a row, one number or one index, or nothing, as all of its
// results are operands.
enum class Output { kRow, kNumber, kIndex, kNone };

enum class Element : int32_t { kFloat32, kInt32, kUint32, kFloat64 };

constexpr size_t element_bytes(Element e) { return e == Element::kFloat64 ? 8 : 4; }

// An array of a call beside x and y.
struct Operand {
  const char* name;
  Element element;
  bool written;   // a result; otherwise it is read
  bool optional;  // may be left out
  bool shared;    // one for all rows, of width elements; otherwise width elements a row
  size_t (*width)(const Call& call);
  bool by_slab = false;  // width elements for all rows of a slab (layout.h), not for each
};

constexpr int kMostOperands = 32;

// Why a row has no result: what a call returns is the reason plus 256 times the row, of the first
// such row. The numbers go on where those of binding/status.h end; the same in lib/spec.ts.
enum class Refusal : uint64_t {
  kNaN = 16,
  kTarget = 17,
  kMasked = 18,
  kDistribution = 19,
  kToken = 20,
  kSettings = 21,
  kDrafted = 22
};

constexpr uint64_t kNoneRefused = ~uint64_t{0};

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
  // knows the sizes alone; a size of 0 says that this call's rows are not to be split. start makes
  // an empty state, reduce adds elements begin to end of the row to it (row_max: the row's largest
  // element where needs_row_max says so), append adds the state of the range after it, finish sees
  // the whole row's, map writes elements begin to end of it. An operator with map alone has nothing
  // to reduce. call.row is the row's number.
  size_t (*state_bytes)(const Call& call);
  bool (*needs_row_max)(const Call& call);
  void (*start)(const Call& call, void* state);
  void (*reduce)(const Call& call, float row_max, const float* x, size_t begin, size_t end,
                 void* state);
  void (*append)(const Call& call, void* state, const void* next);
  void (*finish)(const Call& call, void* state, const float* x, size_t n, void* result, void* y);
  void (*map)(const Call& call, const void* result, const float* x, float* y, size_t begin,
              size_t end);

  const Operand* operands = nullptr;
  int operand_count = 0;

  // Memory for each thread that works on the call: call.workspace. Null: none.
  size_t (*workspace_bytes)(const Call& call) = nullptr;

  // Whether a row may come and go in pieces: reduce and map ask for nothing but the piece, and
  // finish does without x, which is null then. What would look at the row again is less exact
  // (docs/decisions/0013-states-do-not-look-twice.md).
  bool in_pieces = false;
};

// Memory for the result of a row's reduction.
constexpr size_t kResultBytes = 2048;

// Memory for states and workspaces begins at a multiple of this, and so may what lies in them.
constexpr size_t kStateAlignment = 64;

namespace {

// The widths of most operands.
inline size_t one_a_row(const Call&) { return 1; }
inline size_t one_a_column(const Call& call) { return call.cols; }

// Elements of an operand; false where they are more than any array has.
inline bool operand_length(const Operand& operand, const Call& call, size_t* length) {
  const size_t slabs = call.rows / side_by_side(call.layout);
  const size_t width = operand.width(call);
  const size_t count = operand.shared ? 1 : operand.by_slab ? slabs : call.rows;
  *length = width * count;
  return width <= SIZE_MAX / 16 && (count == 0 || width <= SIZE_MAX / 16 / count);
}

// Whether an operand lies in memory as x does, and is to be gathered or scattered with it.
inline bool lies_as_x(const Operand& operand, const Call& call) {
  return !operand.shared && !operand.by_slab && operand.width(call) != 1;
}

// Operand i, at the first row that this call is about.
template <class T>
inline T* operand_at(const Call& call, const Operand* list, int i) {
  T* array = static_cast<T*>(call.operands[i]);
  if (array == nullptr || list[i].shared) return array;
  const size_t at = list[i].by_slab ? call.row / side_by_side(call.layout) : call.row - call.first;
  return array + at * list[i].width(call);
}

// A kernel says that it has no result for the r-th row from call.row on, and goes on.
inline void refuse(const Call& call, size_t r, Refusal why) {
  const uint64_t code = (call.row + r) << 8 | static_cast<uint64_t>(why);
  if (code < *call.refused) *call.refused = code;
}

}  // namespace

}  // namespace softlane
