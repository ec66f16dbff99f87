// f32x16 on AVX2 and FMA: two ymm registers. See f32x16.h for what each function means.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace softlane {
namespace {

struct f32x16 {
  __m256 lo, hi;
};

struct mask16 {
  __m256 lo, hi;
};

// Vectors worked on in step (wide.h): as many as 16 registers hold.
constexpr size_t kTogether = 2;

SOFTLANE_VECTOR inline __m256i bits(__m256 a) { return _mm256_castps_si256(a); }
SOFTLANE_VECTOR inline __m256 floats(__m256i a) { return _mm256_castsi256_ps(a); }

// All ones in the lanes below n; lanes count from first.
SOFTLANE_VECTOR inline __m256i first_lanes(size_t n, int first) {
  const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n) - first), index);
}

// One register, which the compiler could not tell of two equal halves.
struct splat {
  __m256 v;
  operator f32x16() const { return {v, v}; }
};
SOFTLANE_VECTOR inline splat set1(float a) { return {_mm256_set1_ps(a)}; }

SOFTLANE_VECTOR inline f32x16 load(const float* p) {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
SOFTLANE_VECTOR inline f32x16 load_first(const float* p, size_t n, float fill) {
  const __m256i lo = first_lanes(n, 0), hi = first_lanes(n, 8);
  const __m256 f = _mm256_set1_ps(fill);
  return {_mm256_blendv_ps(f, _mm256_maskload_ps(p, lo), floats(lo)),
          n > 8 ? _mm256_blendv_ps(f, _mm256_maskload_ps(p + 8, hi), floats(hi)) : f};
}
SOFTLANE_VECTOR inline void store(float* p, f32x16 a) {
  _mm256_storeu_ps(p, a.lo);
  _mm256_storeu_ps(p + 8, a.hi);
}
SOFTLANE_VECTOR inline void store_first(float* p, f32x16 a, size_t n) {
  _mm256_maskstore_ps(p, first_lanes(n, 0), a.lo);
  if (n > 8) _mm256_maskstore_ps(p + 8, first_lanes(n, 8), a.hi);
}

SOFTLANE_VECTOR inline void stream(float* p, f32x16 a) {
  _mm256_stream_ps(p, a.lo);
  _mm256_stream_ps(p + 8, a.hi);
}
SOFTLANE_VECTOR inline void fence() { _mm_sfence(); }
constexpr bool kPrefetches = true;
SOFTLANE_VECTOR inline void prefetch(const float* p) {
  _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0);
}
SOFTLANE_VECTOR inline void prefetch_l2(const float* p) {
  _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T1);
}

SOFTLANE_VECTOR inline f32x16 operator+(f32x16 a, f32x16 b) {
  return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
SOFTLANE_VECTOR inline f32x16 operator-(f32x16 a, f32x16 b) {
  return {_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
SOFTLANE_VECTOR inline f32x16 operator*(f32x16 a, f32x16 b) {
  return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
SOFTLANE_VECTOR inline f32x16 operator/(f32x16 a, f32x16 b) {
  return {_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
SOFTLANE_VECTOR inline f32x16 fma(f32x16 a, f32x16 b, f32x16 c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
SOFTLANE_VECTOR inline f32x16 max(f32x16 a, f32x16 b) {
  return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
SOFTLANE_VECTOR inline f32x16 min(f32x16 a, f32x16 b) {
  return {_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)};
}

SOFTLANE_VECTOR inline mask16 operator>=(f32x16 a, f32x16 b) {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_GE_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_GE_OQ)};
}
SOFTLANE_VECTOR inline mask16 operator==(f32x16 a, f32x16 b) {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ)};
}
SOFTLANE_VECTOR inline mask16 is_nan(f32x16 a) {
  return {_mm256_cmp_ps(a.lo, a.lo, _CMP_UNORD_Q), _mm256_cmp_ps(a.hi, a.hi, _CMP_UNORD_Q)};
}
SOFTLANE_VECTOR inline mask16 above_or_nan(f32x16 a, f32x16 b) {
  return {_mm256_cmp_ps(a.lo, b.lo, _CMP_NLE_UQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_NLE_UQ)};
}
SOFTLANE_VECTOR inline mask16 operator|(mask16 a, mask16 b) {
  return {_mm256_or_ps(a.lo, b.lo), _mm256_or_ps(a.hi, b.hi)};
}
SOFTLANE_VECTOR inline mask16 no_lanes() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
SOFTLANE_VECTOR inline uint32_t lanes(mask16 a) {
  return static_cast<uint32_t>(_mm256_movemask_ps(a.lo)) |
         static_cast<uint32_t>(_mm256_movemask_ps(a.hi)) << 8;
}
SOFTLANE_VECTOR inline f32x16 select(mask16 m, f32x16 a, f32x16 b) {
  return {_mm256_blendv_ps(b.lo, a.lo, m.lo), _mm256_blendv_ps(b.hi, a.hi, m.hi)};
}

SOFTLANE_VECTOR inline f32x16 abs(f32x16 a) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi)};
}
SOFTLANE_VECTOR inline f32x16 with_sign(f32x16 a, f32x16 s) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_or_ps(a.lo, _mm256_and_ps(s.lo, sign)),
          _mm256_or_ps(a.hi, _mm256_and_ps(s.hi, sign))};
}
SOFTLANE_VECTOR inline f32x16 by_sign(f32x16 s, f32x16 a, f32x16 b) {
  return {_mm256_blendv_ps(b.lo, a.lo, s.lo), _mm256_blendv_ps(b.hi, a.hi, s.hi)};
}

