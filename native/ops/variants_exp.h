// What stands in the place of softmax and has exponentials: softpick, self-adjust softmax, softmax
// of adaptive temperature. docs/variants.md.
#pragma once

#include "softmax.h"
#include "variants.h"

namespace softlane {
namespace {

constexpr float kFarthest = 0x1.fffffep127f;

// |e^x - 1| 2^(60 - e) of every element, e being the exponent of the row's largest term, and 0 for
// masked ones. Near 0, from -0.7 to 1.1, e^x - 1 is x + x^2 q(x), relative minimax, 2^-27.7;
// beyond, nothing of e^x is lost by the subtraction that its own error would be seen in.
constexpr float kPickC[8] = {0.5f,
                             0x1.555552p-3f,
                             0x1.555552p-5f,
                             0x1.1112b8p-7f,
                             0x1.6c161cp-10f,
                             0x1.9ee7acp-13f,
                             0x1.a322d6p-16f,
                             0x1.b929fcp-19f};

struct PickTerms {
  Exponential<true> k;
  splat low, one, width;

  // With a shift, the row's largest element, x is the difference from it, and 1 counts for nothing
  // beside e^shift: `width` says that nothing is near 0.
  PickTerms(double e, bool is_shifted)
      : k(exp_constants(kPlain, 1.0), kBias - static_cast<int>(e)),
        low(set1(static_cast<float>((e - 180) * kLn2))),
        one(set1(is_shifted || e > 180 ? 0.0f : static_cast<float>(scale_double(1, kBias - e)))),
        width(set1(is_shifted ? -1.0f : 0.9f)) {}

  // The same with its sign; x is masked from `low` on.
  template <class V>
  SOFTLANE_VECTOR V signed_term(const V& x) const {
    const V c = max(low, x);
    const V z = k.round(c);
    const V far = k.power(z, k.tail(c, z)) - one;
    V q = fma(x, set1(kPickC[7]), set1(kPickC[6]));
    for (int i = 5; i >= 0; --i) q = fma(q, x, set1(kPickC[i]));
    const V near = fma(x * x, q, x) * one;
    return by_sign(abs(x - set1(0.2f)) - width, near, far);
  }
  template <class V>
  SOFTLANE_VECTOR V operator()(const V& x) const {
    return by_sign(x + set1(kFarthest), set1(0.0f), abs(signed_term(x)));
  }
};

// max(e^x - 1, 0) / (sum of |e^x_j - 1| + epsilon e^max(x)). At most 4 ULP (docs/variants.md).
struct Softpick {
  static constexpr const char* kName = "softpick";
  static constexpr int kEpsilon = 3;  // place in Call::params

  static bool valid(const Call& call) {
    return call.params[kEpsilon] >= 0 && call.params[kEpsilon] <= 1;
  }

  static void row(const Call& call, const float* x, float* y, size_t n) {
    const float top = max_element(x, n);
    if (any_nan(x, n) || top == __builtin_inff()) return fill(y, n, __builtin_nanf(""));
    // Nothing is above 0, or all is masked.
    if (!(top > 0)) return fill(y, n, 0.0f);
    const bool is_shifted = top > 200;
    const double shift = is_shifted ? top : 0, highest = is_shifted ? 0 : top;
    const double e = static_cast<double>(static_cast<int64_t>(highest * kLog2e));
    const Units u(1);
    const PickTerms terms(e, is_shifted);
    double total = call.params[kEpsilon] * 0x1p60 / exp_double(e * kLn2 - highest);
    for (size_t i = 0; i < n; i += kBlock) {
      const Block block(u, shift, x + i, block_length(n, i));
      total += sum(block.data(), block_length(n, i), -__builtin_inff(), terms, NoSink());
    }
    const double r = 1 / total;
    const float near = static_cast<float>(r);
    const splat hi = set1(near), lo = set1(static_cast<float>(r - near)), zero = set1(0.0f);
    for (size_t i = 0; i < n; i += kBlock) {
      const Block block(u, shift, x + i, block_length(n, i));
      // Of what is shifted: from there on results are 0, as those of negative elements are.
      const splat least = is_shifted ? terms.low : zero;
      map(block.data(), y + i, block_length(n, i), call.stream, [&](const auto& v) SOFTLANE_VECTOR {
        const auto w = terms.signed_term(v);
        return by_sign(v - least, zero, max(fma(w, hi, w * lo), zero));
      });
    }
  }
};

// x softmax(x), or (x - l) / (h - l) softmax(x), l being the least element or 0, and h the largest
// or 0. At most 6 ULP (docs/variants.md).
struct SelfAdjustSoftmax {
  static constexpr const char* kName = "selfAdjustSoftmax";
  static constexpr int kNormalised = 10;  // place in Call::params

  static bool valid(const Call& call) {
    const double normalised = call.params[kNormalised];
    return valid_masked_row(call) && (normalised == 0 || normalised == 1);
  }

