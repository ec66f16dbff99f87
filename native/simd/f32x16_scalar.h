// f32x16 in plain C++: an array of sixteen floats. See f32x16.h for what each function means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace softlane {
namespace {

struct f32x16 {
  float v[16];
};

struct mask16 {
  uint32_t m;
};

inline uint32_t bits(float a) {
  uint32_t b;
  std::memcpy(&b, &a, sizeof b);
  return b;
}
inline float floats(uint32_t b) {
  float a;
  std::memcpy(&a, &b, sizeof a);
  return a;
}

// Applies a function of floats to every lane; the compiler vectorises these loops where it can.
template <class F, class... A>
inline f32x16 each(F f, const A&... a) {
  f32x16 r;
  for (int i = 0; i < 16; ++i) r.v[i] = f(a.v[i]...);
  return r;
}
template <class F, class... A>
inline mask16 test(F f, const A&... a) {
  uint32_t m = 0;
  for (int i = 0; i < 16; ++i) m |= static_cast<uint32_t>(f(a.v[i]...)) << i;
  return {m};
}

inline f32x16 set1(float a) {
  f32x16 r;
  for (float& lane : r.v) lane = a;
  return r;
}

inline f32x16 load(const float* p) {
  f32x16 r;
  std::memcpy(r.v, p, sizeof r.v);
  return r;
}
inline f32x16 load_first(const float* p, size_t n, float fill) {
  f32x16 r = set1(fill);
  for (size_t i = 0; i < n; ++i) r.v[i] = p[i];
  return r;
}
inline void store(float* p, f32x16 a) { std::memcpy(p, a.v, sizeof a.v); }
inline void store_first(float* p, f32x16 a, size_t n) { std::memcpy(p, a.v, n * sizeof(float)); }

// No streaming without knowing the CPU: an ordinary store.
inline void stream(float* p, f32x16 a) { store(p, a); }
inline void fence() {}
inline void prefetch(const float*) {}

// Exact a * b + c without FMA hardware: the product is exact in double, the sum is rounded to odd
// (Boldo and Melquiond 2008), so that the final rounding to float sees on which side of a tie the
// true value lies. A library call to fmaf would be right too, and several times slower.
inline float fma1(float a, float b, float c) {
#ifdef __FP_FAST_FMAF
  return __builtin_fmaf(a, b, c);
#else
  const double p = static_cast<double>(a) * b;
  const double d = c;
  const double s = p + d;
  const double pp = s - d;
  const double error = (p - pp) + (d - (s - pp));
  int64_t k;
  std::memcpy(&k, &s, sizeof k);
  const int64_t toward = (error > 0) == (s > 0) ? 1 : -1;
  const bool inexact = (error > 0) | (error < 0);
  k += (inexact & !(k & 1)) ? toward : 0;
  double odd;
  std::memcpy(&odd, &k, sizeof odd);
  return static_cast<float>(odd);
#endif
}

inline f32x16 operator+(f32x16 a, f32x16 b) {
  return each([](float x, float y) { return x + y; }, a, b);
}
inline f32x16 operator-(f32x16 a, f32x16 b) {
  return each([](float x, float y) { return x - y; }, a, b);
}
inline f32x16 operator*(f32x16 a, f32x16 b) {
  return each([](float x, float y) { return x * y; }, a, b);
}
inline f32x16 operator/(f32x16 a, f32x16 b) {
  return each([](float x, float y) { return x / y; }, a, b);
}
inline f32x16 fma(f32x16 a, f32x16 b, f32x16 c) { return each(fma1, a, b, c); }
inline f32x16 max(f32x16 a, f32x16 b) {
  return each([](float x, float y) { return x > y ? x : y; }, a, b);
}

inline mask16 operator>=(f32x16 a, f32x16 b) {
  return test([](float x, float y) { return x >= y; }, a, b);
}
inline mask16 operator==(f32x16 a, f32x16 b) {
  return test([](float x, float y) { return x == y; }, a, b);
}
inline mask16 is_nan(f32x16 a) {
  return test([](float x) { return x != x; }, a);
}
inline mask16 operator|(mask16 a, mask16 b) { return {a.m | b.m}; }
inline mask16 no_lanes() { return {0}; }
inline uint32_t lanes(mask16 a) { return a.m; }
inline f32x16 select(mask16 m, f32x16 a, f32x16 b) {
  for (int i = 0; i < 16; ++i) b.v[i] = m.m >> i & 1 ? a.v[i] : b.v[i];
  return b;
}

inline float max_lane(f32x16 a) {
  float m = a.v[0];
  for (const float v : a.v) m = m > v ? m : v;
  return m;
}
inline double sum_lanes(f32x16 a, f32x16 b) {
  double sum[16];
  for (int i = 0; i < 16; ++i) sum[i] = static_cast<double>(a.v[i]) + b.v[i];
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) sum[i] += sum[i + half];
  }
  return sum[0];
}

inline f32x16 pow2_low_bits(f32x16 z) {
  return each([](float x) { return floats(bits(x) << 23); }, z);
}
inline f32x16 scale_or_zero(f32x16 a, f32x16 z) {
  return each(
      [](float x, float y) {
        const uint32_t r = bits(x) + (bits(y) << 23);
        return floats(static_cast<int32_t>(r) > 0x007fffff ? r : 0);
      },
      a, z);
}

inline f32x16 exponent(f32x16 a) {
  return each([](float x) { return static_cast<float>(static_cast<int>(bits(x) >> 23) - 127); }, a);
}
inline f32x16 mantissa(f32x16 a) {
  return each([](float x) { return floats((bits(x) & 0x007fffff) | 0x3f800000); }, a);
}

}  // namespace
}  // namespace softlane
