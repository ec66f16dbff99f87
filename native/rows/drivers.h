// From an operator's struct to its entry in the table.
//
// Every struct has kName and valid(call), which checks the parameters. Beyond that,
// map (y_i = f(x_i)) takes Context, context(call) and vector(context, v), v being a V of
//   wide.h; scaled map (y_i = f(x_i) weight_i + bias_i) the same, and its operands are those of
//   columns.h;
// reduce -> map (a row to a row) and reduce (a row to one number) take
//   automatic(cols), the algorithm that `auto` means;
//   Context and context(call), what is worked out once a call;
//   reduce_row(call, context, x, y, n, result), one whole row in the way that is best for one
//   thread (y may hold what map_row then finishes), and map_row(call, context, result, x, y, n);
//   and NoShortcuts, or what it stands for: sixteen_rows(call, context, x, y), rows of at most 32
//   elements with a row a lane, or false; row_alone(call, context, x, y, n), a whole row with
//   nothing beside it, or false;
// and, for one long row by several threads,
//   State and Result, plain data; needs_row_max(call), start(call, state), append(state, next);
//   reduce(call, context, row_max, x, n, state); close(state), the sum of it all;
//   finish(call, context, close(state), x, n, result); then
//   map_range(call, context, result, x, y, begin, end), or value(result) for one number.
// select (a row to the index of an element) takes row(call, x, y, n), and so does a row to a row
// that
//   looks at its row more than twice (RowDriver);
// record (a row to several results, which are operands) takes
//   Context and context(call); state_bytes(call), workspace_bytes(call) and can_split(call);
//   start(call, context, state), reduce(call, context, x, begin, end, state),
//   append(call, state, next) and finish(call, context, state, x, n, r), which writes the results
//   of the r-th row from call.row on: the same for a whole row and for one in ranges. call.row is
//   the row's number all along, and r is 0.
//
// record map (a row to several results, of which some are rows) takes
//   Context and context(call); State and Result; start(call, context, state),
//   reduce(call, context, x, begin, end, state), append(state, next), finish(call, context, state,
//   n, result) and map_range(call, context, result, begin, end), which writes; call.row is the
//   row's number.
//
// fold (a row to one number, by a state too, where it matters which row it is: call.row says it)
//   takes State, automatic(cols), Context and context(call); start(call, context, state),
//   reduce(call, context, x, begin, end, state), append(state, next) and
//   finish(call, context, state, x, n), the number.
// pair (a row to one number in any way) takes row(call, x, n), the number, likewise.
// The last two, and select of a row to a row, may ask for workspace_bytes(call): call.workspace.
//
// A struct whose finish does without x (null) says so with kInPieces.
//
// A struct with operands beside x and y lists them in kOperands (operator.h), and reads them with
// operand_at; one that cannot give a result for a row says so with refuse.
#pragma once

#include <new>
#include <type_traits>

#include "../simd/wide.h"
#include "columns.h"
#include "map.h"
#include "operator.h"

namespace softlane {
namespace {

// The entry with the operands that a struct lists, if it lists any.
template <class Op, class = void>
struct Listed {
  static constexpr Operator entry(Operator op) { return op; }
};
template <class Op>
struct Listed<Op, std::void_t<decltype(Op::kOperands)>> {
  static constexpr Operator entry(Operator op) {
    op.operands = Op::kOperands;
    op.operand_count = static_cast<int>(sizeof Op::kOperands / sizeof *Op::kOperands);
    return op;
  }
};

// The same with whether its rows may come in pieces.
template <class Op, class = void>
struct Described : Listed<Op> {};
template <class Op>
struct Described<Op, std::void_t<decltype(Op::kInPieces)>> {
  static constexpr Operator entry(Operator op) {
    op.in_pieces = Op::kInPieces;
    return Listed<Op>::entry(op);
  }
};

// The entry with the memory that a struct wants to work in, if it wants any.
template <class Op, class = void>
struct Worked {
  static constexpr Operator entry(Operator op) { return op; }
};
template <class Op>
struct Worked<Op, std::void_t<decltype(&Op::workspace_bytes)>> {
  static constexpr Operator entry(Operator op) {
    op.workspace_bytes = Op::workspace_bytes;
    return op;
  }
};

// The operator's State and Result as the plain memory that the runtime provides.
template <class Op>
struct LongRow {
  using State = typename Op::State;
  using Result = typename Op::Result;
  static_assert(sizeof(Result) <= kResultBytes, "the runtime provides this much");

