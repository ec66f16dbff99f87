// The exponential as a (mantissa, exponent) pair, and exp and log on top, for every backend.
//
// Note [Reduction]. e^(x/T) = p * 2^n with n = round(x log2(e) / T) and p = e^t, t = x/T - n ln2.
// Everything is folded into the constants, so that a temperature T costs nothing: t is kept in the
// units of x, where it is x - n (T ln2), and the coefficients carry the powers of 1/T. T ln2 is the
// sum of two floats and both steps are FMAs, so t is right to half an ulp while |n| < 2^20, which
// no subtraction of a row maximum beforehand could give: x itself is reduced, never a rounded x -
// max. n comes from adding 1.5 * 2^23 plus an integer bias: the low bits of that sum z are n +
// bias, ready to be shifted into an exponent field; z minus the same constant is n as a float.
//
// Note [Polynomial]. p = 1 + t (1 + t (c2 + ... + c6 t^4)), relative minimax on |t| <= 0.36, found
// by reweighted least squares with the coefficients rounded to float one after the other (the
// script is in docs/numerics.md): 4.1e-9, an eighth of what rounding costs. Degree 5 is one FMA
// cheaper and 1.3e-7, which alone would be 2 of the 4 ULP that softmax promises.
#pragma once

#include <cstddef>

#include "f32x16.h"

namespace softlane {
namespace {

constexpr double kLog2e = 1.4426950408889634;
constexpr double kLn2 = 0.6931471805599453;
constexpr float kMagic = 0x1.8p23f;

// |n| stays below this wherever the pair is used; beyond it a row is shifted first (ops/exp_sum.h).
constexpr double kExponentLimit = 0x1p20;

// The constants of e^(x/T), made once per call.
struct ExpConstants {
  float log2e, ln2_hi, ln2_lo, c[7];
};

inline ExpConstants exp_constants(double temperature) {
  constexpr float c[7] = {1.0f,           1.0f,           0x1.fffffap-2f, 0x1.555472p-3f,
                          0x1.5559d8p-5f, 0x1.1250e2p-7f, 0x1.69cc22p-10f};
  ExpConstants k;
  const double ln2 = kLn2 * temperature;
  k.log2e = static_cast<float>(kLog2e / temperature);
  k.ln2_hi = static_cast<float>(ln2);
  k.ln2_lo = static_cast<float>(ln2 - k.ln2_hi);
  double scaled[7], scale = 1;
  for (int i = 0; i < 7; ++i, scale /= temperature) scaled[i] = c[i] * scale;
  // c1/T rounds by up to half an ulp, which alone would cost 0.36 * 2^-24 at the ends of the
  // interval. On |t| <= h, t is 4 t^3/h^2 - 3.2 t^5/h^4 but for a fifth (the Chebyshev polynomial
  // T5), so the two next odd coefficients can take four fifths of it.
  const double rounded = scaled[1] - static_cast<float>(scaled[1]);
  const double hh = 0.25 * ln2 * ln2;
  scaled[3] += 4 * rounded / hh;
  scaled[5] -= 3.2 * rounded / (hh * hh);
  for (int i = 0; i < 7; ++i) k.c[i] = static_cast<float>(scaled[i]);
  return k;
}

// The pair's kernel. bias is added to n in the low bits of z.
struct ExtExp {
  f32x16 log2e, magic, ln2_hi, ln2_lo, c1, c2, c3, c4, c5, c6, one;

  ExtExp(const ExpConstants& k, int bias)
      : log2e(set1(k.log2e)),
        magic(set1(kMagic + static_cast<float>(bias))),
        ln2_hi(set1(-k.ln2_hi)),
        ln2_lo(set1(-k.ln2_lo)),
        c1(set1(k.c[1])),
        c2(set1(k.c[2])),
        c3(set1(k.c[3])),
        c4(set1(k.c[4])),
        c5(set1(k.c[5])),
        c6(set1(k.c[6])),
        one(set1(1.0f)) {}

  f32x16 round(f32x16 x) const { return fma(x, log2e, magic); }
  f32x16 exponent(f32x16 z) const { return z - magic; }
  f32x16 mantissa(f32x16 x, f32x16 z) const {
    const f32x16 n = exponent(z);
    const f32x16 t = fma(n, ln2_lo, fma(n, ln2_hi, x));
    f32x16 p = fma(c6, t, c5);
    p = fma(p, t, c4);
    p = fma(p, t, c3);
    p = fma(p, t, c2);
    p = fma(p, t, c1);
    return fma(p, t, one);
  }
};

// e^x for every float, results below 2^-126 rounded to subnormals. At most 0.90 ULP, exhaustively
// (docs/numerics.md).
inline f32x16 exp(f32x16 x) {
  const ExtExp e(exp_constants(1.0), 0);
  // max(a, x) lets a NaN in x pass; beyond the clamps the result is 0 or inf already.
  const f32x16 low = max(set1(-104.0f), x);
  const f32x16 clamped = select(low >= set1(89.0f), set1(89.0f), low);
  const f32x16 z = e.round(clamped);
  // 2^n as a product of three powers that are normal floats: the first two products are exact, so
  // the last one rounds once.
  const f32x16 n = e.exponent(z);
  const f32x16 half = fma(n, set1(0.5f), set1(kMagic));
  const f32x16 n1 = half - set1(kMagic);
  const f32x16 n2 = n - n1;
  const f32x16 one_exponent = set1(kMagic + 127.0f);
  const f32x16 p = e.mantissa(clamped, z);
  return p * pow2_low_bits(n1 + one_exponent) * pow2_low_bits(n2 + one_exponent);
}

// ln(1 + f) = f - f^2/2 + f^3 q(f) on [sqrt(1/2) - 1, sqrt(2) - 1], relative minimax, 7.7e-10.
constexpr float kLogC[9] = {0x1.555548p-2f,  -0x1.000006p-2f, 0x1.99a47ap-3f,
                            -0x1.555c52p-3f, 0x1.233b38p-3f,  -0x1.fc256cp-4f,
                            0x1.e6c3a6p-4f,  -0x1.de1b4cp-4f, 0x1.148b06p-4f};

// ln x for every float: NaN below zero, -inf at zero. At most 0.85 ULP, exhaustively
// (docs/numerics.md).
inline f32x16 log(f32x16 x) {
  const f32x16 zero = set1(0.0f);
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
  const f32x16 infinity = set1(__builtin_inff());
  const f32x16 positive = select(x >= infinity, infinity, select(x == zero, zero - infinity, r));
  return select(x >= zero, positive, set1(__builtin_nanf("")));
}

}  // namespace
}  // namespace softlane
