// The exponential as a (mantissa, exponent) pair, and exp and log on top, for every backend.
//
// Note [Reduction]. e^(x/T) = 2^(k/8) * e^t with k = round(8 x log2(e) / T) and t = x/T - k ln2/8.
// Everything is folded into the constants, so that a temperature T costs nothing: t is kept in the
// units of x, where it is x - k (T ln2/8), and the coefficients carry the powers of 1/T. T ln2/8 is
// the sum of two floats and both steps are FMAs, so t is right to half an ulp while |k| < 2^18,
// which no subtraction of a row maximum beforehand could give: x itself is reduced, never a rounded
// x - max. k comes from adding 1.5 * 2^23 plus an integer bias: the low bits of that sum z are k +
// bias, ready to choose one of eight powers and to be shifted into an exponent field; z minus the
// same constant is k as a float.
//
// Note [Gain]. The eight powers are stored as floats, and 2^(j/8) can be half an ulp away from one.
// Where only a quotient of sums is wanted, as in softmax, the table holds G 2^(j/8) instead, with a
// G for which all eight lie within 0.084 * 2^-24 of a float (Gal 1986 has the idea of tables that
// are exact by choice); where the sum itself is wanted G is divided out in double. With e^t - 1 = t
// (c1 + c2 t + c3 t^2) the pair G e^(x/T) is right to 1.38 * 2^-24; a polynomial of degree 6
// without a table gives 1.30 for three FMAs more (docs/numerics.md has the search for G and c). exp
// itself keeps G = 1, so that e^0 is 1, and one more degree makes up for the table.
#pragma once

#include <cstddef>

#include "wide.h"

namespace softlane {
namespace {

constexpr double kLog2e = 1.4426950408889634;
constexpr double kLn2 = 0.6931471805599453;
constexpr float kMagic = 0x1.8p23f;

constexpr double kGain = 1.0271170333246298, kOverGain = 1 / kGain;

// The floats nearest to G 2^(j/8), and the polynomial. The bits of the former are less j 2^20:
// adding 2^20 k then gives the float of G 2^(k/8), k % 8 = j.
struct ExpTable {
  uint32_t powers[8];
  float c[5];
};
constexpr ExpTable kWithGain = {{0x3f837892, 0x3f7f5ec0, 0x3f7c58a2, 0x3f7a7f2c, 0x3f79ed94,
                                 0x3f7ac187, 0x3f7d1b61, 0x3f811e6c},
                                {1, 0x1.000002p+0f, 0x1.000aa8p-1f, 0x1.552f6ap-3f, 0}};
constexpr ExpTable kPlain = {{0x3f800000, 0x3f7b95c2, 0x3f7837f0, 0x3f75fed7, 0x3f7504f3,
                              0x3f75672a, 0x3f7744fd, 0x3f7ac0c7},
                             {1, 1, 0.5f, 0x1.555cb8p-3f, 0x1.55569ep-5f}};

// |n| stays below this wherever e^x is carried as p 2^n; beyond it a row is shifted first
// (ops/exp_sum.h).
constexpr double kExponentLimit = 0x1p15;

// The constants of e^(x/T), made once per call.
struct ExpConstants {
  float log2e_8, ln2_8_hi, ln2_8_lo, c[5];
};

constexpr ExpConstants exp_constants(const ExpTable& table, double temperature) {
  ExpConstants k = {};
  const double ln2_8 = kLn2 / 8 * temperature;
  k.log2e_8 = static_cast<float>(8 * kLog2e / temperature);
  k.ln2_8_hi = static_cast<float>(ln2_8);
  k.ln2_8_lo = static_cast<float>(ln2_8 - k.ln2_8_hi);
  double scale = 1;
  for (int i = 0; i < 5; ++i, scale /= temperature) {
    k.c[i] = static_cast<float>(table.c[i] * scale);
  }
  return k;
}

// The pair's kernel. bias, a whole number, is added to n, so 8 bias to k.
template <bool kExact>
struct Exponential {
  splat log2e_8, magic, minus_hi, minus_lo, c1, c2, c3, c4;
  pow2_table powers;

  SOFTLANE_VECTOR Exponential(const ExpConstants& k, float bias)
      : log2e_8(set1(k.log2e_8)),
        magic(set1(kMagic + 8.0f * bias)),
        minus_hi(set1(-k.ln2_8_hi)),
        minus_lo(set1(-k.ln2_8_lo)),
        c1(set1(k.c[1])),
        c2(set1(k.c[2])),
        c3(set1(k.c[3])),
        c4(set1(k.c[4])),
        powers(load_table(kExact ? kPlain.powers : kWithGain.powers)) {}