  static void row(const Call& call, const float* x, float* y, size_t n) {
    const float top = max_element(x, n);
    if (fill_without(call, top, x, y, n)) return;
    const float least = min_element(x, n);
    const bool normalised = call.params[kNormalised] != 0;
    const double h = top > 0 ? top : 0, l = least < 0 ? least : 0;
    const double from = normalised ? l : 0, width = normalised ? h - l : 1;
    // Every factor is 0/0: nothing to weigh.
    if (width == 0) return fill(y, n, 0.0f);
    const Units u(1);
    const Partial total = row_sum(u, {Algorithm::kOnline, call.prefetch}, x, n);
    if (h < 0x1p13 && l > -0x1p13 && width > 0x1p-20) {
      by_floats(call, u, total, static_cast<float>(from), width, x, y, n);
    } else {
      by_doubles(total, from, width, x, y, n);
    }
  }

 private:
  // Results below 2^-126 are +0.
  static void by_floats(const Call& call, const Units& u, const Partial& total, float from,
                        double width, const float* x, float* y, size_t n) {
    const Terms terms(u, total.e);
    const double r = 1 / (total.m * kGain * width);
    const float near = static_cast<float>(r);
    const splat hi = set1(near), lo = set1(static_cast<float>(r - near)), offset = set1(from);
    const splat unit = set1(0x1p-60f), tiny = set1(0x1p-126f), zero = set1(0.0f);
    map(x, y, n, call.stream, [&](const auto& v) SOFTLANE_VECTOR {
      const auto c = max(terms.low, v);
      const auto w = terms(c);
      const auto p = (c - offset) * fma(w, hi, w * lo) * unit;
      // What lies below has a result of +0, the masked too: their factor is not theirs.
      return by_sign(terms.low - v, by_sign(abs(p) - tiny, zero, p), zero);
    });
  }
  static void by_doubles(const Partial& total, double from, double width, const float* x, float* y,
                         size_t n) {
    const double log_sum = log_unshifted(total);
    for (size_t i = 0; i < n; ++i) {
      const double d = (static_cast<double>(x[i]) - total.shift) - log_sum;
      const double p = exp_double(d < 0 ? d : 0);
      const double v = p == 0 ? 0 : (x[i] - from) / width * p;
      const double size = v < 0 ? -v : v;
      y[i] = size < 0x1p-126 ? 0.0f : static_cast<float>(v);
    }
  }
};

// softmax(b x), b >= 1 a polynomial of the entropy of softmax(x). At most 4 ULP (docs/variants.md).
// b multiplies differences of up to 87, so the entropy is worked out in double.
struct AdaptiveTemperatureSoftmax {
  static constexpr const char* kName = "adaptiveTemperatureSoftmax";
  static bool valid(const Call& call) { return valid_masked_row(call); }

  static void row(const Call& call, const float* x, float* y, size_t n) {
    const float top = max_element(x, n);
    if (fill_without(call, top, x, y, n)) return;
    const Units u(1 / sharpness(entropy(top, x, n)));
    const Partial total = row_sum(u, {Algorithm::kOnline, call.prefetch}, x, n);
    normalise(call, u, total, x, y, n);
  }

 private:
  static double sharpness(double h) {
    constexpr double kC[] = {-0.037, 0.481, -2.3, 4.917, -1.791};
    double p = 0;
    for (const double c : kC) p = p * h + c;
    return h > 0.5 && p > 1 ? p : 1;
  }

  // ln S + T / S, S the sum of e^-d and T that of d e^-d, d = top - x. Vectors that are e^-60 of
  // the largest element or less are passed over.
  static double entropy(float top, const float* x, size_t n) {
    const double bound = static_cast<double>(top) - 60;
    const splat low = set1(bound > -3e38 ? static_cast<float>(bound) : -__builtin_inff());
    double mass[kLanes] = {}, moment[kLanes] = {};
    for (size_t i = 0; i < n; i += kLanes) {
      const f32x16 v = n - i < kLanes ? load_first(x + i, n - i, -__builtin_inff()) : load(x + i);
      if (lanes(v >= low) == 0) continue;
      float copy[kLanes];
      store(copy, v);
      for (size_t j = 0; j < kLanes; ++j) {
        const double d = static_cast<double>(top) - copy[j], near = d < 100 ? d : 100;
        const double e = exp_minus(near);
        mass[j] += e;
        moment[j] += near * e;
      }
    }
    const double s = tree_sum(mass);
    return log_double(s, 0) + tree_sum(moment) / s;
  }
  // e^-d for 0 <= d <= 100, without a branch: lanes go together.
  static double exp_minus(double d) {
    constexpr double kRound = 0x1.8p52;
    const double z = kRound - d * kLog2e, k = z - kRound;
    const double t = (-d - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33;
    constexpr double kC[] = {1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
                             1.0 / 5040,     1.0 / 720,     1.0 / 120,    1.0 / 24,
                             1.0 / 6,        0.5,           1.0,          1.0};
    double p = 1.0 / 479001600;
    for (const double c : kC) p = p * t + c;
    uint64_t bits, power;
    std::memcpy(&bits, &p, sizeof bits);
    std::memcpy(&power, &z, sizeof power);
    bits += power << 52;
    std::memcpy(&p, &bits, sizeof p);
    return p;
  }
};

}  // namespace
}  // namespace softlane
