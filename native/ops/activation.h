// Activations: maps of one element.
#pragma once

#include "../rows/drivers.h"
#include "../simd/math.h"

namespace softlane {
namespace {

// x sigmoid(w) = x / (1 + e^-w), without an overflow.
//
// With e^-w = p 2^n and m = max(n, 0) it is x / (2^-m + p 2^(n - m)) * 2^-m: no power overflows,
// and the last factor rounds once where the result is subnormal, as e^-w alone would have
// overflowed before.
struct TimesSigmoid {
  PlainExp exp;
  splat lowest = set1(-150.0f), smallest = set1(-120.0f), smallest_eighths = set1(-960.0f),
        zero = set1(0.0f), bias = set1(kMagic + 127.0f), eighth = set1(0.125f),
        minus_eight = set1(-8.0f);

  // w may lack something, which is then minus_low.
  template <class V, class... Low>
  SOFTLANE_VECTOR V operator()(const V& x, const V& w, const Low&... minus_low) const {
    const V minus = max(lowest, zero - w);
    const V z = exp.round(minus);
    const V tail = exp.tail(minus, z, minus_low...);
    const V n = fma(z - exp.magic, eighth, exp.magic) - exp.magic;
    const V m = max(n, zero);
    const V down = max(smallest, zero - m);
    const V one = power(down);
    // e^-w 2^-m, cut likewise.
    const V eighths = max(smallest_eighths, fma(m, minus_eight, z - exp.magic));
    const V d = exp.power(eighths + exp.magic, tail) + one;
    return x / d * one * power((zero - m) - down);
  }

  // 2^k for k <= 0. Cut where it is added to something near 1.
  template <class V>
  SOFTLANE_VECTOR V power(const V& k) const {
    return pow2_low_bits(k + bias);
  }
};

// x sigmoid(x); also swish with beta = 1. At most 3 ULP (docs/activations.md).
struct Silu {
  static constexpr const char* kName = "silu";

  using Context = TimesSigmoid;
  static bool valid(const Call&) { return true; }
  static Context context(const Call&) { return {}; }
  template <class V>
  SOFTLANE_VECTOR static V vector(const Context& k, const V& v) {
    // Below -150 the result is -0 as it is there, for -inf too; max(a, b) lets a NaN in b pass.
    const V x = max(k.lowest, v);
    return k(x, x);
  }
};

// x Phi(x), Phi the distribution function of the normal distribution. At most 4 ULP
// (docs/activations.md).
//
// With T = Phi(-a) = e^(-a^2/2) Q, a = |x|, it is x T for negative x and x (1 - T) for the others:
// neither cancels, as T <= 1/2. Q falls from 1/2 like 1/b, b = sqrt(2 pi) a, and is N / (b N + M),
// N and M polynomials of b: where b is large and N is off by a few roundings, the quotient is not.
// Relative minimax for a <= 14.8, 2^-28. The exponent a^2/2 is a sum of two floats: one alone
// would be off by 2^-18 at its largest.
constexpr float kPerB = 0x1.40d932p+1f;
constexpr float kTailN[6] = {0x1.b33334p+0f, 0x1.79058ep-1f,  0x1.39abc6p-3f,
                             0x1.2e21d2p-6f, 0x1.50f35cp-10f, 0x1.67610ep-15f};
constexpr float kTailM[5] = {0x1.b33334p+1f, 0x1.b5c1d8p-1f, 0x1.cd7aa8p-4f, 0x1.088830p-7f,
                             0x1.1a4876p-12f};

struct Gelu {
  static constexpr const char* kName = "gelu";

