// What two rows of shares have in common: losses of a segmentation by its overlap with soft labels.
// docs/losses.md.
#pragma once

#include "../rows/drivers.h"
#include "../rows/state.h"
#include "../rows/tree.h"

namespace softlane {
namespace {

// Sums of what both rows have and of what one has beyond the other: none is a difference of sums.
struct Overlap {
  double both = 0, x_alone = 0, y_alone = 0;
};

struct AddOverlaps {
  Overlap operator()(const Overlap& a, const Overlap& b) const {
    return {a.both + b.both, a.x_alone + b.x_alone, a.y_alone + b.y_alone};
  }
};

// Elements of opposite signs have nothing in common; one that is -inf in either row is left out.
inline Overlap overlap_in_double(const float* x, const float* y, size_t n) {
  const float masked = -__builtin_inff();
  double both[kLanes] = {}, x_alone[kLanes] = {}, y_alone[kLanes] = {};
  for (size_t i = 0; i < n; ++i) {
    if (x[i] == masked || y[i] == masked) continue;
    const double a = __builtin_fabs(x[i]), b = __builtin_fabs(y[i]);
    const bool same = __builtin_signbit(x[i]) == __builtin_signbit(y[i]);
    const double common = same ? (a < b ? a : b) : 0;
    both[i % kLanes] += common;
    x_alone[i % kLanes] += a - common;
    y_alone[i % kLanes] += b - common;
  }
  return {tree_sum(both), tree_sum(x_alone), tree_sum(y_alone)};
}

inline Overlap overlap_of_block(const float* x, const float* y, size_t n) {
  const splat masked = set1(-__builtin_inff()), zero = set1(0.0f);
  LaneSums both, x_alone, y_alone;
  for (size_t i = 0; i < n; i += 2 * kLanes) {
    f32x16 common[2], of_x[2], of_y[2];
    for (size_t j = 0; j < 2; ++j) {
      const size_t at = i + j * kLanes, left = at < n ? n - at : 0;
      const bool whole = left >= kLanes;
      const f32x16 v = whole ? load(x + at) : load_first(x + at, left, 0.0f);
      const f32x16 w = whole ? load(y + at) : load_first(y + at, left, 0.0f);
      const mask16 gone = (v == masked) | (w == masked);
      const f32x16 a = select(gone, zero, abs(v)), b = select(gone, zero, abs(w));
      // b with a minus where the signs differ; NaN passes.
      const f32x16 turned = by_sign(v, by_sign(w, b, zero - b), by_sign(w, zero - b, b));
      common[j] = max(zero, min(a, turned));
      of_x[j] = a - common[j];
      of_y[j] = b - common[j];
    }
    both.add(common[0] + common[1]);
    x_alone.add(of_x[0] + of_x[1]);
    y_alone.add(of_y[0] + of_y[1]);
  }
  const Overlap s = {both.total(), x_alone.total(), y_alone.total()};
  const double all = s.both + s.x_alone + s.y_alone;
  // Sums beyond the largest float.
  return all - all == 0 ? s : overlap_in_double(x, y, n);
}

// 1 - (tp + s)/(tp + alpha fp + beta fn + s), tp, fp and fn being what both rows have and what x
// and y have alone.
struct TverskyLoss {
  static constexpr const char* kName = "tverskyLoss";
  static constexpr int kAlpha = 5, kBeta = 6, kSmooth = 7;  // places in Call::params
  static constexpr Operand kOperands[] = {
      {"other", Element::kFloat32, false, false, false, one_a_column}};

  struct Context {};
  using State = Tree<Overlap, AddOverlaps>;

  static bool valid(const Call& call) {
    const auto in_range = [&](int place) {
      return call.params[place] >= 0 && call.params[place] <= 0x1p10;
    };
    return in_range(kAlpha) && in_range(kBeta) && in_range(kSmooth);
  }
  static Context context(const Call&) { return {}; }
  static Algorithm automatic(size_t) { return Algorithm::kOnline; }

  static void start(const Call&, const Context&, State* s) { s->start({}); }
  static void reduce(const Call& call, const Context&, const float* x, size_t begin, size_t end,
                     State* s) {
    const float* y = operand_at<const float>(call, kOperands, 0);
    for (size_t i = begin; i < end; i += kBlock) {
      s->push(overlap_of_block(x + i, y + i, block_length(end, i)), 0);
    }
  }
  static void append(State* s, const State& next) { s->append(next); }
  static float finish(const Call& call, const Context&, const State& s, const float*, size_t) {
    const Overlap o = s.total();
    const double all = o.both + o.x_alone + o.y_alone;
    if (!(all - all == 0)) return __builtin_nanf("");
    const double wrong = call.params[kAlpha] * o.x_alone + call.params[kBeta] * o.y_alone;
    // Two rows of nothing are equal.
    return wrong == 0 ? 0 : static_cast<float>(wrong / (o.both + wrong + call.params[kSmooth]));
  }
};

}  // namespace
}  // namespace softlane