SOFTLANE_VECTOR inline float max_lane(f32x16 a) {
  const __m256 eight = _mm256_max_ps(a.lo, a.hi);
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}
SOFTLANE_VECTOR inline double sum_lanes(f32x16 a, f32x16 b) {
  const auto quarter = [](__m256 v, __m256 w, int k) {
    const __m128 x = k == 0 ? _mm256_castps256_ps128(v) : _mm256_extractf128_ps(v, 1);
    const __m128 y = k == 0 ? _mm256_castps256_ps128(w) : _mm256_extractf128_ps(w, 1);
    return _mm256_add_pd(_mm256_cvtps_pd(x), _mm256_cvtps_pd(y));
  };
  const __m256d lower = _mm256_add_pd(quarter(a.lo, b.lo, 0), quarter(a.hi, b.hi, 0));
  const __m256d upper = _mm256_add_pd(quarter(a.lo, b.lo, 1), quarter(a.hi, b.hi, 1));
  const __m256d four = _mm256_add_pd(lower, upper);
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

// Eight vectors of eight lanes: a square of the sixteen by sixteen.
SOFTLANE_VECTOR inline void transpose_square(__m256* v) {
  __m256 t[8];
  const auto pairs = [](__m256 a, __m256 b, bool upper) SOFTLANE_VECTOR {
    const __m256d x = _mm256_castps_pd(a), y = _mm256_castps_pd(b);
    return _mm256_castpd_ps(upper ? _mm256_unpackhi_pd(x, y) : _mm256_unpacklo_pd(x, y));
  };
  for (int i = 0; i < 8; i += 4) {
    const __m256 a = _mm256_unpacklo_ps(v[i], v[i + 1]), b = _mm256_unpackhi_ps(v[i], v[i + 1]);
    const __m256 c = _mm256_unpacklo_ps(v[i + 2], v[i + 3]);
    const __m256 d = _mm256_unpackhi_ps(v[i + 2], v[i + 3]);
    t[i] = pairs(a, c, false);
    t[i + 1] = pairs(a, c, true);
    t[i + 2] = pairs(b, d, false);
    t[i + 3] = pairs(b, d, true);
  }
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
    v[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
  }
}
SOFTLANE_VECTOR inline void transpose(f32x16* v) {
  __m256 square[8];
  for (int i = 0; i < 8; ++i) square[i] = v[i].lo;
  transpose_square(square);
  for (int i = 0; i < 8; ++i) v[i].lo = square[i];
  for (int i = 0; i < 8; ++i) square[i] = v[i + 8].hi;
  transpose_square(square);
  for (int i = 0; i < 8; ++i) v[i + 8].hi = square[i];
  __m256 other[8];
  for (int i = 0; i < 8; ++i) square[i] = v[i].hi, other[i] = v[i + 8].lo;
  transpose_square(square);
  for (int i = 0; i < 8; ++i) v[i + 8].lo = square[i];
  transpose_square(other);
  for (int i = 0; i < 8; ++i) v[i].hi = other[i];
}
SOFTLANE_VECTOR inline mask16 load_mask(const int32_t* p, size_t n) {
  const auto half = [=](int first) SOFTLANE_VECTOR {
    const __m256i some = first_lanes(n, first);
    const __m256i a = _mm256_maskload_epi32(p + first, some);
    return floats(_mm256_andnot_si256(_mm256_cmpeq_epi32(a, _mm256_setzero_si256()), some));
  };
  return {half(0), n > 8 ? half(8) : _mm256_setzero_ps()};
}

SOFTLANE_VECTOR inline f32x16 pow2_low_bits(f32x16 z) {
  return {floats(_mm256_slli_epi32(bits(z.lo), 23)), floats(_mm256_slli_epi32(bits(z.hi), 23))};
}

struct pow2_table {
  __m256 v;
};
SOFTLANE_VECTOR inline pow2_table load_table(const uint32_t* t) {
  return {_mm256_loadu_ps(reinterpret_cast<const float*>(t))};
}
SOFTLANE_VECTOR inline __m256 pow2_eighths(const pow2_table& t, __m256 z) {
  const __m256i p = bits(_mm256_permutevar8x32_ps(t.v, bits(z)));
  return floats(_mm256_add_epi32(p, _mm256_slli_epi32(bits(z), 20)));
}
SOFTLANE_VECTOR inline f32x16 pow2_eighths(const pow2_table& t, f32x16 z) {
  return {pow2_eighths(t, z.lo), pow2_eighths(t, z.hi)};
}
SOFTLANE_VECTOR inline f32x16 floor_eighths(f32x16 z) {
  const __m256i m = _mm256_set1_epi32(-8);
  return {floats(_mm256_and_si256(bits(z.lo), m)), floats(_mm256_and_si256(bits(z.hi), m))};
}

SOFTLANE_VECTOR inline __m256 scale_or_zero(__m256 a, __m256 z) {
  const __m256i e = _mm256_slli_epi32(bits(z), 23);
  const __m256i below = _mm256_sub_epi32(_mm256_set1_epi32(0x007fffff), e);
  const __m256i normal = _mm256_cmpgt_epi32(bits(a), below);
  return floats(_mm256_and_si256(_mm256_add_epi32(bits(a), e), normal));
}
SOFTLANE_VECTOR inline f32x16 scale_or_zero(f32x16 a, f32x16 z) {
  return {scale_or_zero(a.lo, z.lo), scale_or_zero(a.hi, z.hi)};
}

SOFTLANE_VECTOR inline __m256 exponent(__m256 a) {
  const __m256i e = _mm256_srli_epi32(bits(a), 23);
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(e, _mm256_set1_epi32(127)));
}
SOFTLANE_VECTOR inline f32x16 exponent(f32x16 a) { return {exponent(a.lo), exponent(a.hi)}; }
SOFTLANE_VECTOR inline __m256 mantissa(__m256 a) {
  const __m256i m = _mm256_and_si256(bits(a), _mm256_set1_epi32(0x007fffff));
  return floats(_mm256_or_si256(m, _mm256_set1_epi32(0x3f800000)));
}
SOFTLANE_VECTOR inline f32x16 mantissa(f32x16 a) { return {mantissa(a.lo), mantissa(a.hi)}; }

