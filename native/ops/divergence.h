// The Kullback-Leibler divergence of two rows of logits, docs/losses.md.
#pragma once

#include "../rows/drivers.h"
#include "summary.h"

namespace softlane {
namespace {

// KL(p || q) = sum (q - p + p ln(p/q)) = sum p (e^d - 1 - d), d = ln(q/p): no term is negative, so
// nothing cancels where p and q are close, and an error in a normaliser, which adds the same to
// every d, has no first-order effect.
struct Divergence {
  static constexpr const char* kName = "klDivergence";
  static constexpr int kTemperature = 0, kDirection = 9;  // places in Call::params
  static constexpr Operand kOperands[] = {
      {"other", Element::kFloat32, false, false, false, one_a_column}};

  static bool valid(const Call& call) {
    const double reverse = call.params[kDirection];
    return valid_temperature(call.params[kTemperature]) && (reverse == 0 || reverse == 1);
  }

  static float row(const Call& call, const float* x, size_t n) {
    const Units u(call.params[kTemperature]);
    const float* y = operand_at<const float>(call, kOperands, 0);
    if (call.params[kDirection] != 0) {
      const float* first = x;
      x = y, y = first;
    }
    const Summary p = summary_of_row<kMass>(u, x, n), q = summary_of_row<kMass>(u, y, n);
    if (!has_peak(p) || !has_peak(q)) return __builtin_nanf("");
    // Of half the logits at half the temperature, where a difference might not be a float; and of
    // smaller terms, where their sum might not be.
    const bool usual = p.peak < 0x1p126 && q.peak < 0x1p126;
    const float half = usual ? 1.0f : 0.5f;
    const double unit = usual ? 1 : 0x1p-40;
    const Units v(u.temperature * half);
    const Side a(v, p, half), b(v, q, half);
    const double log_ratio =
        log1p_double(p.count - 1 + p.rest) - log1p_double(q.count - 1 + q.rest);
    // e^d's part that is the same for all.
    const double ratio = mass(p) / mass(q);
    double total = 0;
    for (size_t i = 0; i < n; i += kBlock) {
      total += block(v, a, x + i, b, y + i, block_length(n, i), log_ratio, ratio, unit);
    }
    // Nothing was a NaN: what q does not have at all has made one of an infinite term.
    return total == total ? static_cast<float>(total / mass(p) / unit) : __builtin_inff();
  }

 private:
  // A row less its peak, in units of x that the exponential takes.
  struct Side {
    splat half, peak, scale;
    Side(const Units& u, const Summary& s, float factor)
        : half(set1(factor)),
          peak(set1(static_cast<float>(s.peak) * factor)),
          scale(set1(u.scale)) {}
  };
  // x - peak as a float and what that lost: both 0 from -inf on.
  struct Shifted {
    f32x16 hi, lo;
    SOFTLANE_VECTOR Shifted(const Side& s, f32x16 element) {
      const f32x16 x = element * s.half;
      const splat masked = set1(-__builtin_inff()), zero = set1(0.0f);
      hi = x - s.peak;
      const f32x16 back = hi - x;
      const f32x16 lost = (x - (hi - back)) - (s.peak + back);
      lo = select(hi == masked, zero, lost * s.scale);
      hi = hi * s.scale;
    }
  };

  static double block(const Units& u, const Side& a, const float* x, const Side& b, const float* y,
                      size_t n, double log_ratio, double ratio, double unit) {
    constexpr float kC[] = {
        1.0f / 479001600, 1.0f / 39916800, 1.0f / 3628800, 1.0f / 362880, 1.0f / 40320, 1.0f / 5040,
        1.0f / 720,       1.0f / 120,      1.0f / 24,      1.0f / 6,      0.5f};
    const splat zero = set1(0.0f), one = set1(1.0f);
    const ExtExp k(u.k, 0);
    const splat low = set1(u.at_exponent(-120)), gain = set1(static_cast<float>(kOverGain * unit));
    const splat over_t = set1(static_cast<float>(1 / u.folded));
    const float log_hi = static_cast<float>(log_ratio);
    const splat c_hi = set1(log_hi), c_lo = set1(static_cast<float>(log_ratio - log_hi));
    const splat of_q = set1(static_cast<float>(ratio));
    // e^(hi + lo), without the gain.
    const auto exponential = [&](const Shifted& v) SOFTLANE_VECTOR {
      const f32x16 c = max(low, v.hi), z = k.round(c);
      const f32x16 e = k.power(z, k.tail(c, z));
      return select(low >= v.hi, zero, fma(e, v.lo * over_t, e) * gain);
    };
    const auto term = [&](f32x16 v, f32x16 w) SOFTLANE_VECTOR {
      const Shifted s(a, v), t(b, w);
      const f32x16 p = exponential(s), q = exponential(t) * of_q;
      const f32x16 d = fma((t.hi - s.hi) + (t.lo - s.lo), over_t, c_hi) + c_lo;
      f32x16 series = set1(kC[0]);
      for (size_t i = 1; i < sizeof kC / sizeof *kC; ++i) series = fma(series, d, set1(kC[i]));
      const f32x16 near = p * (d * d) * series;
      const f32x16 far = (q - p) - p * d;
      const mask16 is_near = one >= max(d, zero - d);
      return select(p == zero, q, select(is_near, near, far));
    };
    LaneSums sums;
    for (size_t i = 0; i < n; i += 2 * kLanes) {
      f32x16 pair[2];
      for (size_t j = 0; j < 2; ++j) {
        const size_t at = i + j * kLanes, left = at < n ? n - at : 0;
        const bool whole = left >= kLanes;
        pair[j] = term(whole ? load(x + at) : load_first(x + at, left, -__builtin_inff()),
                       whole ? load(y + at) : load_first(y + at, left, -__builtin_inff()));
      }
      sums.add(pair[0] + pair[1]);
    }
    return sums.total();
  }
};

}  // namespace
}  // namespace softlane
