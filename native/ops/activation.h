// Activations: maps of one element.
#pragma once

#include "../rows/drivers.h"
#include "../simd/math.h"

namespace softlane {
namespace {

// x sigmoid(x) = x / (1 + e^-x); also swish with beta = 1. At most 3 ULP (docs/activations.md).
//
// With e^-x = p 2^n and m = max(n, 0) it is x / (2^-m + p 2^(n - m)) * 2^-m: no power overflows,
// and the last factor rounds once where the result is subnormal, as e^-x alone would have
// overflowed before.
struct Silu {
  static constexpr const char* kName = "silu";

  struct Context {
    PlainExp exp;
    splat lowest, smallest, smallest_eighths, zero, bias, eighth, minus_eight;

    // 2^k for k <= 0. Cut where it is added to something near 1.
    template <class V>
    SOFTLANE_VECTOR V power(const V& k) const {
      return pow2_low_bits(k + bias);
    }
  };

  static bool valid(const Call&) { return true; }
  static Context context(const Call&) {
    // Below -150 the result is -0 as it is there, for -inf too.
    return {PlainExp(), set1(-150.0f),         set1(-120.0f), set1(-960.0f),
            set1(0.0f), set1(kMagic + 127.0f), set1(0.125f),  set1(-8.0f)};
  }
  template <class V>
  SOFTLANE_VECTOR static V vector(const Context& k, const V& v) {
    const V x = max(k.lowest, v);  // max(a, b) lets a NaN in b pass
    const V minus = max(k.lowest, k.zero - x);
    const V z = k.exp.round(minus);
    const V tail = k.exp.tail(minus, z);
    const V n = fma(z - k.exp.magic, k.eighth, k.exp.magic) - k.exp.magic;
    const V m = max(n, k.zero);
    const V down = max(k.smallest, k.zero - m);
    const V one = k.power(down);
    // e^-x 2^-m, cut likewise.
    const V eighths = max(k.smallest_eighths, fma(m, k.minus_eight, z - k.exp.magic));
    const V d = k.exp.power(eighths + k.exp.magic, tail) + one;
    return x / d * one * k.power((k.zero - m) - down);
  }
};

}  // namespace
}  // namespace softlane