struct u16x16 {
  __m256i v;
};
SOFTLANE_VECTOR inline u16x16 load_u16(const uint16_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
SOFTLANE_VECTOR inline void store(uint16_t* p, u16x16 a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v);
}
SOFTLANE_VECTOR inline void stream(uint16_t* p, u16x16 a) {
  _mm256_stream_si256(reinterpret_cast<__m256i*>(p), a.v);
}
SOFTLANE_VECTOR inline f32x16 widen_f16(u16x16 a) {
  return {_mm256_cvtph_ps(_mm256_castsi256_si128(a.v)),
          _mm256_cvtph_ps(_mm256_extracti128_si256(a.v, 1))};
}
SOFTLANE_VECTOR inline u16x16 narrow_f16(f32x16 a) {
  constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_set_m128i(_mm256_cvtps_ph(a.hi, kNearest), _mm256_cvtps_ph(a.lo, kNearest))};
}
SOFTLANE_VECTOR inline f32x16 widen_bf16(u16x16 a) {
  const auto half = [](__m128i v) SOFTLANE_VECTOR {
    return floats(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
  };
  return {half(_mm256_castsi256_si128(a.v)), half(_mm256_extracti128_si256(a.v, 1))};
}
SOFTLANE_VECTOR inline u16x16 narrow_bf16(f32x16 a) {
  const auto half = [](__m256 v) SOFTLANE_VECTOR {
    const __m256i b = bits(v), cut = _mm256_srli_epi32(b, 16);
    const __m256i odd = _mm256_and_si256(cut, _mm256_set1_epi32(1));
    const __m256i up = _mm256_add_epi32(_mm256_set1_epi32(0x7fff), odd);
    const __m256i nearest = _mm256_srli_epi32(_mm256_add_epi32(b, up), 16);
    const __m256i quiet = _mm256_or_si256(cut, _mm256_set1_epi32(0x40));
    return _mm256_blendv_epi8(nearest, quiet, bits(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)));
  };
  const __m256i mixed = _mm256_packus_epi32(half(a.lo), half(a.hi));
  return {_mm256_permute4x64_epi64(mixed, 0xd8)};
}

}  // namespace
}  // namespace softlane
