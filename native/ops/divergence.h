// The Kullback-Leibler divergence of two rows of logits, and what distillation makes of it.
// docs/losses.md.
#pragma once

#include "../rows/drivers.h"
#include "summary.h"
#include "target.h"

namespace softlane {
namespace {

// A row less its peak, in units of x that the exponential takes.
struct LessPeak {
  splat half, peak, scale;
  LessPeak(const Units& u, const Summary& s, float factor)
      : half(set1(factor)), peak(set1(static_cast<float>(s.peak) * factor)), scale(set1(u.scale)) {}
};

// x - peak as a float and what that lost: both 0 from -inf on.
struct Shifted {
  f32x16 hi, lo;
  SOFTLANE_VECTOR Shifted(const LessPeak& s, f32x16 element) {
    const f32x16 x = element * s.half;
    const splat masked = set1(-__builtin_inff()), zero = set1(0.0f);
    hi = x - s.peak;
    const f32x16 back = hi - x;
    const f32x16 lost = (x - (hi - back)) - (s.peak + back);
    lo = select(hi == masked, zero, lost * s.scale);
    hi = hi * s.scale;
  }
};

// A row's logits as its blocks: at(i, n) is where the n elements from i on are.
struct RowBlocks {
  const float* x;
  const float* at(size_t i, size_t) { return x + i; }
};

// Two rows with a largest logit from which the lowest float may be no float away are taken by
// halves.
struct Halving {
  bool needed;
  float factor;
  Units u;

  Halving(const Units& whole, double a, double b)
      : needed(!(a < 0x1p102 && b < 0x1p102)),
        factor(needed ? 0.5f : 1.0f),
        u(whole.temperature * factor) {}
};

// Weights, 2^kPeakBias times too large, times gaps. Gaps of which such a product might be no float
// have a sum of their own, of 2^-20 of what it is.
class WideGaps {
 public:
  // The product, or 0 where it went there; a weight of 0 has none.
  SOFTLANE_VECTOR f32x16 product(f32x16 weight, f32x16 gap) {
    const splat zero = set1(0.0f), wide = set1(0x1p20f), down = set1(0x1p-110f);
    const mask16 none = weight == zero, is_wide = gap >= wide;
    sums_.add(select(is_wide, select(none, zero, weight * (gap * down)), zero));
    return select(is_wide | none, zero, weight * gap);
  }
  double total() const { return sums_.total() * 0x1p20; }

 private:
  static_assert(kPeakBias == 90);
  LaneSums sums_;
};

// f(v, w) of the vectors of two rows, added up; beyond the end they are masked.
template <class F>
inline double sum_of_two(const float* x, const float* y, size_t n, F f) {
  LaneSums sums;
  for (size_t i = 0; i < n; i += 2 * kLanes) {
    f32x16 pair[2];
    for (size_t j = 0; j < 2; ++j) {
      const size_t at = i + j * kLanes, left = at < n ? n - at : 0;
      const bool whole = left >= kLanes;
      pair[j] = f(whole ? load(x + at) : load_first(x + at, left, -__builtin_inff()),
                  whole ? load(y + at) : load_first(y + at, left, -__builtin_inff()));
    }
    sums.add(pair[0] + pair[1]);
  }
  return sums.total();
}

// KL(p || q) = sum (q - p + p ln(p/q)) = sum p (e^d - 1 - d), d = ln(q/p): no term is negative, so
// nothing cancels where p and q are close, and an error in a normaliser, which adds the same to
// every d, has no first-order effect.
class Kl {
 public:
  template <class P, class Q>
  static double between(const Units& u, P x, Q y, size_t n) {
    const Summary p = summary(u, x, n), q = summary(u, y, n);
    if (!has_peak(p) || !has_peak(q)) return __builtin_nan("");
    const Halving h(u, p.peak, q.peak);
    const LessPeak a(h.u, p, h.factor), b(h.u, q, h.factor);
    const double log_ratio =
        log1p_double(p.count - 1 + p.rest) - log1p_double(q.count - 1 + q.rest);
    // e^d's part that is the same for all.
    const double ratio = mass(p) / mass(q);
    double total = 0;
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t m = block_length(n, i);
      total += block(h.u, a, x.at(i, m), b, y.at(i, m), m, log_ratio, ratio);
    }
    // Nothing was a NaN: what q does not have at all has made one of an infinite term.
    return total == total ? total / mass(p) : __builtin_inf();
  }

