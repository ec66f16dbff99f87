// ln of the sum, to the last bits: where the plain way cancels, the row is looked at again.
#pragma once

#include "exp_sum.h"

namespace softlane {
namespace {

// A sum of doubles with what its additions lose (Knuth's TwoSum).
struct DoubleSum {
  double hi = 0, lo = 0;
  void add(double a) {
    const double s = hi + a, b = s - hi;
    lo += (hi - (s - b)) + (a - b);
    hi = s;
  }
};

// What mu / t lacks for q, its quotient rounded: (mu - q t) / t, the product by Dekker's halves
// (1971), as there may be no FMA.
inline double quotient_rest(double mu, double t, double q) {
  constexpr double kSplit = 0x1p27 + 1;
  const double a = q * kSplit, b = t * kSplit;
  const double q_hi = a - (a - q), q_lo = q - q_hi, t_hi = b - (b - t), t_lo = t - t_hi;
  const double p = q * t;
  const double error = ((q_hi * t_hi - p) + q_hi * t_lo + q_lo * t_hi) + q_lo * t_lo;
  return ((mu - p) - error) / t;
}

// ln sum e^(x/T) of a row that is (nearly) normalised already: mu/T, mu being its largest logit,
// and the ln of one plus the others cancel, and float terms would leave an error of 1e-7. Here
// terms are right to about 1e-16, their sum to less, and ln 2^e is in two parts, of which the
// larger cancels exactly: below 1e-15 at every length.
struct LogSumNearZero {
  double mu, t;
  DoubleSum lane[kLanes] = {};

  // An element beside the largest, and its place in the row.
  void add(size_t i, double x) { lane[i % kLanes].add(exp_double((x - mu) / t)); }
  double log_sum() const {
    DoubleSum others;
    double lost = 0;
    for (const DoubleSum& l : lane) {
      others.add(l.hi);
      lost += l.lo;
    }
    const double q = mu / t, rest = quotient_rest(mu, t, q), sum = others.hi + (others.lo + lost);
    if (!(sum >= 1)) return q + (rest + log1p_double(sum));
    const int e = exponent_of(1 + sum);
    const double power = pow2_double(-e);
    return (q + e * kLn2High) + (rest + (e * kLn2Low + log1p_double((power - 1) + sum * power)));
  }
};

// k: the first index of the largest.
inline double log_sum_near_zero(const Units& u, const float* x, size_t n, size_t k) {
  LogSumNearZero row = {x[k], u.temperature};
  for (size_t i = 0; i < n; ++i) {
    if (i != k) row.add(i, x[i]);
  }
  return row.log_sum();
}

// The others beside mu, the largest of a row: the sum of e^((x - mu)/T) from that of their terms
// relative to mu's Reference. e^(mu/T) itself is a double: as a float term it would double the
// error.
inline double beside(const Units& u, const Reference& r, double terms) {
  const double e = static_cast<double>(r.e) + 1;  // so that what is left is below 1
  const double own = exp_bounded((r.mu / u.temperature - e * kLn2High) - e * kLn2Low);
  return 0.5 * kOverBias * kOverGain * terms / own;
}

// The same from a sum of their own.
inline double beside(const Units& u, const Partial& others, double mu) {
  if (others.m == 0) return 0;
  return exp_double((others.shift - mu) / u.temperature + log_double(others.m, others.e));
}

// Masked elements have terms of 2^-kDepth of the largest. In a short row, terms below this share of
// it are left out; a longer one has at most 2^-128 of it in them. Where all of the others are below
// the second share, either would count, and they are summed relative to their own largest.
constexpr float kLeastBeside = 0x1p-136f;
constexpr double kLeastOthers = 0x1p-100;

// Sum of e^((x - mu)/T) over the elements of a row of one block but x[k], whose value mu, the
// largest, is; below kLeastOthers where it is to be had another way.
inline double others_of_block(const Units& u, const float* x, size_t n, size_t k, float mu) {
  const Reference r(u, mu);
  if (n > kBlock || u.scale != 1.0f || r.shift != 0) return 0;
  const Terms terms(u, r.e);
  const float masked = -__builtin_inff();
  if (n > kShortRow) {
    return beside(
        u, r,
        sum(x, k, masked, terms, NoSink()) + sum(x + k + 1, n - k - 1, masked, terms, NoSink()));
  }
  // The order, and so the bits, of sixteen rows at a time (log_softmax.h).
  float w[kShortRow] = {};
  store(w, terms(load_first(x, n < kLanes ? n : kLanes, masked)));
  if (n > kLanes) store(w + kLanes, terms(load_first(x + kLanes, n - kLanes, masked)));
  const splat zero = set1(0.0f), least = set1(w[k] * kLeastBeside);
  w[k] = 0;
  const f32x16 a = load(w), b = load(w + kLanes);
  return beside(u, r, sum_lanes(select(a >= least, a, zero) + select(b >= least, b, zero), zero));
}

// The same of any row, however small it is.
inline double others_far(const Units& u, const float* x, size_t n, size_t k, float mu) {
  if (n == 1) return 0;
  const Way online = {Algorithm::kOnline};
  const Partial rest =
      merge(row_sum(u, online, x, k), row_sum(u, online, x + k + 1, n - k - 1), u.temperature);
  return beside(u, rest, mu);
}

// ln(1 + others) by float terms, 2e-7 of the result: enough for itself, however small.
inline double others_in_float(const Units& u, const float* x, size_t n, size_t k, float mu) {
  const double others = others_of_block(u, x, n, k, mu);
  return log1p_double(others >= kLeastOthers ? others : others_far(u, x, n, k, mu));
}

}  // namespace
}  // namespace softlane
