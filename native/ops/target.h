// The target of a row: an element that its loss, its probability and its rank are about. The sums
// over the others leave it out from the start: it is never subtracted.
#pragma once

#include "../rows/drivers.h"
#include "log_sum.h"
#include "summary.h"

namespace softlane {
namespace {

constexpr size_t kNoTarget = ~size_t{0};

// The index of the row's target, or one beyond any row.
inline size_t target_of(const Call& call, const Operand* operands, int i) {
  const int32_t* targets = operand_at<int32_t>(call, operands, i);
  return targets == nullptr || *targets < 0 ? kNoTarget : static_cast<size_t>(*targets);
}

// A NaN that is masked.
inline float unmasked(float x) { return x == x ? x : -__builtin_inff(); }

// Copies of a block, padded to whole vectors.
inline const float* without_nan(const float* x, size_t n, float* copy) {
  const splat masked = set1(-__builtin_inff());
  for (size_t i = 0; i < n; i += kLanes) {
    const f32x16 v = n - i >= kLanes ? load(x + i) : load_first(x + i, n - i, 0.0f);
    store(copy + i, select(is_nan(v), masked, v));
  }
  return copy;
}
inline const float* without(const float* x, size_t n, size_t element, float* copy) {
  if (x != copy) map(x, copy, n, [](const auto& v) SOFTLANE_VECTOR { return v; });
  copy[element] = -__builtin_inff();
  return copy;
}

// -ln p of the target: ln(1 + u), u being the others' mass over the target's.
inline double surprise_of(const Units& u, const Summary& others, double target) {
  if (target == -__builtin_inf()) return __builtin_inf();
  if (mass(others) == 0) return 0;
  const double gap = (others.peak - target) / u.temperature;
  if (gap > 0) return gap + log_double(mass(others) + exp_double(-gap), 0);
  return log1p_double(exp_double(gap) * mass(others));
}

inline double probability_of(const Units& u, const Summary& others, double target) {
  if (target == -__builtin_inf()) return 0;
  if (mass(others) == 0) return 1;
  const double gap = (others.peak - target) / u.temperature;
  if (gap <= 0) return 1 / (1 + exp_double(gap) * mass(others));
  const double f = exp_double(-gap);
  return f / (mass(others) + f);
}

// logsumexp of the row, or of the row less one element, from its summary; by doubles where it is
// less than `near`.
inline double log_sum_exp(const Units& u, const Summary& s, const float* x, size_t n,
                          size_t excluded, double near = 0.5) {
  if (!has_peak(s)) return s.peak;
  const double t = u.temperature, plain = s.peak / t + log1p_double(s.count - 1 + s.rest);
  if (!(plain > -near && plain < near)) return plain;
  // Where the two cancel, float terms would leave too few digits.
  LogSumNearZero row = {s.peak, t};
  bool first = true;
  for (size_t i = 0; i < n; ++i) {
    if (i == excluded || x[i] != x[i]) continue;
    if (first && x[i] == s.peak) {
      first = false;
    } else {
      row.add(i, x[i]);
    }
  }
  return row.log_sum();
}

}  // namespace
}  // namespace softlane