 private:
  template <class Blocks>
  static Summary summary(const Units& u, Blocks x, size_t n) {
    if (n <= kBlock) return summary_of_block<kMass>(u, x.at(0, n), n);
    SummaryTree<kMass> tree;
    tree.start({u.temperature});
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t m = block_length(n, i);
      tree.push(summary_of_block<kMass>(u, x.at(i, m), m), 0);
    }
    return tree.total();
  }

  static double block(const Units& u, const LessPeak& a, const float* x, const LessPeak& b,
                      const float* y, size_t n, double log_ratio, double ratio) {
    constexpr float kC[] = {
        1.0f / 479001600, 1.0f / 39916800, 1.0f / 3628800, 1.0f / 362880, 1.0f / 40320, 1.0f / 5040,
        1.0f / 720,       1.0f / 120,      1.0f / 24,      1.0f / 6,      0.5f};
    const splat zero = set1(0.0f), one = set1(1.0f);
    const ExtExp k(u.k, kPeakBias);
    const splat low = set1(u.at_exponent(-kPeakDepth)), gain = set1(static_cast<float>(kOverGain));
    const splat over_t = set1(static_cast<float>(1 / u.folded));
    const float log_hi = static_cast<float>(log_ratio);
    const splat c_hi = set1(log_hi), c_lo = set1(static_cast<float>(log_ratio - log_hi));
    const splat of_q = set1(static_cast<float>(ratio));
    WideGaps wide;
    // 2^90 e^(hi + lo), without the gain.
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
      const f32x16 far = (q - p) + wide.product(p, zero - d);
      const mask16 is_near = one >= max(d, zero - d);
      return select(p == zero, q, select(is_near, near, far));
    };
    const double total = sum_of_two(x, y, n, term);
    return total * pow2_double(-kPeakBias) + wide.total();
  }
};

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
    const RowBlocks own = {x}, other = {operand_at<const float>(call, kOperands, 0)};
    const bool reverse = call.params[kDirection] != 0;
    return static_cast<float>(reverse ? Kl::between(u, other, own, n)
                                      : Kl::between(u, own, other, n));
  }
};

// sum |2 p (1 - p) - r|, p being softmax(x / T) and r what a head of the model gives for each
// column: how far that is from the mean absolute residual that a p which is true would have.
struct SelfConsistency {
  static constexpr const char* kName = "selfConsistency";
  static constexpr int kTemperature = 0;  // place in Call::params
  static constexpr Operand kOperands[] = {
      {"residuals", Element::kFloat32, false, false, false, one_a_column}};

  static bool valid(const Call& call) { return valid_temperature(call.params[kTemperature]); }

  static float row(const Call& call, const float* x, size_t n) {
    const Units u(call.params[kTemperature]);
    const float* r = operand_at<const float>(call, kOperands, 0);
    const Summary s = summary_of_row<kMass>(u, x, n);
    if (!has_peak(s)) return __builtin_nanf("");
    double total = 0;
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t m = block_length(n, i);
      const double part = block(u, s, x + i, r + i, m);
      total += is_finite(part) ? part : in_double(u, s, x + i, r + i, m);
    }
    return static_cast<float>(total);
  }

 private:
  // Of the elements at the top, 1 - p is what the others have: it is not subtracted.
  static double block(const Units& u, const Summary& s, const float* x, const float* r, size_t n) {
    const LessPeak a(u, s, 1);
    const ExtExp k(u.k, 0);
    const splat masked = set1(-__builtin_inff()), zero = set1(0.0f), one = set1(1.0f);
    const splat low = set1(u.at_exponent(-120)), over_t = set1(static_cast<float>(1 / u.folded));
    const splat share = set1(static_cast<float>(kOverGain / mass(s)));
    const splat p_top = set1(static_cast<float>(1 / mass(s)));
    const splat q_top = set1(static_cast<float>((s.count - 1 + s.rest) / mass(s)));
    return sum_of_two(x, r, n, [&](f32x16 v, f32x16 w) SOFTLANE_VECTOR {
      const Shifted t(a, v);
      const f32x16 c = max(low, t.hi), z = k.round(c);
      const f32x16 e = k.power(z, k.tail(c, z));
      const mask16 top = t.hi == zero;
      const f32x16 p =
          select(top, p_top, select(low >= t.hi, zero, fma(e, t.lo * over_t, e) * share));
      const f32x16 q = select(top, q_top, one - p);
      return select(v == masked, zero, abs(fma(p + p, q, zero - w)));
    });
  }
  // For residuals that a float cannot sum, and for those that are none.
  static double in_double(const Units& u, const Summary& s, const float* x, const float* r,
                          size_t n) {
    double lane[kLanes] = {};
    for (size_t i = 0; i < n; ++i) {
      if (x[i] == -__builtin_inff()) continue;
      const bool top = x[i] == s.peak;
      const double p = exp_double((x[i] - s.peak) / u.temperature) / mass(s);
      const double q = top ? (s.count - 1 + s.rest) / mass(s) : 1 - p;
      lane[i % kLanes] += __builtin_fabs(2 * p * q - r[i]);
    }
    return tree_sum(lane);
  }
};