  using Context = PlainExp;
  static bool valid(const Call&) { return true; }
  static Context context(const Call&) { return {}; }
  template <class V>
  SOFTLANE_VECTOR static V vector(const Context& k, const V& v) {
    const splat one = set1(1.0f), half = set1(-0.5f), bias = set1(kMagic + 127.0f);
    // Beyond 15 T is 0 and the result x or -0, for the infinities too.
    const V x = max(set1(-15.0f), v);
    const V a = min(set1(15.0f), abs(v));
    const V square = a * a;
    const V low = fma(a, a, set1(0.0f) - square);
    const V e = square * half;
    const V z = k.round(e);
    const V tail = k.tail(e, z, low * half);
    const V b = a * set1(kPerB);
    V p = fma(b, set1(kTailN[5]), set1(kTailN[4])), q = fma(b, set1(kTailM[4]), set1(kTailM[3]));
    for (int i = 3; i >= 0; --i) p = fma(p, b, set1(kTailN[i]));
    for (int i = 2; i >= 0; --i) q = fma(q, b, set1(kTailM[i]));
    q = fma(p, fma(a, set1(kPerB), set1(0.0f) - b), q);  // what b lacks
    // 2^n in two steps, so that a subnormal result is rounded once.
    const V n = fma(z - k.magic, set1(0.125f), k.magic) - k.magic;
    const V first = max(set1(-100.0f), n);
    const V e_n = k.power(fma(n, set1(-8.0f), z), tail) * pow2_low_bits(first + bias);
    const V quotient = p / fma(b, p, q);
    const V result = x * by_sign(v, e_n * quotient, fma(set1(0.0f) - e_n, quotient, one));
    return result * by_sign(v, pow2_low_bits((n - first) + bias), one);
  }
};

// x sigmoid(2y), y = sqrt(2/pi) (x + 0.044715 x^3), which is x (1 + tanh y) / 2. At most 3 ULP
// (docs/activations.md). 2y is carried as two floats: one would be off by 2^-18 where the result is
// still a normal float.
struct GeluTanh {
  static constexpr const char* kName = "geluTanh";

  using Context = TimesSigmoid;
  static bool valid(const Call&) { return true; }
  static Context context(const Call&) { return {}; }
  template <class V>
  SOFTLANE_VECTOR static V vector(const Context& k, const V& v) {
    constexpr double kOne = 1.5957691216057308, kThree = 0.044715 * kOne;
    constexpr float one = static_cast<float>(kOne), three = static_cast<float>(kThree);
    const splat one_lo = set1(static_cast<float>(kOne - one));
    const splat three_lo = set1(static_cast<float>(kThree - three));
    const V x = max(set1(-12.0f), v);
    const V c = min(set1(12.0f), x);
    // square + square_lo = c^2; p + p_lo = 0.0713 c^2; q + q_lo = 1.596 + p; w + w_lo = c q = 2y.
    const V square = c * c;
    const V square_lo = fma(c, c, k.zero - square);
    const V p = square * set1(three);
    const V p_lo = fma(square, set1(three), k.zero - p) +
                   fma(square_lo, set1(three), fma(square, three_lo, one_lo));
    const V q = p + set1(one);
    const V p_part = q - set1(one);
    const V q_lo = ((p - p_part) + (set1(one) - (q - p_part))) + p_lo;
    const V w = c * q;
    const V minus_low = fma(c, k.zero - q, w) - c * q_lo;
    return k(x, w, minus_low);
  }
};

// tanh(alpha x): Dynamic Tanh, whose weight and bias the driver has. At most 3 ULP
// (docs/activations.md).
struct Dyt {
  static constexpr const char* kName = "dyt";
  static constexpr int kAlpha = 2;  // the place in Call::params

  struct Context {
    splat hi, lo, most, least;
  };
  static double size(const Call& call) {
    const double alpha = call.params[kAlpha];
    return alpha < 0 ? -alpha : alpha;
  }
  static bool valid(const Call& call) { return size(call) >= 0x1p-100 && size(call) <= 0x1p100; }
  static Context context(const Call& call) {
    const double alpha = call.params[kAlpha], beyond = 16 / size(call);
    const float hi = static_cast<float>(alpha);
    // tanh is 1 beyond 16, and what is cut there cannot overflow.
    const float largest = 0x1.fffffep127f;
    const float most = beyond < largest ? static_cast<float>(beyond) : largest;
    return {set1(hi), set1(static_cast<float>(alpha - hi)), set1(most), set1(-most)};
  }
  template <class V>
  SOFTLANE_VECTOR static V vector(const Context& k, const V& v) {
    const V x = max(k.least, min(k.most, v));
    // The sign of the first product, which is right for zeros too.
    const V product = x * k.hi;
    return with_sign(tanh_positive(abs(fma(x, k.hi, x * k.lo))), product);
  }
};

}  // namespace
}  // namespace softlane