  static size_t state_bytes(const Call&) { return sizeof(State); }
  static void start(const Call& call, void* state) { Op::start(call, static_cast<State*>(state)); }
  static void reduce(const Call& call, float row_max, const float* x, size_t begin, size_t end,
                     void* state) {
    Op::reduce(call, Op::context(call), row_max, x + begin, end - begin,
               static_cast<State*>(state));
  }
  static void append(const Call&, void* state, const void* next) {
    Op::append(static_cast<State*>(state), *static_cast<const State*>(next));
  }
  static Result conclude(const Call& call, const void* state, const float* x, size_t n) {
    Result r;
    Op::finish(call, Op::context(call), Op::close(*static_cast<const State*>(state)), x, n, &r);
    return r;
  }
};

// Memory of a result that is begun when its row is: of one row alone it would be a tenth to begin
// eight.
template <class T>
union Unbegun {
  char nothing;
  T value;
  Unbegun() : nothing(0) {}
};

// Rows that are reduced and mapped in the same way whatever is beside them.
struct NoShortcuts {
  template <class C>
  static bool sixteen_rows(const Call&, const C&, const float*, float*) {
    return false;
  }
  template <class C>
  static bool row_alone(const Call&, const C&, const float*, float*, size_t) {
    return false;
  }
};

// Reduces some short rows, then maps them: from a row's last element to the constants of its map is
// a chain of some hundred cycles, in which the next row's reduction can run. Together they have no
// more than half a block: input and output then leave room in an L1 of 32 KiB for what is fetched
// meanwhile (docs/decisions/0092-short-rows-out-of-cache.md).
template <class Op, class Map>
inline void reduce_rows(const Call& call, const typename Op::Context& c, const float* x, float* y,
                        size_t y_stride, size_t count, Map map) {
  constexpr size_t kRows = 8;
  // A streamed row may lie in the scratch, of which there is one.
  const size_t fit = call.stream ? 1 : kBlock / 2 / (call.cols + 1);
  const size_t together = fit < 1 ? 1 : fit > kRows ? kRows : fit;
  using Result = typename Op::Result;
  static_assert(std::is_trivially_destructible_v<Result>, "results are not ended");
  Unbegun<Result> results[kRows];
  const bool is_short = call.cols > 0 && call.cols <= kShortRow;
  size_t rows = 0;
  for (size_t r = 0; r < count; r += rows) {
    if (is_short && count - r >= kLanes &&
        Op::sixteen_rows(call, c, x + r * call.x_stride, y + r * y_stride)) {
      rows = kLanes;
      continue;
    }
    rows = count - r < together ? count - r : together;
    if (rows == 1 && Op::row_alone(call, c, x + r * call.x_stride, y + r * y_stride, call.cols)) {
      continue;
    }
    for (size_t i = r; i < r + rows; ++i) {
      Result* const result = new (&results[i - r].value) Result;
      Op::reduce_row(call, c, x + i * call.x_stride, y + i * y_stride, call.cols, result);
    }
    for (size_t i = r; i < r + rows; ++i) map(results[i - r].value, i);
  }
}

template <class Op>
struct ReduceMapDriver {
  using Long = LongRow<Op>;

  static void rows(const Call& call, const float* x, void* y, size_t count) {
    const typename Op::Context c = Op::context(call);
    float* out = static_cast<float*>(y);
    reduce_rows<Op>(call, c, x, out, call.y_stride, count, [&](const auto& result, size_t r) {
      Op::map_row(call, c, result, x + r * call.x_stride, out + r * call.y_stride, call.cols);
    });
    if (call.stream) fence();
  }
  static void finish(const Call& call, void* state, const float* x, size_t n, void* result, void*) {
    *static_cast<typename Op::Result*>(result) = Long::conclude(call, state, x, n);
  }
  static void map(const Call& call, const void* result, const float* x, float* y, size_t begin,
                  size_t end) {
    const auto& r = *static_cast<const typename Op::Result*>(result);
    Op::map_range(call, Op::context(call), r, x, y, begin, end);
    if (call.stream) fence();
  }
  static constexpr Operator entry() {
    return Described<Op>::entry({Op::kName, Output::kRow, Op::valid, Op::automatic, rows,
                                 Long::state_bytes, Op::needs_row_max, Long::start, Long::reduce,
                                 Long::append, finish, map});
  }
};

template <class Op>
struct ReduceDriver {
  using Long = LongRow<Op>;

