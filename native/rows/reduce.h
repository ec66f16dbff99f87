// The reduce driver: a row, or a block of one, to a sum in the fixed order of order.h.
#pragma once

#include "../simd/wide.h"
#include "prefetch.h"

namespace softlane {
namespace {

// Lane l with lane l + 8, then + 4, + 2, + 1.
inline double tree_sum(double* lane) {
  for (size_t half = kLanes / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) lane[i] += lane[i + half];
  }
  return lane[0];
}

// Sixteen running sums, each an unevaluated pair of floats. A plain float sum of 256 equal terms is
// off by up to 16 ulp. Knuth's TwoSum, once for every two vectors, leaves the rounding of the two's
// own sum as the only error of a block, half an ulp (docs/numerics.md). Sums of four by a tree are
// 6 % faster and reached 4.03 ULP in softmax under a search for bad rows, sums of eight 4.8.
struct LaneSums {
  f32x16 hi = set1(0.0f), lo = set1(0.0f);

  SOFTLANE_VECTOR void add(f32x16 a) {
    const f32x16 s = hi + a;
    const f32x16 b = s - hi;
    lo = lo + ((hi - (s - b)) + (a - b));
    hi = s;
  }
  SOFTLANE_VECTOR void scale(f32x16 power) {
    hi = hi * power;
    lo = lo * power;
  }
  // Lane l as a double, all sixteen.
  void spill(double* out) const {
    float h[kLanes], l[kLanes];
    store(h, hi);
    store(l, lo);
    for (size_t i = 0; i < kLanes; ++i) out[i] = static_cast<double>(h[i]) + l[i];
  }
  SOFTLANE_VECTOR double total() const { return sum_lanes(hi, lo); }
};

// Sum of term(x_i). The last partial vector is filled with `fill`. sink(i, w, count) sees every
// vector of terms at its offset. Inline by force: a call would pass the constants of a term, some
// hundred bytes, through memory twice, a tenth of a row of a hundred elements.
template <class Sums = LaneSums, class Term, class Sink>
SOFTLANE_VECTOR inline double sum(const float* x, size_t n, float fill, Term term, Sink sink) {
  static_assert(kTogether % 2 == 0, "vectors are added in pairs");
  Sums sums;
  size_t i = 0;
  for (; i + kTogether * kLanes <= n; i += kTogether * kLanes) {
    const wide<kTogether> w = term(load_wide<kTogether>(x + i));
    for (size_t j = 0; j < kTogether; ++j) sink(i + j * kLanes, w.v[j], kLanes);
    for (size_t j = 0; j < kTogether; j += 2) sums.add(w.v[j] + w.v[j + 1]);
  }
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const wide<2> w = term(load_wide<2>(x + i));
    sink(i, w.v[0], kLanes);
    sink(i + kLanes, w.v[1], kLanes);
    sums.add(w.v[0] + w.v[1]);
  }
  const auto one = [&](f32x16 v, size_t at, size_t count) SOFTLANE_VECTOR {
    const f32x16 w = term(v);
    sink(at, w, count);
    return w;
  };
  const auto last = [&](size_t at) SOFTLANE_VECTOR {
    return one(load_first(x + at, n - at, fill), at, n - at);
  };
  if (i + kLanes <= n) {
    const f32x16 a = one(load(x + i), i, kLanes);
    sums.add(i + kLanes < n ? a + last(i + kLanes) : a);
  } else if (i < n) {
    sums.add(last(i));
  }
  return sums.total();
}

// f(v, i) for every pair of neighbouring vectors, as many pairs in step as is best; beyond the end
// is `fill`.
template <class F>
inline void in_pairs(const float* x, size_t n, float fill, F f) {
  static_assert(kTogether % 2 == 0, "vectors are added in pairs");
  size_t i = 0;
  for (; i + kTogether * kLanes <= n; i += kTogether * kLanes) f(load_wide<kTogether>(x + i), i);
  for (; i < n; i += 2 * kLanes) {
    wide<2> v;
    for (size_t j = 0; j < 2; ++j) {
      const size_t at = i + j * kLanes, left = at < n ? n - at : 0;
      v.v[j] = left >= kLanes ? load(x + at) : load_first(x + at, left, fill);
    }
    f(v, i);
  }
}

struct NoSink {
  SOFTLANE_VECTOR void operator()(size_t, f32x16, size_t) const {}
};

// The largest element; a NaN may hide others or be hidden. -inf for an empty row. From memory:
// row_max.
template <class Ahead = Fetch<Prefetch::kNone>>
inline float max_element(const float* x, size_t n) {
  const float lowest = -__builtin_inff();
  f32x16 a = set1(lowest), b = a, c = a, d = a;
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    Ahead::after(x, i, 4);
    a = max(a, load(x + i));
    b = max(b, load(x + i + kLanes));
    c = max(c, load(x + i + 2 * kLanes));
    d = max(d, load(x + i + 3 * kLanes));
  }
  for (; i + kLanes <= n; i += kLanes) a = max(a, load(x + i));
  if (i < n) b = max(b, load_first(x + i, n - i, lowest));
  return max_lane(max(max(a, b), max(c, d)));
}

inline float row_max(const float* x, size_t n, Prefetch wanted) {
  return with_prefetch(wanted, [=](auto ahead) { return max_element<decltype(ahead)>(x, n); });
}

// The smallest that is not masked; +inf where all are.
inline float min_element(const float* x, size_t n) {
  const splat masked = set1(-__builtin_inff()), all = set1(__builtin_inff());
  f32x16 least = all;
  in_pairs(x, n, -__builtin_inff(), [&](const auto& w, size_t) SOFTLANE_VECTOR {
    for (const f32x16& v : w.v) least = min(least, select(v == masked, all, v));
  });
  return -max_lane(set1(0.0f) - least);
}

inline bool any_nan(const float* x, size_t n) {
  mask16 nan = no_lanes();
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) nan = nan | is_nan(load(x + i));
  if (i < n) nan = nan | is_nan(load_first(x + i, n - i, 0.0f));
  return lanes(nan) != 0;
}

// The first index of value, or n.
inline size_t find(const float* x, size_t n, float value) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    if (const uint32_t m = lanes(load(x + i) == set1(value))) return i + __builtin_ctz(m);
  }
  for (; i < n; ++i) {
    if (x[i] == value) return i;
  }
  return n;
}

}  // namespace
}  // namespace softlane