// What is known of a row beside its target.
struct Others {
  size_t target;

  Summary summary(const Units& u, const float* x, size_t n) const {
    float copy[kBlock];
    SummaryTree<kMass> tree;
    tree.start({u.temperature});
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t m = block_length(n, i);
      tree.push(summary_of_block<kMass>(u, of_block(x, i, m, copy), m), 0);
    }
    return tree.total();
  }
  // The block with the target masked.
  const float* of_block(const float* x, size_t i, size_t n, float* copy) const {
    const bool here = target >= i && target < i + n;
    return here ? without(x + i, n, target - i, copy) : x + i;
  }
};

// -T_y ln S_y + gamma T^2 sum of T'_i (-ln S'_i), T and S being the teacher's and the student's
// softmax, T' and S' those at a temperature over the columns beside the target alone.
struct NkdLoss {
  static constexpr const char* kName = "nkdLoss";
  static constexpr int kTemperature = 0, kGamma = 6;  // places in Call::params
  static constexpr Operand kOperands[] = {
      {"targets", Element::kInt32, false, false, false, one_a_row},
      {"teacher", Element::kFloat32, false, false, false, one_a_column}};

  static bool valid(const Call& call) {
    const double gamma = call.params[kGamma], t = call.params[kTemperature];
    return t >= 0x1p-4 && t <= 0x1p4 && gamma >= 0 && gamma <= 16;
  }
  static float row(const Call& call, const float* x, size_t n) {
    const size_t target = target_of(call, kOperands, 0);
    if (target >= n && n > 0) refuse(call, 0, Refusal::kTarget);
    if (target >= n) return __builtin_nanf("");
    const double gamma = call.params[kGamma], temperature = call.params[kTemperature];
    const float* y = operand_at<const float>(call, kOperands, 1);
    const Others others = {target};
    const Units one(1), u(temperature);
    const bool same = temperature == 1;
    const Summary student = others.summary(one, x, n), teacher = others.summary(one, y, n);
    if (!usual(student, x[target]) || !usual(teacher, y[target])) return __builtin_nanf("");
    const double p = probability_of(one, teacher, y[target]);
    const double surprise = surprise_of(one, student, x[target]);
    // As beside the target, what the student has none of may be next to none of the teacher's.
    double loss = p < 0x1p-190 && surprise == __builtin_inf() ? 0 : p * surprise;
    // A teacher without other columns has nothing to say of them.
    if (gamma == 0 || mass(teacher) == 0) return static_cast<float>(loss);
    loss += gamma * temperature * temperature *
            cross_entropy(u, others, same ? teacher : others.summary(u, y, n), y,
                          same ? student : others.summary(u, x, n), x, n);
    return static_cast<float>(loss);
  }

 private:
  static bool usual(const Summary& others, double target) {
    const double peak = others.peak >= target ? others.peak : target;
    return is_finite(peak) && others.peak == others.peak;
  }