  static void rows(const Call& call, const float* x, void* y, size_t count) {
    const typename Op::Context c = Op::context(call);
    float* out = static_cast<float*>(y);
    reduce_rows<Op>(call, c, x, out, 1, count,
                    [&](const auto& result, size_t r) { out[r] = Op::value(result); });
  }
  static void finish(const Call& call, void* state, const float* x, size_t n, void*, void* y) {
    *static_cast<float*>(y) = Op::value(Long::conclude(call, state, x, n));
  }
  static constexpr Operator entry() {
    return Described<Op>::entry({Op::kName, Output::kNumber, Op::valid, Op::automatic, rows,
                                 Long::state_bytes, Op::needs_row_max, Long::start, Long::reduce,
                                 Long::append, finish, nullptr});
  }
};

template <class Op>
struct SelectDriver {
  static void rows(const Call& call, const float* x, void* y, size_t count) {
    int32_t* out = static_cast<int32_t*>(y);
    for (size_t r = 0; r < count; ++r) Op::row(call, x + r * call.x_stride, out + r, call.cols);
  }
  static constexpr Operator entry() {
    return Listed<Op>::entry({Op::kName, Output::kIndex, Op::valid, nullptr, rows, nullptr, nullptr,
                              nullptr, nullptr, nullptr, nullptr, nullptr});
  }
};

template <class Op>
struct FoldDriver {
  using State = typename Op::State;

  static void rows(const Call& call, const float* x, void* y, size_t count) {
    const typename Op::Context c = Op::context(call);
    Call one = call;
    State state;
    for (size_t r = 0; r < count; ++r) {
      const float* row = x + r * call.x_stride;
      one.row = call.row + r;
      Op::start(one, c, &state);
      Op::reduce(one, c, row, 0, call.cols, &state);
      static_cast<float*>(y)[r] = Op::finish(one, c, state, row, call.cols);
    }
  }
  static size_t state_bytes(const Call&) { return sizeof(State); }
  static void start(const Call& call, void* state) {
    Op::start(call, Op::context(call), static_cast<State*>(state));
  }
  static void reduce(const Call& call, float, const float* x, size_t begin, size_t end,
                     void* state) {
    Op::reduce(call, Op::context(call), x, begin, end, static_cast<State*>(state));
  }
  static void append(const Call&, void* state, const void* next) {
    Op::append(static_cast<State*>(state), *static_cast<const State*>(next));
  }
  static void finish(const Call& call, void* state, const float* x, size_t n, void*, void* y) {
    *static_cast<float*>(y) =
        Op::finish(call, Op::context(call), *static_cast<const State*>(state), x, n);
  }
  static constexpr Operator entry() {
    return Listed<Op>::entry({Op::kName, Output::kNumber, Op::valid, Op::automatic, rows,
                              state_bytes, nullptr, start, reduce, append, finish, nullptr});
  }
};

template <class Op>
struct PairDriver {
  static void rows(const Call& call, const float* x, void* y, size_t count) {
    Call one = call;
    for (size_t r = 0; r < count; ++r) {
      one.row = call.row + r;
      static_cast<float*>(y)[r] = Op::row(one, x + r * call.x_stride, call.cols);
    }
  }
  static constexpr Operator entry() {
    return Worked<Op>::entry(
        Listed<Op>::entry({Op::kName, Output::kNumber, Op::valid, nullptr, rows, nullptr, nullptr,
                           nullptr, nullptr, nullptr, nullptr, nullptr}));
  }
};

template <class Op>
struct RecordDriver {
  static void rows(const Call& call, const float* x, void*, size_t count) {
    const typename Op::Context c = Op::context(call);
    Call one = call;
    for (size_t r = 0; r < count; ++r) {
      const float* row = x + r * call.x_stride;
      one.row = call.row + r;
      Op::start(one, c, call.workspace);
      Op::reduce(one, c, row, 0, call.cols, call.workspace);
      Op::finish(one, c, call.workspace, row, call.cols, 0);
    }
  }
  static size_t split_bytes(const Call& call) {
    return Op::can_split(call) ? Op::state_bytes(call) : 0;
  }
  static void start(const Call& call, void* state) { Op::start(call, Op::context(call), state); }
  static void reduce(const Call& call, float, const float* x, size_t begin, size_t end,
                     void* state) {
    Op::reduce(call, Op::context(call), x, begin, end, state);
  }
  static void finish(const Call& call, void* state, const float* x, size_t n, void*, void*) {
    Op::finish(call, Op::context(call), state, x, n, 0);
  }
  static constexpr Operator entry() {
    Operator op =
        Listed<Op>::entry({Op::kName, Output::kNone, Op::valid, Op::automatic, rows, split_bytes,
                           nullptr, start, reduce, Op::append, finish, nullptr});
    op.workspace_bytes = Op::workspace_bytes;
    return op;
  }
};

template <class Op>
struct RecordMapDriver {
  using State = typename Op::State;
  using Result = typename Op::Result;
  static_assert(sizeof(Result) <= kResultBytes, "the runtime provides this much");

