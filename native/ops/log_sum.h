// ln of the sum, to the last bits: where the plain way cancels, the row is looked at again.
#pragma once

#include "exp_sum.h"

namespace softlane {
namespace {

// ln sum e^(x/T) minus mu/T in double, mu being the row's largest logit and k its first index: one
// plus the others, each term right to about 1e-16. For rows that are (nearly) normalised already:
// their logsumexp is (nearly) zero, and float terms would leave an error of 1e-7 in it.
inline double others_in_double(const Units& u, const float* x, size_t n, size_t k) {
  const double mu = x[k];
  double lane[kLanes] = {};
  for (size_t i = 0; i < n; ++i) {
    if (i != k) lane[i % kLanes] += exp_double((static_cast<double>(x[i]) - mu) / u.temperature);
  }
  return log1p_double(tree_sum(lane));
}

// The same by float terms, 2e-7 of the result: enough for -ln(1 + others) itself, however small.
inline double others_in_float(const Units& u, const float* x, size_t n, size_t k) {
  const Way online = {Algorithm::kOnline};
  const Partial rest =
      merge(row_sum(u, online, x, k), row_sum(u, online, x + k + 1, n - k - 1), u.temperature);
  if (rest.m == 0) return 0;
  const double gap = (rest.shift - static_cast<double>(x[k])) / u.temperature;
  return log1p_double(exp_double(gap + log_double(rest.m, rest.e)));
}

}  // namespace
}  // namespace softlane
