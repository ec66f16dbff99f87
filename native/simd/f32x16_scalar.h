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

constexpr size_t kTogether = 2;

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

using splat = f32x16;
inline splat set1(float a) {
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
constexpr bool kPrefetches = false;
inline void prefetch(const float*) {}
inline void prefetch_l2(const float*) {}

#ifdef __FP_FAST_FMAF
inline f32x16 fma(const f32x16& a, const f32x16& b, const f32x16& c) {
  return each([](float x, float y, float z) { return __builtin_fmaf(x, y, z); }, a, b, c);
}
#else
// Exact a * b + c without FMA hardware: the product is exact in double, the sum is rounded to odd
// (Boldo and Melquiond 2008), so that the final rounding to float sees on which side of a tie the
// true value lies. A library call to fmaf would be right too, and several times slower.
__attribute__((noinline, cold)) float exact_fma(float a, float b, float c) {
  const double p = static_cast<double>(a) * b;
  const double d = c;
  const double s = p + d;
  const double pp = s - d;
  const double error = (p - pp) + (d - (s - pp));
  if (!(error > 0 || error < 0)) return static_cast<float>(s);
  int64_t k;
  std::memcpy(&k, &s, sizeof k);
  if (!(k & 1)) k += (error > 0) == (s > 0) ? 1 : -1;
  double odd;
  std::memcpy(&odd, &k, sizeof odd);
  return static_cast<float>(odd);
}

// The double sum alone is rounded twice, which matters only where it lies half-way between two
// floats: its low 29 bits are then 1 and zeros. Such a vector, one in 2^25, is done again, and one
// with a result below 2^-126, where halves lie elsewhere.
__attribute__((noinline)) f32x16 fma(const f32x16& a, const f32x16& b, const f32x16& c) {
  double s[16];
  f32x16 r;
  for (int i = 0; i < 16; ++i) s[i] = static_cast<double>(a.v[i]) * b.v[i] + c.v[i];
  for (int i = 0; i < 16; ++i) r.v[i] = static_cast<float>(s[i]);
  uint32_t doubtful = 0;
  for (int i = 0; i < 16; ++i) {
    uint64_t k;
    std::memcpy(&k, &s[i], sizeof k);
    const uint32_t size = bits(r.v[i]) & 0x7fffffff;
    doubtful |= (static_cast<uint32_t>(k) & 0x1fffffff) == 0x10000000;
    doubtful |= (size < 0x00800000) & (s[i] != 0);
  }
  if (__builtin_expect(doubtful != 0, 0)) {
    for (int i = 0; i < 16; ++i) r.v[i] = exact_fma(a.v[i], b.v[i], c.v[i]);
  }
  return r;
}
#endif

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
inline f32x16 max(f32x16 a, f32x16 b) {
  return each([](float x, float y) { return x > y ? x : y; }, a, b);
}
inline f32x16 min(f32x16 a, f32x16 b) {
  return each([](float x, float y) { return x < y ? x : y; }, a, b);
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
inline mask16 above_or_nan(f32x16 a, f32x16 b) {
  return test([](float x, float y) { return !(x <= y); }, a, b);
}
inline mask16 operator|(mask16 a, mask16 b) { return {a.m | b.m}; }
inline mask16 no_lanes() { return {0}; }
inline uint32_t lanes(mask16 a) { return a.m; }
inline f32x16 select(mask16 m, f32x16 a, f32x16 b) {
  for (int i = 0; i < 16; ++i) b.v[i] = m.m >> i & 1 ? a.v[i] : b.v[i];
  return b;
}

inline f32x16 abs(f32x16 a) {
  return each([](float x) { return floats(bits(x) & 0x7fffffff); }, a);
}
inline f32x16 with_sign(f32x16 a, f32x16 s) {
  return each([](float x, float y) { return floats(bits(x) | (bits(y) & 0x80000000)); }, a, s);
}
inline f32x16 by_sign(f32x16 s, f32x16 a, f32x16 b) {
  return each([](float x, float y, float z) { return bits(x) >> 31 ? y : z; }, s, a, b);
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

inline void transpose(f32x16* v) {
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < i; ++j) {
      const float a = v[i].v[j];
      v[i].v[j] = v[j].v[i];
      v[j].v[i] = a;
    }
  }
}
inline mask16 load_mask(const int32_t* p, size_t n) {
  uint32_t m = 0;
  for (size_t i = 0; i < n; ++i) m |= static_cast<uint32_t>(p[i] != 0) << i;
  return {m};
}

inline f32x16 pow2_low_bits(f32x16 z) {
  return each([](float x) { return floats(bits(x) << 23); }, z);
}
struct pow2_table {
  uint32_t v[8];
};
inline pow2_table load_table(const uint32_t* t) {
  pow2_table r;
  std::memcpy(r.v, t, sizeof r.v);
  return r;
}
inline f32x16 pow2_eighths(const pow2_table& t, f32x16 z) {
  return each([&](float x) { return floats(t.v[bits(x) & 7] + (bits(x) << 20)); }, z);
}
inline f32x16 floor_eighths(f32x16 z) {
  return each([](float x) { return floats(bits(x) & ~7u); }, z);
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

struct u16x16 {
  uint16_t v[16];
};
inline u16x16 load_u16(const uint16_t* p) {
  u16x16 r;
  std::memcpy(r.v, p, sizeof r.v);
  return r;
}
inline void store(uint16_t* p, u16x16 a) { std::memcpy(p, a.v, sizeof a.v); }
inline void stream(uint16_t* p, u16x16 a) { store(p, a); }

template <class F>
inline u16x16 each_narrow(F f, const f32x16& a) {
  u16x16 r;
  for (int i = 0; i < 16; ++i) r.v[i] = static_cast<uint16_t>(f(bits(a.v[i])));
  return r;
}
// A subnormal m is m 2^-24, and 2^-1 + m 2^-24 holds m in its lowest bits.
inline f32x16 widen_f16(const u16x16& a) {
  f32x16 r;
  for (int i = 0; i < 16; ++i) {
    const uint32_t h = a.v[i], size = h & 0x7fff, sign = (h & 0x8000) << 16;
    const float tiny = floats(0x3f000000 + size) - 0.5f;
    const uint32_t quiet = size > 0x7c00 ? 0x00400000 : 0;
    const uint32_t special = 0x7f800000 | (size & 0x3ff) << 13 | quiet;
    const uint32_t normal = (size << 13) + (112u << 23);
    r.v[i] = floats(sign | (size < 0x0400 ? bits(tiny) : size < 0x7c00 ? normal : special));
  }
  return r;
}
inline u16x16 narrow_f16(const f32x16& a) {
  return each_narrow(
      [](uint32_t b) {
        const uint32_t size = b & 0x7fffffff, sign = b >> 16 & 0x8000;
        if (size > 0x7f800000) return sign | 0x7e00 | (size >> 13 & 0x3ff);
        if (size >= 0x477ff000) return sign | 0x7c00;  // 65520 is the first to round to infinity
        // Below 2^-14 the addition to 1/2 rounds to a multiple of 2^-24, ties to even.
        if (size < 0x38800000) return sign | (bits(floats(size) + 0.5f) - 0x3f000000);
        const uint32_t odd = size >> 13 & 1;
        return sign | ((size - (112u << 23) + 0x0fff + odd) >> 13);
      },
      a);
}
inline f32x16 widen_bf16(const u16x16& a) {
  f32x16 r;
  for (int i = 0; i < 16; ++i) r.v[i] = floats(static_cast<uint32_t>(a.v[i]) << 16);
  return r;
}
inline u16x16 narrow_bf16(const f32x16& a) {
  return each_narrow(
      [](uint32_t b) {
        if ((b & 0x7fffffff) > 0x7f800000) return b >> 16 | 0x40;
        return (b + 0x7fff + (b >> 16 & 1)) >> 16;
      },
      a);
}

}  // namespace
}  // namespace softlane
