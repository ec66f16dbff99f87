// Long rows one after the other, each by all threads in ranges of blocks.
#include <cstddef>
#include <memory>

#include "../rows/order.h"
#include "work.h"
#include "workspace.h"

namespace softlane {
namespace {

constexpr size_t kMostRanges = 1024;

// Elements of a range of a row of n elements.
size_t range_length(size_t n, int threads) {
  const size_t blocks = ceil_divide(n, kBlock);
  const size_t enough = static_cast<size_t>(threads) * kChunksPerThread;
  size_t range = kSmallestRange;
  while (range < kLargestRange && ceil_divide(blocks, range) > enough) range *= 2;
  while (ceil_divide(blocks, range) > kMostRanges) range *= 2;
  return range * kBlock;
}

// What all rows of a call are worked on with.
struct LongRows {
  const Work& w;
  size_t range;
  size_t state_bytes = 0;
  OwnBytes states, floats;

  size_t n() const { return w.call.cols; }
  size_t ranges() const { return ceil_divide(n(), range); }
  char* state(size_t i) const { return states.get() + i * state_bytes; }
  float* row() const { return reinterpret_cast<float*>(floats.get()); }

  // f(i, begin, end) for each range.
  template <class F>
  bool each_range(F f) const {
    return each(ranges(), w.threads, w.cancel,
                [&](size_t i) { f(i, i * range, std::min(i * range + range, n())); });
  }

  bool map(size_t row, const void* result, const float* x, void* y) const {
    return each_range([&](size_t, size_t begin, size_t end) {
      w.at_row(row, [&](const Call& call) {
        w.op.map(call, result, x, static_cast<float*>(y), begin, end);
      });
    });
  }

  // The maximum where the algorithm needs it. False when the call was stopped.
  bool find_max(const float* x, float* row_max) const {
    std::unique_ptr<float[]> maxima(new (std::nothrow) float[ranges()]);
    if (maxima == nullptr) {
      *row_max = w.isa.row_max(x, n(), w.call.prefetch);
      return true;
    }
    if (!each_range([&](size_t i, size_t begin, size_t end) {
          maxima[i] = w.isa.row_max(x + begin, end - begin, w.call.prefetch);
        })) {
      return false;
    }
    *row_max = maxima[0];
    for (size_t i = 1; i < ranges(); i++) *row_max = *row_max > maxima[i] ? *row_max : maxima[i];
    return true;
  }

  // The ranges' states, their merged state, the map.
  bool reduce(size_t row, const float* x, void* y) const {
    float row_max = 0;
    const bool needs_max = w.op.needs_row_max != nullptr && w.op.needs_row_max(w.call);
    if (needs_max && !find_max(x, &row_max)) return false;
    if (!each_range([&](size_t i, size_t begin, size_t end) {
          w.at_row(row, [&](const Call& call) {
            w.op.start(call, state(i));
            w.op.reduce(call, row_max, x, begin, end, state(i));
          });
        })) {
      return false;
    }
    alignas(std::max_align_t) char result[kResultBytes];
    w.at_row(row, [&](const Call& call) {
      for (size_t i = 1; i < ranges(); i++) w.op.append(call, state(0), state(i));
      w.op.finish(call, state(0), x, n(), result, y);
    });
    return w.op.map == nullptr || map(row, result, x, y);
  }

  // Of any format and layout, by floats in memory for a whole row.
  bool run(size_t r, const void* x, void* y) const {
    if (w.widens() &&
        !each_range([&](size_t, size_t begin, size_t end) { w.widen(x, r, row(), begin, end); })) {
      return false;
    }
    const float* from = w.widens() ? row() : static_cast<const float*>(w.input_at(x, r));
    void* to = w.narrows() ? row() : w.output_at(y, r);
    if (!(w.op.reduce == nullptr ? map(r, nullptr, from, to) : reduce(r, from, to))) return false;
    return !w.narrows() ||
           each_range([&](size_t, size_t begin, size_t end) { w.narrow(row(), r, y, begin, end); });
  }
};

}  // namespace

bool run_long_rows(Work& w, const void* x, void* y) {
  const Call& call = w.call;
  const Operator& op = w.op;
  if (op.reduce == nullptr && op.map == nullptr) return run_rows(w, x, y);
  LongRows all = {w, range_length(call.cols, w.threads), 0, nullptr, nullptr};
  if (op.reduce != nullptr) {
    all.state_bytes = ceil_divide(op.state_bytes(call), kStateAlignment) * kStateAlignment;
    all.states = allocate(all.ranges() * all.state_bytes);
    if (all.state_bytes == 0 || all.states == nullptr) return run_rows(w, x, y);
  }
  if (w.widens() || w.narrows()) {
    all.floats = allocate(call.cols * sizeof(float));
    if (all.floats == nullptr) return run_rows(w, x, y);
  }
  for (size_t row = 0; row < call.rows; row++) {
    if (!all.run(row, x, y)) return false;
  }
  return true;
}

}  // namespace softlane
