// Pools: a row to one number that stands for all of it, docs/pooling.md. Rows are often windows of
// an image, or the positions of a text.
#pragma once

#include "../rows/drivers.h"
#include "scores.h"
#include "summary.h"

namespace softlane {
namespace {

// sum x e^x / sum e^x = peak - sum (peak - x) e^(x - peak) / sum e^(x - peak).
struct SoftPool : Score<SoftPool, kMass | kSpread> {
  static constexpr const char* kName = "softPool";
  static constexpr bool kInPieces = false;  // some rows are looked at again at their end
  static bool valid(const Call&) { return true; }
  static Units context(const Call&) { return Units(1); }
  static void start(const Call&, State* state) { state->start({1}); }
  static double score(const Call&, const Units&, const Summary& s, const float* x, size_t n) {
    if (n <= kShortRow) return in_double(x, n, s.peak) + 0.0;
    const double below = s.spread / mass(s), pool = s.peak - below;
    // Where the two cancel, float terms would leave too few digits. No zero has a sign.
    return pool > below || pool < -below ? pool : in_double(x, n, s.peak) + 0.0;
  }
  // Nothing to pool is -inf, and +inf outweighs all others.
  static double without(const Summary& s) { return s.peak; }

  // Windows of an image: in_double, a row in each lane. False for a group with a row that is not
  // usual: masked whole, not finite, or as low as what stands for a masked element here.
  static bool sixteen_rows(const Call& call, const Units&, const float* x, float* y) {
    const size_t n = call.cols;
    float tile[kShortRow][kLanes], peak[kLanes];
    for (size_t r = 0; r < kLanes; ++r) {
      for (size_t j = 0; j < n; ++j) tile[j][r] = x[r * call.x_stride + j];
    }
    f32x16 highest = load(tile[0]);
    mask16 odd = no_lanes();
    for (size_t j = 0; j < n; ++j) {
      odd = odd | is_nan(load(tile[j]));
      highest = max(load(tile[j]), highest);
    }
    odd = odd | (highest >= set1(__builtin_inff())) | (set1(-1e38f) >= highest);
    if (lanes(odd) != 0) return false;
    store(peak, highest);

    double mass[kLanes][kLanes], moment[kLanes][kLanes];
    for (size_t j = 0; j < n; ++j) {
      double below[kLanes], w[kLanes], m[kLanes];
      store(tile[j], max(set1(-3.4028235e38f), load(tile[j])));
      for (size_t r = 0; r < kLanes; ++r) {
        const double d = static_cast<double>(tile[j][r]) - peak[r];
        below[r] = d > -700 ? d : -700;
      }
      for (size_t r = 0; r < kLanes; ++r) {
        w[r] = exp_bounded(below[r]);
        m[r] = w[r] * tile[j][r];
      }
      add(j >= kLanes, w, mass[j % kLanes]);
      add(j >= kLanes, m, moment[j % kLanes]);
    }
    add_lanes(n, mass);
    add_lanes(n, moment);
    for (size_t r = 0; r < kLanes; ++r) {
      y[r] = static_cast<float>(moment[0][r] / mass[0][r] + 0.0);
    }
    return true;
  }

 private:
  static void add(bool again, const double* terms, double* sums) {
    if (!again) std::memcpy(sums, terms, kLanes * sizeof(double));
    for (size_t r = 0; again && r < kLanes; ++r) sums[r] += terms[r];
  }
  // As tree_sum adds them, but for lanes that have no element.
  static void add_lanes(size_t n, double (*lanes)[kLanes]) {
    size_t left = n < kLanes ? n : kLanes;
    for (size_t half = kLanes / 2; half > 0; half /= 2) {
      for (size_t j = 0; j + half < left; ++j) add(true, lanes[j + half], lanes[j]);
      left = left < half ? left : half;
    }
  }
  static double in_double(const float* x, size_t n, double peak) {
    double mass[kLanes] = {}, moment[kLanes] = {};
    for (size_t i = 0; i < n; ++i) {
      const double w = exp_double(x[i] - peak);
      if (w == 0) continue;
      mass[i % kLanes] += w;
      moment[i % kLanes] += w * x[i];
    }
    return tree_sum(moment) / tree_sum(mass);
  }
};

// What a text model weighs a word by, over the positions of a text that its mask leaves: an
// operator adds kName and row.
template <class Op>
struct Splade {
  // One for all words of a text.
  static constexpr Operand kOperands[] = {
      {"mask", Element::kInt32, false, true, false, one_a_column, true}};
  static bool valid(const Call&) { return true; }