  // z, with k + 8 bias in its low bits.
  template <class V>
  SOFTLANE_VECTOR V round(const V& x) const {
    return fma(x, log2e_8, magic);
  }
  // e^t - 1. low: what x lacks, where it is a sum of two floats.
  template <class V, class... Low>
  SOFTLANE_VECTOR V tail(const V& x, const V& z, const Low&... low) const {
    const V k = z - magic;
    V t = fma(k, minus_lo, fma(k, minus_hi, x));
    ((t = t + low), ...);
    if constexpr (kExact) return fma(fma(fma(t, c4, c3), t, c2), t, c1) * t;
    return fma(fma(t, c3, c2), t, c1) * t;
  }
  // G 2^(k/8) (1 + tail), k in the low bits of z.
  template <class V>
  SOFTLANE_VECTOR V power(const V& z, const V& tail) const {
    const V p = pow2_eighths(powers, z);
    return fma(p, tail, p);
  }
};
using ExtExp = Exponential<false>;

// e^x as the operators that need it once have it: no gain, no temperature.
struct PlainExp : Exponential<true> {
  PlainExp() : Exponential<true>(exp_constants(kPlain, 1.0), 0) {}
};

// e^x for every float, results below 2^-126 rounded to subnormals. At most 0.94 ULP, exhaustively
// (docs/numerics.md).
template <class V>
SOFTLANE_VECTOR inline V exp(const V& x) {
  const PlainExp e;
  // min and max let a NaN in x pass; beyond the clamps the result is 0 or inf already.
  const V clamped = min(set1(89.0f), max(set1(-104.0f), x));
  const V z = e.round(clamped);
  // 2^n as a product of two powers that are normal floats: the first product is exact, so the last
  // one rounds once.
  const splat bias = set1(kMagic + 127.0f);
  const V half = fma(z - e.magic, set1(0.0625f), bias);
  const V p = e.power(fma(half - bias, set1(-8.0f), z), e.tail(clamped, z));
  return p * pow2_low_bits(half);
}

// tanh x = x + x^3 p(x^2) for x < 5/8, relative minimax, 2^-27.7; beyond 1 - 2 / (e^2x + 1), of
// which the second part is below a half. For x >= 0, at most 2 ULP, and never beyond 1.
constexpr float kTanhC[5] = {-0x1.555532p-2f, 0x1.1106f6p-3f, -0x1.b835a4p-5f, 0x1.51f8cep-6f,
                             -0x1.750ce4p-8f};
template <class V>
SOFTLANE_VECTOR inline V tanh_positive(const V& x) {
  const PlainExp e;
  const splat one = set1(1.0f), two = set1(2.0f);
  const V a = min(set1(10.0f), x);  // NaN passes
  const V zz = a * a;
  V p = fma(zz, set1(kTanhC[4]), set1(kTanhC[3]));
  for (int i = 2; i >= 0; --i) p = fma(p, zz, set1(kTanhC[i]));
  const V twice = a + a;
  const V z = e.round(twice);
  const V far = one - two / (e.power(z, e.tail(twice, z)) + one);
  return by_sign(a - set1(0.625f), fma(p * zz, a, a), far);
}

// ln(1 + f) = f - f^2/2 + f^3 q(f) on [sqrt(1/2) - 1, sqrt(2) - 1], relative minimax, 7.7e-10.
constexpr float kLogC[9] = {0x1.555548p-2f,  -0x1.000006p-2f, 0x1.99a47ap-3f,
                            -0x1.555c52p-3f, 0x1.233b38p-3f,  -0x1.fc256cp-4f,
                            0x1.e6c3a6p-4f,  -0x1.de1b4cp-4f, 0x1.148b06p-4f};

// ln x for every float: NaN below zero, -inf at zero. At most 0.85 ULP, exhaustively
// (docs/numerics.md).
SOFTLANE_VECTOR inline f32x16 log(f32x16 x) {
  const splat zero = set1(0.0f);
  // Subnormals are brought into the normal range first.
  const mask16 normal = x >= set1(0x1p-126f);
  const f32x16 scaled = select(normal, x, x * set1(0x1p24f));
  // m in [sqrt(1/2), sqrt(2)), so that e = 0 around x = 1 and nothing cancels there.
  f32x16 m = mantissa(scaled);
  f32x16 e = exponent(scaled) + select(normal, zero, set1(-24.0f));
  const mask16 upper = m >= set1(0x1.6a09e6p0f);
  m = select(upper, m * set1(0.5f), m);
  e = select(upper, e + set1(1.0f), e);
  // ln m = f - f^2/2 + f^3 q(f), f = m - 1 exactly.
  const f32x16 f = m - set1(1.0f);
  const f32x16 ff = f * f;
  f32x16 q = fma(set1(kLogC[8]), f, set1(kLogC[7]));
  for (int i = 6; i >= 0; --i) q = fma(q, f, set1(kLogC[i]));
  const f32x16 tail = fma(e, set1(-0x1.05c61p-29f), fma(ff * f, q, ff * set1(-0.5f)));
  const f32x16 r = fma(e, set1(0x1.62e43p-1f), f + tail);
  const splat infinity = set1(__builtin_inff());
  const f32x16 positive = select(x >= infinity, infinity, select(x == zero, zero - infinity, r));
  return select(x >= zero, positive, set1(__builtin_nanf("")));
}

}  // namespace
}  // namespace softlane
