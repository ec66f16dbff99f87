// Rows of a few elements, sixteen at a time with a row in each lane: in a row of ten, six lanes of
// a vector and most of its latency would be idle. The terms and the order of their addition are
// those of a row on its own (reduce.h), so the bits are too.
#pragma once

#include "exp_sum.h"

namespace softlane {
namespace {

// Element j of row r at [j][r].
using ShortTile = float[kShortRow][kLanes];

// tile[j][r] is the term of element j of row r relative to 2^(top / 8 - kBias); sum[r] is the row's
// sum of terms without the gain.
struct ShortRows {
  ShortTile logits, tile;
  double sum[kLanes];
  float top[kLanes];

  // False for a group with a row that is not usual: masked whole, not finite, or to be shifted.
  bool reduce(const Units& u, const float* x, size_t stride, size_t n) {
    if (u.scale != 1.0f) return false;
    for (size_t r = 0; r < kLanes; ++r) {
      for (size_t j = 0; j < n; ++j) logits[j][r] = x[r * stride + j];
    }
    const ExtExp k(u.k, 0);
    const splat low = set1(u.at_exponent(-kExponentLimit));
    const splat deepest = set1(static_cast<float>(-8 * kDepth)), bias = set1(kMagic + 8 * kBias);
    f32x16 highest = set1(kMagic - 8 * static_cast<float>(kExponentLimit));
    for (size_t j = 0; j < n; ++j) highest = max(k.round(max(low, load(logits[j]))), highest);
    highest = floor_eighths(highest);
    const auto term = [&](const auto& x) SOFTLANE_VECTOR {
      const auto c = max(low, x);  // NaN passes
      const auto z = k.round(c);
      return k.power(max(deepest, z - highest) + bias, k.tail(c, z));
    };
    size_t j = 0;
    for (; j + kTogether <= n; j += kTogether) {
      const wide<kTogether> w = term(load_wide<kTogether>(logits[j]));
      for (size_t i = 0; i < kTogether; ++i) store(tile[j + i], w.v[i]);
    }
    for (; j < n; ++j) store(tile[j], term(load(logits[j])));
    store(top, highest - k.magic);
    add(tile, n, sum);
    bool usual = true;
    for (size_t r = 0; r < kLanes; ++r) {
      usual &= is_finite(sum[r]) && is_carried(top[r] / 8.0);
    }
    return usual;
  }

  // The row's sum as a Partial.
  Partial partial(size_t r) const { return {kOverGain * sum[r], top[r] / 8.0 - kBias, 0, 0}; }

  void write(float* y, size_t stride, size_t n) const {
    for (size_t r = 0; r < kLanes; ++r) {
      for (size_t j = 0; j < n; ++j) y[r * stride + j] = tile[j][r];
    }
  }

  // The sum of every row of terms. Lane j of a row is element j plus element j + 16; lanes are
  // added as in sum_lanes.
  static void add(const ShortTile& terms, size_t n, double* sum) {
    double lanes[kLanes / 2][kLanes];
    const auto lane = [&](size_t j, size_t r) {
      return static_cast<double>(j + kLanes < n ? terms[j][r] + terms[j + kLanes][r] : terms[j][r]);
    };
    const size_t used = n < kLanes ? n : kLanes;
    for (size_t j = 0; j < kLanes / 2 && j < used; ++j) {
      const bool two = j + kLanes / 2 < used;
      for (size_t r = 0; r < kLanes; ++r) {
        lanes[j][r] = two ? lane(j, r) + lane(j + kLanes / 2, r) : lane(j, r);
      }
    }
    size_t left = used < kLanes / 2 ? used : kLanes / 2;
    for (size_t half = kLanes / 4; half > 0; half /= 2) {
      for (size_t j = 0; j + half < left; ++j) {
        for (size_t r = 0; r < kLanes; ++r) lanes[j][r] += lanes[j + half][r];
      }
      left = left < half ? left : half;
    }
    for (size_t r = 0; r < kLanes; ++r) sum[r] = lanes[0][r];
  }
};

}  // namespace
}  // namespace softlane
