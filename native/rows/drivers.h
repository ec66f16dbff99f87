// From an operator's struct to its entry in the table.
//
// Every struct has kName and valid(call), which checks the parameters. Beyond that,
// map (y_i = f(x_i)) takes Context, context(call) and vector(context, v);
// reduce -> map (a row to a row) and reduce (a row to one number) take
//   automatic(cols), the algorithm that `auto` means;
//   Context and context(call), what is worked out once a call;
//   row(call, context, x, y, n), one whole row in the way that is best for one thread;
//   reduce(call, context, row_max, x, n, state), finish(call, context, total, x, n, result) and,
//   for reduce -> map, map_range(call, context, result, x, y, begin, end): one row for several
//   threads.
// select (a row to the index of an element) takes row(call, x, y, n).
#pragma once

#include "../simd/f32x16.h"
#include "map.h"
#include "operator.h"

namespace softlane {
namespace {

template <class Op>
struct ReduceMapDriver {
  static void rows(const Call& call, const float* x, void* y, size_t count) {
    const typename Op::Context c = Op::context(call);
    float* out = static_cast<float*>(y);
    for (size_t r = 0; r < count; ++r) {
      Op::row(call, c, x + r * call.x_stride, out + r * call.y_stride, call.cols);
    }
    if (call.stream) fence();
  }
  static void reduce(const Call& call, float row_max, const float* x, size_t n, State* state) {
    Op::reduce(call, Op::context(call), row_max, x, n, state);
  }
  static void finish(const Call& call, const State& state, const float* x, size_t n,
                     RowResult* result, void*) {
    Op::finish(call, Op::context(call), total(state), x, n, result);
  }
  static void map(const Call& call, const RowResult& result, const float* x, float* y, size_t begin,
                  size_t end) {
    Op::map_range(call, Op::context(call), result, x, y, begin, end);
    if (call.stream) fence();
  }
  static constexpr Operator entry() {
    return {Op::kName, Output::kRow, Op::valid, Op::automatic, rows, reduce, finish, map};
  }
};

template <class Op>
struct ReduceDriver {
  static void rows(const Call& call, const float* x, void* y, size_t count) {
    const typename Op::Context c = Op::context(call);
    float* out = static_cast<float*>(y);
    for (size_t r = 0; r < count; ++r) Op::row(call, c, x + r * call.x_stride, out + r, call.cols);
  }
  static void finish(const Call& call, const State& state, const float* x, size_t n,
                     RowResult* result, void* y) {
    Op::finish(call, Op::context(call), total(state), x, n, result);
    *static_cast<float*>(y) = Op::value(*result);
  }
  static constexpr Operator entry() {
    return {Op::kName, Output::kNumber, Op::valid, Op::automatic, rows, ReduceMapDriver<Op>::reduce,
            finish,    nullptr};
  }
};

template <class Op>
struct SelectDriver {
  static void rows(const Call& call, const float* x, void* y, size_t count) {
    int32_t* out = static_cast<int32_t*>(y);
    for (size_t r = 0; r < count; ++r) Op::row(call, x + r * call.x_stride, out + r, call.cols);
  }
  static constexpr Operator entry() {
    return {Op::kName, Output::kIndex, Op::valid, nullptr, rows, nullptr, nullptr, nullptr};
  }
};

template <class Op>
struct MapDriver {
  static void range(const Call& call, const float* x, float* y, size_t n) {
    const typename Op::Context c = Op::context(call);
    softlane::map(x, y, n, call.stream, [&](f32x16 v) { return Op::vector(c, v); });
  }
  static void rows(const Call& call, const float* x, void* y, size_t count) {
    float* out = static_cast<float*>(y);
    for (size_t r = 0; r < count; ++r) {
      range(call, x + r * call.x_stride, out + r * call.y_stride, call.cols);
    }
    if (call.stream) fence();
  }
  static void map(const Call& call, const RowResult&, const float* x, float* y, size_t begin,
                  size_t end) {
    range(call, x + begin, y + begin, end - begin);
    if (call.stream) fence();
  }
  static constexpr Operator entry() {
    return {Op::kName, Output::kRow, Op::valid, nullptr, rows, nullptr, nullptr, map};
  }
};

}  // namespace
}  // namespace softlane
