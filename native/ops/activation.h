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
    ExtExp exp;
    f32x16 lowest, smallest, zero, bias;

    // 2^k for k <= 0. Cut where it is added to something near 1.
    f32x16 power(f32x16 k) const { return pow2_low_bits(k + bias); }
  };

  static bool valid(const Call&) { return true; }
  static Context context(const Call&) {
    // Below -150 the result is -0 as it is there, for -inf too.
    return {ExtExp(exp_constants(1.0), 0), set1(-150.0f), set1(-120.0f), set1(0.0f),
            set1(kMagic + 127.0f)};
  }
  static f32x16 vector(const Context& k, f32x16 v) {
    const f32x16 x = max(k.lowest, v);  // max(a, b) lets a NaN in b pass
    const f32x16 minus = max(k.lowest, k.zero - x);
    const f32x16 z = k.exp.round(minus);
    const f32x16 p = k.exp.mantissa(minus, z);
    const f32x16 n = k.exp.exponent(z);
    const f32x16 m = max(n, k.zero);
    const f32x16 down = max(k.smallest, k.zero - m);
    const f32x16 one = k.power(down);
    const f32x16 d = fma(p, k.power(max(k.smallest, n - m)), one);
    return x / d * one * k.power((k.zero - m) - down);
  }
};

}  // namespace
}  // namespace softlane