  static void rows(const Call& call, const float* x, void*, size_t count) {
    const typename Op::Context c = Op::context(call);
    Call one = call;
    State state;
    Result result;
    for (size_t r = 0; r < count; ++r) {
      one.row = call.row + r;
      Op::start(one, c, &state);
      Op::reduce(one, c, x + r * call.x_stride, 0, call.cols, &state);
      Op::finish(one, c, state, call.cols, &result);
      Op::map_range(one, c, result, 0, call.cols);
    }
  }
  static size_t state_bytes(const Call&) { return sizeof(State); }
  static void start(const Call& call, void* state) {
    Op::start(call, Op::context(call), static_cast<State*>(state));
  }
  static void reduce(const Call& call, float, const float* x, size_t begin, size_t end,
                     void* state) {
    Op::reduce(call, Op::context(call), x, begin, end, static_cast<State*>(state));
  }
  static void append(const Call&, void* state, const void* next) {
    Op::append(static_cast<State*>(state), *static_cast<const State*>(next));
  }
  static void finish(const Call& call, void* state, const float*, size_t n, void* result, void*) {
    Op::finish(call, Op::context(call), *static_cast<const State*>(state), n,
               static_cast<Result*>(result));
  }
  static void map(const Call& call, const void* result, const float*, float*, size_t begin,
                  size_t end) {
    Op::map_range(call, Op::context(call), *static_cast<const Result*>(result), begin, end);
  }
  static constexpr Operator entry() {
    return Listed<Op>::entry({Op::kName, Output::kNone, Op::valid, nullptr, rows, state_bytes,
                              nullptr, start, reduce, append, finish, map});
  }
};

// A row to a row, each whole and by one thread.
template <class Op>
struct RowDriver {
  static void rows(const Call& call, const float* x, void* y, size_t count) {
    float* out = static_cast<float*>(y);
    Call one = call;
    for (size_t r = 0; r < count; ++r) {
      one.row = call.row + r;
      Op::row(one, x + r * call.x_stride, out + r * call.y_stride, call.cols);
    }
    if (call.stream) fence();
  }
  static constexpr Operator entry() {
    return Worked<Op>::entry(
        Listed<Op>::entry({Op::kName, Output::kRow, Op::valid, nullptr, rows, nullptr, nullptr,
                           nullptr, nullptr, nullptr, nullptr, nullptr}));
  }
};

template <class Op, class Range>
struct RangeDriver {
  static void rows(const Call& call, const float* x, void* y, size_t count) {
    float* out = static_cast<float*>(y);
    for (size_t r = 0; r < count; ++r) {
      Range::range(call, x + r * call.x_stride, out + r * call.y_stride, 0, call.cols);
    }
    if (call.stream) fence();
  }
  static void map(const Call& call, const void*, const float* x, float* y, size_t begin,
                  size_t end) {
    Range::range(call, x, y, begin, end);
    if (call.stream) fence();
  }
  static constexpr Operator entry() {
    return {Op::kName, Output::kRow, Op::valid, nullptr, rows,    nullptr,
            nullptr,   nullptr,      nullptr,   nullptr, nullptr, map};
  }
};

template <class Op>
struct MapDriver : RangeDriver<Op, MapDriver<Op>> {
  static void range(const Call& call, const float* x, float* y, size_t begin, size_t end) {
    const typename Op::Context c = Op::context(call);
    softlane::map(x + begin, y + begin, end - begin, call.stream,
                  [&](const auto& v) SOFTLANE_VECTOR { return Op::vector(c, v); });
  }
  static constexpr Operator entry() {
    Operator op = RangeDriver<Op, MapDriver>::entry();
    op.in_pieces = true;
    return op;
  }
};

template <class Op>
struct ScaledMapDriver : RangeDriver<Op, ScaledMapDriver<Op>> {
  static constexpr const auto& kOperands = kColumnOperands;

  static void range(const Call& call, const float* x, float* y, size_t begin, size_t end) {
    const typename Op::Context c = Op::context(call);
    with_columns(column_arrays(call, kOperands, 0, 1), [&](const auto& columns) {
      map_places(x + begin, y + begin, end - begin, call.stream,
                 [&](const auto& v, size_t i, size_t count)
                     SOFTLANE_VECTOR { return columns(Op::vector(c, v), begin + i, count); });
    });
  }
  static constexpr Operator entry() {
    return Listed<ScaledMapDriver>::entry(RangeDriver<Op, ScaledMapDriver>::entry());
  }
};

}  // namespace
}  // namespace softlane