  // x_i, or 0 where it is below or masked; NaN stays.
  struct Positions {
    const int32_t* mask;
    size_t n;
    explicit Positions(const Call& call, size_t count)
        : mask(operand_at<const int32_t>(call, kOperands, 0)), n(count) {}
    // Of elements from i on.
    SOFTLANE_VECTOR f32x16 operator()(f32x16 v, size_t i) const {
      const f32x16 zero = set1(0.0f);
      const f32x16 r = max(zero, v);  // NaN passes
      if (mask == nullptr || i >= n) return r;
      return select(load_mask(mask + i, n - i < kLanes ? n - i : kLanes), r, zero);
    }
  };
  // f(r, i) for every pair of vectors or more.
  template <class F>
  static void each(const Call& call, const float* x, size_t n, F f) {
    const Positions positions(call, n);
    in_pairs(x, n, 0.0f, [&](auto v, size_t i) SOFTLANE_VECTOR {
      Fetch<Prefetch::kNext>::after(x, i, sizeof v / sizeof(f32x16));
      for (size_t j = 0; j < sizeof v / sizeof(f32x16); ++j) {
        v.v[j] = positions(v.v[j], i + j * kLanes);
      }
      f(v);
    });
  }
};

// The largest of all, and whether there is a NaN.
struct LargestPosition {
  f32x16 most = set1(0.0f);
  mask16 nan = no_lanes();

  template <class V>
  SOFTLANE_VECTOR void add(const V& v) {
    for (const f32x16& r : v.v) {
      nan = nan | is_nan(r);
      most = max(r, most);
    }
  }
  float value() const { return lanes(nan) != 0 ? __builtin_nanf("") : max_lane(most); }
};

// max ln(1 + max(0, x_i)): the logarithm is monotone, so there is one for all.
struct SpladeMax : Splade<SpladeMax> {
  static constexpr const char* kName = "spladeMax";
  static float row(const Call& call, const float* x, size_t n) {
    LargestPosition largest;
    each(call, x, n, [&](const auto& v) SOFTLANE_VECTOR { largest.add(v); });
    const float r = largest.value();
    return is_finite(r) ? static_cast<float>(log1p_double(r)) : r;
  }
};

// sum ln(1 + max(0, x_i)).
struct SpladeSum : Splade<SpladeSum> {
  static constexpr const char* kName = "spladeSum";
  static float row(const Call& call, const float* x, size_t n) {
    LargestPosition largest;
    LaneSums sums;
    each(call, x, n, [&](auto v) SOFTLANE_VECTOR {
      largest.add(v);
      for (f32x16& r : v.v) r = log1p(r);
      for (size_t j = 0; j < sizeof v / sizeof(f32x16); j += 2) sums.add(v.v[j] + v.v[j + 1]);
    });
    const float most = largest.value();
    return is_finite(most) ? static_cast<float>(sums.total()) : most;
  }

 private:
  // For r >= 0: the logarithm of what 1 + r is rounded to, and of what that lacks.
  SOFTLANE_VECTOR static f32x16 log1p(f32x16 r) {
    const splat one = set1(1.0f);
    const f32x16 u = r + one;
    const f32x16 lacks = select(r >= one, one - (u - r), r - (u - one));
    return log(u) + lacks / u;
  }
};

}  // namespace
}  // namespace softlane
