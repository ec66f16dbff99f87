// exp and log in double for the few numbers a row ends with. Our own, because the C library's
// differ between versions in the last bit, and results must not. No FMA: plain IEEE operations
// only.
#pragma once

#include <cstdint>
#include <cstring>

namespace softlane {
namespace {

// ln2 in two parts, the first with 21 trailing zero bits: a whole number times it is exact.
constexpr double kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;

inline double pow2_double(int64_t k) {
  const uint64_t b = static_cast<uint64_t>(k + 1023) << 52;
  double r;
  std::memcpy(&r, &b, sizeof r);
  return r;
}

// floor(log2 a), for normal positive a.
inline int exponent_of(double a) {
  uint64_t b;
  std::memcpy(&b, &a, sizeof b);
  return static_cast<int>(b >> 52) - 1023;
}

// a * 2^k exactly, or 0 where |a| 2^k is far below anything a sum could notice; NaN stays NaN. k is
// an integer.
inline double scale_double(double a, double k) {
  if (!(k >= -1000)) return a * 0;
  return a * pow2_double(static_cast<int64_t>(k));
}

// e^x for x from -700 to 0, about 1 ULP; 0 below -693. Without a branch, so that compilers make
// vectors of loops over it.
__attribute__((always_inline)) inline double exp_bounded(double x) {
  const double n = static_cast<double>(static_cast<int32_t>(x * 1.4426950408889634 - 0.5));
  const double t = (x - n * kLn2High) - n * kLn2Low;
  double p = 1.0 / 6227020800;
  constexpr double c[] = {1.0 / 479001600,
                          1.0 / 39916800,
                          1.0 / 3628800,
                          1.0 / 362880,
                          1.0 / 40320,
                          1.0 / 5040,
                          1.0 / 720,
                          1.0 / 120,
                          1.0 / 24,
                          1.0 / 6,
                          1.0 / 2,
                          1.0,
                          1.0};
  for (const double k : c) p = p * t + k;
  p *= pow2_double(static_cast<int32_t>(n));
  uint64_t b;
  std::memcpy(&b, &p, sizeof b);
  b &= -static_cast<uint64_t>(n >= -1000);
  std::memcpy(&p, &b, sizeof b);
  return p;
}

// e^x for x <= 0, about 1 ULP; 0 below -693.
inline double exp_double(double x) { return x > -700 ? exp_bounded(x) : x != x ? x : 0; }

// e^x - 1 for x <= 0, relative accuracy kept for tiny x.
inline double expm1_double(double x) {
  if (x < -0.4) return exp_double(x) - 1;
  constexpr double c[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                          1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                          1.0 / 120,        1.0 / 24,        1.0 / 6,        1.0 / 2};
  double p = 0;
  for (const double k : c) p = p * x + k;
  return x + x * x * p;
}

// 2 artanh(s) for |s| <= 0.172.
inline double two_artanh(double s) {
  const double w = s * s;
  constexpr double c[] = {1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13,
                          1.0 / 11, 1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3};
  double q = 1.0 / 23;
  for (const double k : c) q = q * w + k;
  return 2 * s + 2 * s * (w * q);
}

// ln of m * 2^e, m normal and positive.
inline double log_double(double m, double e) {
  uint64_t b;
  std::memcpy(&b, &m, sizeof b);
  e += static_cast<double>(static_cast<int64_t>(b >> 52) - 1023);
  b = (b & 0x000fffffffffffffu) | 0x3ff0000000000000u;
  std::memcpy(&m, &b, sizeof m);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e += 1;
  }
  return e * kLn2High + (e * kLn2Low + two_artanh((m - 1) / (m + 1)));
}

// ln of a positive number, subnormal ones among them.
inline double log_positive(double m) {
  return m < 0x1p-1022 ? log_double(m * 0x1p60, -60) : log_double(m, 0);
}

// ln(1 + r) for r >= 0, relative accuracy kept for tiny r.
inline double log1p_double(double r) {
  return r < 0.4 ? two_artanh(r / (2 + r)) : log_double(1 + r, 0);
}

}  // namespace
}  // namespace softlane
