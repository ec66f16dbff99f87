// Mean, squared deviations, smallest and largest of a row in one read, as sums of blocks that merge
// (Chan, Golub and LeVeque 1979). Masked elements (-inf) are counted out.
//
// The mean is a float, near it, plus what is missing: a row with an offset that is large beside its
// spread keeps the digits of its differences.
#pragma once

#include "../rows/reduce.h"
#include "../rows/state.h"
#include "../rows/tree.h"

namespace softlane {
namespace {

struct Moments {
  double count = 0;
  double base = 0, offset = 0;  // the mean is base + offset
  double squares = 0;           // of the deviations from it
  double least = __builtin_inf(), most = -__builtin_inf();
};

inline double mean(const Moments& m) { return m.base + m.offset; }

// A row with a NaN or a +inf has no deviations, and none with nothing in it.
inline bool has_moments(const Moments& m) { return m.count > 0 && is_finite(m.squares); }

inline Moments without_moments(const Moments& m, double mean) {
  return {m.count, mean, 0, __builtin_nan(""), m.least, m.most};
}

inline Moments merge(const Moments& a, const Moments& b) {
  if (a.count == 0) return b;
  if (b.count == 0) return a;
  Moments m = a;
  m.count += b.count;
  m.least = b.least < a.least ? b.least : a.least;
  m.most = b.most > a.most ? b.most : a.most;
  if (!has_moments(a) || !has_moments(b)) return without_moments(m, mean(a) + mean(b));
  const double gap = (b.base - a.base) + (b.offset - a.offset);
  m.offset += gap * (b.count / m.count);
  m.squares += b.squares + gap * gap * (a.count * (b.count / m.count));
  return m;
}

// Sums of x and of its deviations in double: for elements whose squares would leave the range of a
// float.
inline void moments_in_double(const float* x, size_t n, Moments* m) {
  const double masked = -__builtin_inf();
  double lane[kLanes] = {};
  for (size_t i = 0; i < n; ++i) lane[i % kLanes] += x[i] == masked ? 0 : x[i];
  m->base = tree_sum(lane) / m->count;
  double apart[kLanes] = {}, squares[kLanes] = {};
  for (size_t i = 0; i < n; ++i) {
    const double d = x[i] == masked ? 0 : x[i] - m->base;
    apart[i % kLanes] += d;
    squares[i % kLanes] += d * d;
  }
  m->offset = tree_sum(apart) / m->count;
  m->squares = tree_sum(squares) - m->count * m->offset * m->offset;
}

inline Moments moments_of_block(const float* x, size_t n) {
  const float infinity = __builtin_inff();
  const splat masked = set1(-infinity), zero = set1(0.0f), one = set1(1.0f), all = set1(infinity);
  f32x16 ones = zero, least = all, most = masked;
  LaneSums sum;
  in_pairs(x, n, -infinity, [&](const auto& w, size_t i) SOFTLANE_VECTOR {
    for (const f32x16& v : w.v) {
      const mask16 gone = v == masked;
      ones = ones + select(gone, zero, one);
      least = min(least, select(gone, all, v));
      most = max(most, v);
      sum.add(select(gone, zero, v));
    }
    Fetch<Prefetch::kNext>::after(x, i, sizeof w / sizeof(f32x16));
  });
  Moments m;
  m.count = sum_lanes(ones, zero);
  m.most = max_lane(most);
  m.least = -max_lane(zero - least);
  if (any_nan(x, n)) return without_moments(m, __builtin_nan(""));
  if (m.count == 0) return Moments();
  if (m.most == infinity) return without_moments(m, infinity);
  if (m.most == m.least) {
    m.base = m.most;
    return m;
  }
  const double size = m.most > -m.least ? m.most : -m.least, spread = m.most - m.least;
  if (size > 0x1p50 || spread < 0x1p-50) {
    moments_in_double(x, n, &m);
    return m;
  }
  const double near = sum.total() / m.count;
  const float base = static_cast<float>(near);
  const splat middle = set1(base);
  LaneSums apart, squares;
  in_pairs(x, n, -infinity, [&](const auto& w, size_t) SOFTLANE_VECTOR {
    auto d = w;
    for (f32x16& v : d.v) v = select(v == masked, zero, v - middle);
    for (const f32x16& v : d.v) apart.add(v);
    for (size_t j = 0; j < sizeof d / sizeof(f32x16); j += 2) {
      squares.add(fma(d.v[j], d.v[j], d.v[j + 1] * d.v[j + 1]));
    }
  });
  m.base = base;
  // The differences are exact where they are small beside the mean, and the sum of x where not.
  const bool offset = (m.least > 0 && m.most <= 2 * base && m.least >= 0.5 * base) ||
                      (m.most < 0 && m.least >= 2 * base && m.most <= 0.5 * base);
  m.offset = offset ? apart.total() / m.count : near - base;
  m.squares = squares.total() - m.count * m.offset * m.offset;
  return m;
}

struct MergeMoments {
  Moments operator()(const Moments& a, const Moments& b) const { return merge(a, b); }
};

using MomentsTree = Tree<Moments, MergeMoments>;

inline void push_moments(const float* x, size_t n, MomentsTree* tree) {
  for (size_t i = 0; i < n; i += kBlock) {
    tree->push(moments_of_block(x + i, block_length(n, i)), 0);
  }
}

inline Moments moments_of_row(const float* x, size_t n) {
  if (n <= kBlock) return moments_of_block(x, n);
  MomentsTree tree;
  tree.start({});
  push_moments(x, n, &tree);
  return tree.total();
}

// The p-norm of a row less its mean: e^log_root 2^exponent.
struct PowerSum {
  int exponent;
  double log_root;
};

inline bool valid_power(double p) { return p >= 1 && p <= 32 && p == static_cast<int>(p); }

// Another read of the row. Elements are scaled by a power of two
// that brings the largest to [1, 2); what is below 2^-90 of it is not told from 2^-90.
inline PowerSum sum_of_powers(const float* x, size_t n, const Moments& middle, int p) {
  const double above = (middle.most - middle.base) - middle.offset;
  const double below = (middle.base - middle.least) + middle.offset;
  const int exponent = exponent_of(above > below ? above : below);
  const double up = pow2_double(-exponent / 2), down = pow2_double(-exponent - -exponent / 2);
  const double centre = mean(middle) * up * down;
  const float hi = static_cast<float>(centre);
  const splat c_hi = set1(hi), c_lo = set1(static_cast<float>(centre - hi)), zero = set1(0.0f);
  const splat first = set1(static_cast<float>(up)), then = set1(static_cast<float>(down));
  const splat masked = set1(-__builtin_inff());
  // Powers of less would be subnormal.
  const splat floor = set1(static_cast<float>(pow2_double(-100 / p)));
  double total = 0;
  for (size_t i = 0; i < n; i += kBlock) {
    LaneSums sums;
    in_pairs(x + i, block_length(n, i), -__builtin_inff(),
             [&](const auto& w, size_t at) SOFTLANE_VECTOR {
               Fetch<Prefetch::kNext>::after(x + i, at, sizeof w / sizeof(f32x16));
               auto d = (w * first * then - c_hi) - c_lo;
               for (size_t j = 0; j < sizeof w / sizeof(f32x16); ++j) {
                 const mask16 gone = (w.v[j] == masked) | is_nan(w.v[j]);
                 d.v[j] = select(gone, zero, max(d.v[j], zero - d.v[j]));
               }
               auto t = max(floor, d), power = t;
               for (int left = p - 1; left > 0; left >>= 1) {
                 if (left & 1) power = power * t;
                 if (left > 1) t = t * t;
               }
               for (size_t j = 0; j < sizeof w / sizeof(f32x16); j += 2) {
                 sums.add(power.v[j] + power.v[j + 1]);
               }
             });
    total += sums.total();
  }
  return {exponent, log_double(total, 0) / p};
}

inline double p_norm(const Moments& m, const float* x, size_t n, int p) {
  if (!has_moments(m)) return __builtin_nan("");
  if (m.squares == 0) return 0;
  const PowerSum sum = sum_of_powers(x, n, m, p);
  // The root may be more than 1, and exp_double takes what is at most 0.
  return pow2_double(sum.exponent) / exp_double(-sum.log_root);
}

}  // namespace
}  // namespace softlane
