// What stands in the place of softmax: StableMax, and the projections that give exact zeros.
// docs/variants.md.
#pragma once

#include "../rows/drivers.h"
#include "../rows/reduce.h"
#include "../rows/state.h"

namespace softlane {
namespace {

constexpr int kVariantMaskedRow = 1;  // place in Call::params

inline bool valid_masked_row(const Call& call) {
  return call.params[kVariantMaskedRow] == 0 || call.params[kVariantMaskedRow] == 1;
}

// A row with a NaN or a +inf has no distribution, nor has one that is masked whole.
inline bool has_distribution(float top, const float* x, size_t n) {
  return is_finite(top) && !any_nan(x, n);
}
inline bool fill_without(const Call& call, float top, const float* x, float* y, size_t n) {
  if (has_distribution(top, x, n)) return false;
  const bool masked = top == -__builtin_inff() && !any_nan(x, n);
  const bool zeros = masked && call.params[kVariantMaskedRow] != 0;
  fill(y, n, zeros ? 0.0f : __builtin_nanf(""));
  return true;
}

// s(x) / sum of s(x_j), s(x) = x + 1 for x >= 0 and 1 / (1 - x) below. At most 4 ULP
// (docs/variants.md). All s are scaled by the power of two that brings the largest to [1, 2).
struct StableMax {
  static constexpr const char* kName = "stableMax";

  struct Terms {
    splat scale, one = set1(1.0f);
    template <class V>
    SOFTLANE_VECTOR V operator()(const V& x) const {
      const V a = abs(x) + one;
      return by_sign(x, scale / a, fma(abs(x), scale, scale));
    }
  };
  static bool valid(const Call& call) { return valid_masked_row(call); }

  static void row(const Call& call, const float* x, float* y, size_t n) {
    const float top = max_element(x, n);
    if (fill_without(call, top, x, y, n)) return;
    const double largest = top >= 0 ? 1.0 + top : 1 / (1.0 - top);
    double scale = 0x1p-126;
    while (scale < 0x1p127 && scale * largest < 1) scale *= 2;
    const Terms terms{set1(static_cast<float>(scale))};
    double total = 0;
    for (size_t i = 0; i < n; i += kBlock) {
      total += sum(x + i, block_length(n, i), -__builtin_inff(), terms, NoSink());
    }
    const double r = 1 / total;
    const float near = static_cast<float>(r);
    const splat hi = set1(near), lo = set1(static_cast<float>(r - near));
    map(x, y, n, call.stream, [&](const auto& v) SOFTLANE_VECTOR {
      const auto w = terms(v);
      return fma(w, hi, w * lo);
    });
  }
};

// What the projections share: y_i = f(max(0, g (x_i - top) - tau)), tau such that the y add up
// to 1. Only elements within 1/g of the top can be more than 0: vectors without any are passed
// over, the others are worked on in double, so that nothing cancels and no offset of the row is too
// large.
struct Sums {
  double first[kLanes] = {}, second[kLanes] = {}, count[kLanes] = {};
};

class Projection {
 public:
  Projection(double g, float top, const float* x, size_t n) : g_(g), top_(top), x_(x), n_(n) {}

  // Of t = g (x - top) - tau over the elements with t > 0: their sum, that of their squares, and
  // how many there are.
  void sums(double tau, double* first, double* second, double* count) const {
    Sums s;
    each_near(tau, [&](const float* v, size_t, size_t) {
      for (size_t l = 0; l < kLanes; ++l) {
        const double t = above(v[l], tau);
        s.first[l] += t;
        s.second[l] += t * t;
        s.count[l] += t > 0 ? 1 : 0;
      }
    });
    *first = tree_sum(s.first), *second = tree_sum(s.second), *count = tree_sum(s.count);
  }