  // sum p (-ln q) = ln S_q + sum p (peak_q - y)/T: no term is negative. p: of x.
  static double cross_entropy(const Units& u, const Others& others, const Summary& p,
                              const float* x, const Summary& q, const float* y, size_t n) {
    if (mass(q) == 0) return __builtin_inf();
    const Halving h(u, p.peak, q.peak);
    const LessPeak a(h.u, p, h.factor), b(h.u, q, h.factor);
    const ExtExp k(h.u.k, kPeakBias);
    const splat low = set1(h.u.at_exponent(-kPeakDepth)), zero = set1(0.0f);
    const splat over_t = set1(static_cast<float>(1 / h.u.folded));
    WideGaps wide;
    const auto term = [&](f32x16 v, f32x16 w) SOFTLANE_VECTOR {
      const Shifted s(a, v), t(b, w);
      const f32x16 c = max(low, s.hi), z = k.round(c);
      const f32x16 e = k.power(z, k.tail(c, z));
      const f32x16 weight = select(low >= s.hi, zero, fma(e, s.lo * over_t, e));
      return wide.product(weight, (zero - t.hi) * over_t);
    };
    float copy[kBlock];
    double total = 0;
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t m = block_length(n, i);
      total += sum_of_two(others.of_block(x, i, m, copy), y + i, m, term);
    }
    // What q does not have at all has made a NaN of an infinite term.
    total = total * pow2_double(-kPeakBias) + wide.total();
    if (total != total) return __builtin_inf();
    return log1p_double(q.count - 1 + q.rest) + total * kOverGain / mass(p);
  }
};

// The mean of a row's members, row after row of them, as a row of floats.
struct MeanBlocks {
  const float* x;
  size_t members, n;
  float* copy;  // of a block

  const float* at(size_t i, size_t m) {
    if (members == 1) return x + i;
    double sum[kBlock] = {};
    for (size_t k = 0; k < members; ++k) {
      const float* member = x + k * n + i;
      for (size_t j = 0; j < m; ++j) sum[j] += member[j];
    }
    for (size_t j = 0; j < m; ++j) {
      copy[j] = static_cast<float>(sum[j] / static_cast<double>(members));
    }
    return copy;
  }
};

// a (-ln S_y) + (1 - a) T^2 KL(softmax(t/T) || softmax(s/T)), t being the mean of the teachers'
// logits.
struct EnsembleKdLoss {
  static constexpr const char* kName = "ensembleKdLoss";
  static constexpr int kTemperature = 0, kMembers = 7, kWeight = 8;  // places in Call::params
  static size_t members_of(const Call& call) { return static_cast<size_t>(call.params[kMembers]); }
  static size_t teachers_width(const Call& call) { return members_of(call) * call.cols; }
  static constexpr Operand kOperands[] = {
      {"targets", Element::kInt32, false, false, false, one_a_row},
      {"teachers", Element::kFloat32, false, false, false, teachers_width}};

  static bool valid(const Call& call) {
    const double members = call.params[kMembers], weight = call.params[kWeight];
    const double t = call.params[kTemperature];
    return t >= 0x1p-4 && t <= 0x1p4 && members >= 1 && members <= 256 &&
           members == static_cast<int>(members) && weight >= 0 && weight <= 1;
  }
  static float row(const Call& call, const float* x, size_t n) {
    const size_t target = target_of(call, kOperands, 0);
    if (target >= n && n > 0) refuse(call, 0, Refusal::kTarget);
    if (target >= n) return __builtin_nanf("");
    const double a = call.params[kWeight], t = call.params[kTemperature];
    float copy[kBlock];
    const RowBlocks student = {x};
    const MeanBlocks teacher = {operand_at<const float>(call, kOperands, 1), members_of(call), n,
                                copy};
    const double apart = Kl::between(Units(t), teacher, student, n);
    if (apart != apart) return __builtin_nanf("");
    const Units one(1);
    const double hard = surprise_of(one, Others{target}.summary(one, x, n), x[target]);
    // Nothing times an infinity is nothing.
    const double of_target = a == 0 ? 0 : a * hard;
    return static_cast<float>(a == 1 ? of_target : of_target + (1 - a) * t * t * apart);
  }
};

}  // namespace
}  // namespace softlane