  // y = f(t), 0 elsewhere. y may be x.
  template <class F>
  void map(double tau, float* y, F f) const {
    each(tau, [&](const float* v, size_t i, size_t count, bool near) {
      float r[kLanes] = {};
      if (near) {
        for (size_t l = 0; l < kLanes; ++l) r[l] = static_cast<float>(f(above(v[l], tau)));
      }
      store_first(y + i, load(r), count);
    });
  }

 private:
  double above(float x, double tau) const {
    const double t = (static_cast<double>(x) - top_) * g_ - tau;
    return t > 0 ? t : 0;
  }
  // f(vector, its place, its length, whether an element can be more than 0).
  template <class F>
  void each(double tau, F f) const {
    const double lowest = top_ + tau / g_;
    // A float that is not above it.
    const double margin = (lowest > 0 ? lowest : -lowest) * 0x1p-22 + 0x1p-140;
    const double bound = lowest - margin;
    const splat low = set1(bound > -3e38 ? static_cast<float>(bound) : -__builtin_inff());
    for (size_t i = 0; i < n_; i += kLanes) {
      const size_t count = n_ - i < kLanes ? n_ - i : kLanes;
      const f32x16 v =
          count == kLanes ? load(x_ + i) : load_first(x_ + i, count, -__builtin_inff());
      float copy[kLanes];
      const bool near = lanes(v >= low) != 0;
      if (near) store(copy, v);
      f(copy, i, count, near);
    }
  }
  template <class F>
  void each_near(double tau, F f) const {
    each(tau, [&](const float* v, size_t i, size_t count, bool near) {
      if (near) f(v, i, count);
    });
  }

  double g_, top_;
  const float* x_;
  size_t n_;
};

// max(0, x - tau), the projection on the simplex. From tau = -1 on (top being 0) every step is
// Michelot's: what the elements above tau miss to add up to 1. tau rises, the elements above it
// become fewer, and it is exact once they do not.
struct Sparsemax {
  static constexpr const char* kName = "sparsemax";
  static constexpr const char* kThresholdName = "sparsemaxThreshold";
  static constexpr double kScale = 1;

  static double threshold(const Projection& p) {
    double tau = -1, before = __builtin_inf();
    for (;;) {
      double first, second, count;
      p.sums(tau, &first, &second, &count);
      tau += (first - 1) / count;
      if (!(count < before)) return tau;
      before = count;
    }
  }
  static double power(double t) { return t; }
};

// max(0, x / 2 - tau)^2, by Newton's steps from tau = -1 on: the sum of squares is convex, so they
// never go too far.
struct Entmax15 {
  static constexpr const char* kName = "entmax15";
  static constexpr const char* kThresholdName = "entmax15Threshold";
  static constexpr double kScale = 0.5;

  static double threshold(const Projection& p) {
    double tau = -1, step = 1;
    for (int i = 0; i < 64 && step > 1e-12; ++i) {
      double first, second, count;
      p.sums(tau, &first, &second, &count);
      step = (second - 1) / (2 * first);
      tau += step;
    }
    return tau;
  }
  static double power(double t) { return t * t; }
};

// The row of a projection.
template <class P>
struct Projected {
  static constexpr const char* kName = P::kName;
  static bool valid(const Call& call) { return valid_masked_row(call); }

  static void row(const Call& call, const float* x, float* y, size_t n) {
    const float top = max_element(x, n);
    if (fill_without(call, top, x, y, n)) return;
    const Projection p(P::kScale, top, x, n);
    p.map(P::threshold(p), y, P::power);
  }
};

// Its tau alone, which is not relative to the top.
template <class P>
struct Threshold {
  static constexpr const char* kName = P::kThresholdName;
  static bool valid(const Call&) { return true; }

  static float row(const Call&, const float* x, size_t n) {
    const float top = max_element(x, n);
    if (!has_distribution(top, x, n)) return __builtin_nanf("");
    const Projection p(P::kScale, top, x, n);
    return static_cast<float>(P::threshold(p) + P::kScale * top + 0.0);
  }
};

}  // namespace
}  // namespace softlane
