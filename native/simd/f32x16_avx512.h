// f32x16 on AVX-512: one zmm register. See f32x16.h for what each function means.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace softlane {
namespace {

struct f32x16 {
  __m512 v;
};

struct mask16 {
  __mmask16 m;
};

// Vectors worked on in step (wide.h): as many as 32 registers hold.
constexpr size_t kTogether = 6;

SOFTLANE_VECTOR inline __mmask16 first_lanes(size_t n) {
  return static_cast<__mmask16>((1u << n) - 1u);
}

using splat = f32x16;
SOFTLANE_VECTOR inline splat set1(float a) { return {_mm512_set1_ps(a)}; }

SOFTLANE_VECTOR inline f32x16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
SOFTLANE_VECTOR inline f32x16 load_first(const float* p, size_t n, float fill) {
  return {_mm512_mask_loadu_ps(_mm512_set1_ps(fill), first_lanes(n), p)};
}
SOFTLANE_VECTOR inline void store(float* p, f32x16 a) { _mm512_storeu_ps(p, a.v); }
SOFTLANE_VECTOR inline void store_first(float* p, f32x16 a, size_t n) {
  _mm512_mask_storeu_ps(p, first_lanes(n), a.v);
}

SOFTLANE_VECTOR inline void stream(float* p, f32x16 a) { _mm512_stream_ps(p, a.v); }
SOFTLANE_VECTOR inline void fence() { _mm_sfence(); }
constexpr bool kPrefetches = true;
SOFTLANE_VECTOR inline void prefetch(const float* p) {
  _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0);
}
SOFTLANE_VECTOR inline void prefetch_l2(const float* p) {
  _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T1);
}

SOFTLANE_VECTOR inline f32x16 operator+(f32x16 a, f32x16 b) { return {_mm512_add_ps(a.v, b.v)}; }
SOFTLANE_VECTOR inline f32x16 operator-(f32x16 a, f32x16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
SOFTLANE_VECTOR inline f32x16 operator*(f32x16 a, f32x16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
SOFTLANE_VECTOR inline f32x16 operator/(f32x16 a, f32x16 b) { return {_mm512_div_ps(a.v, b.v)}; }
SOFTLANE_VECTOR inline f32x16 fma(f32x16 a, f32x16 b, f32x16 c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
SOFTLANE_VECTOR inline f32x16 max(f32x16 a, f32x16 b) { return {_mm512_max_ps(a.v, b.v)}; }
SOFTLANE_VECTOR inline f32x16 min(f32x16 a, f32x16 b) { return {_mm512_min_ps(a.v, b.v)}; }

SOFTLANE_VECTOR inline mask16 operator>=(f32x16 a, f32x16 b) {
  return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)};
}
SOFTLANE_VECTOR inline mask16 operator==(f32x16 a, f32x16 b) {
  return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)};
}
SOFTLANE_VECTOR inline mask16 is_nan(f32x16 a) {
  return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)};
}
SOFTLANE_VECTOR inline mask16 above_or_nan(f32x16 a, f32x16 b) {
  return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_NLE_UQ)};
}
SOFTLANE_VECTOR inline mask16 operator|(mask16 a, mask16 b) {
  return {static_cast<__mmask16>(a.m | b.m)};
}
SOFTLANE_VECTOR inline mask16 no_lanes() { return {0}; }
SOFTLANE_VECTOR inline uint32_t lanes(mask16 a) { return a.m; }
SOFTLANE_VECTOR inline f32x16 select(mask16 m, f32x16 a, f32x16 b) {
  return {_mm512_mask_mov_ps(b.v, m.m, a.v)};
}

SOFTLANE_VECTOR inline f32x16 abs(f32x16 a) { return {_mm512_abs_ps(a.v)}; }
SOFTLANE_VECTOR inline f32x16 with_sign(f32x16 a, f32x16 s) {
  return {_mm512_or_ps(a.v, _mm512_and_ps(s.v, _mm512_set1_ps(-0.0f)))};
}
SOFTLANE_VECTOR inline f32x16 by_sign(f32x16 s, f32x16 a, f32x16 b) {
  return {_mm512_mask_mov_ps(b.v, _mm512_movepi32_mask(_mm512_castps_si512(s.v)), a.v)};
}

SOFTLANE_VECTOR inline float max_lane(f32x16 a) { return _mm512_reduce_max_ps(a.v); }
SOFTLANE_VECTOR inline double sum_lanes(f32x16 a, f32x16 b) {
  const auto half = [](__m512 v, int k) {
    return _mm512_cvtps_pd(_mm256_castpd_ps(k == 0
                                                ? _mm512_castpd512_pd256(_mm512_castps_pd(v))
                                                : _mm512_extractf64x4_pd(_mm512_castps_pd(v), 1)));
  };
  const __m512d lower = _mm512_add_pd(half(a.v, 0), half(b.v, 0));
  const __m512d upper = _mm512_add_pd(half(a.v, 1), half(b.v, 1));
  const __m512d eight = _mm512_add_pd(lower, upper);
  const __m256d four =
      _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

SOFTLANE_VECTOR inline void transpose(f32x16* v) {
  __m512 t[16];
  const auto pairs = [](__m512 a, __m512 b, bool upper) SOFTLANE_VECTOR {
    const __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);
    return _mm512_castpd_ps(upper ? _mm512_unpackhi_pd(x, y) : _mm512_unpacklo_pd(x, y));
  };
  // Squares of four within each quarter, then of quarters.
  for (int i = 0; i < 16; i += 4) {
    const __m512 a = _mm512_unpacklo_ps(v[i].v, v[i + 1].v);
    const __m512 b = _mm512_unpackhi_ps(v[i].v, v[i + 1].v);
    const __m512 c = _mm512_unpacklo_ps(v[i + 2].v, v[i + 3].v);
    const __m512 d = _mm512_unpackhi_ps(v[i + 2].v, v[i + 3].v);
    t[i] = pairs(a, c, false);
    t[i + 1] = pairs(a, c, true);
    t[i + 2] = pairs(b, d, false);
    t[i + 3] = pairs(b, d, true);
  }
  for (int i = 0; i < 4; ++i) {
    const __m512 a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88);
    const __m512 b = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
    const __m512 c = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
    const __m512 d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
    v[i].v = _mm512_shuffle_f32x4(a, c, 0x88);
    v[i + 4].v = _mm512_shuffle_f32x4(b, d, 0x88);
    v[i + 8].v = _mm512_shuffle_f32x4(a, c, 0xdd);
    v[i + 12].v = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
}
SOFTLANE_VECTOR inline mask16 load_mask(const int32_t* p, size_t n) {
  const __m512i a = _mm512_maskz_loadu_epi32(first_lanes(n), p);
  return {_mm512_test_epi32_mask(a, a)};
}

SOFTLANE_VECTOR inline f32x16 pow2_low_bits(f32x16 z) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(z.v), 23))};
}

struct pow2_table {
  __m512 v;
};
SOFTLANE_VECTOR inline pow2_table load_table(const uint32_t* t) {
  return {_mm512_broadcast_f32x8(_mm256_loadu_ps(reinterpret_cast<const float*>(t)))};
}
SOFTLANE_VECTOR inline f32x16 pow2_eighths(const pow2_table& t, f32x16 z) {
  const __m512i k = _mm512_castps_si512(z.v);
  const __m512i p = _mm512_castps_si512(_mm512_permutexvar_ps(k, t.v));
  return {_mm512_castsi512_ps(_mm512_add_epi32(p, _mm512_slli_epi32(k, 20)))};
}
SOFTLANE_VECTOR inline f32x16 floor_eighths(f32x16 z) {
  return {_mm512_castsi512_ps(_mm512_and_epi32(_mm512_castps_si512(z.v), _mm512_set1_epi32(-8)))};
}

SOFTLANE_VECTOR inline f32x16 scale_or_zero(f32x16 a, f32x16 z) {
  const __m512i e = _mm512_slli_epi32(_mm512_castps_si512(z.v), 23);
  const __m512i b = _mm512_castps_si512(a.v);
  const __m512i below = _mm512_sub_epi32(_mm512_set1_epi32(0x007fffff), e);
  return {_mm512_castsi512_ps(_mm512_maskz_add_epi32(_mm512_cmpgt_epi32_mask(b, below), b, e))};
}

SOFTLANE_VECTOR inline f32x16 exponent(f32x16 a) {
  const __m512i e = _mm512_srli_epi32(_mm512_castps_si512(a.v), 23);
  return {_mm512_cvtepi32_ps(_mm512_sub_epi32(e, _mm512_set1_epi32(127)))};
}
SOFTLANE_VECTOR inline f32x16 mantissa(f32x16 a) {
  const __m512i m = _mm512_and_epi32(_mm512_castps_si512(a.v), _mm512_set1_epi32(0x007fffff));
  return {_mm512_castsi512_ps(_mm512_or_epi32(m, _mm512_set1_epi32(0x3f800000)))};
}

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
SOFTLANE_VECTOR inline f32x16 widen_f16(u16x16 a) { return {_mm512_cvtph_ps(a.v)}; }
SOFTLANE_VECTOR inline u16x16 narrow_f16(f32x16 a) {
  return {_mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
SOFTLANE_VECTOR inline f32x16 widen_bf16(u16x16 a) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(a.v), 16))};
}
SOFTLANE_VECTOR inline u16x16 narrow_bf16(f32x16 a) {
  const __m512i b = _mm512_castps_si512(a.v), half = _mm512_set1_epi32(0x7fff);
  const __m512i cut = _mm512_srli_epi32(b, 16);
  const __m512i odd = _mm512_and_epi32(cut, _mm512_set1_epi32(1));
  const __m512i nearest = _mm512_srli_epi32(_mm512_add_epi32(b, _mm512_add_epi32(half, odd)), 16);
  const __m512i quiet = _mm512_or_epi32(cut, _mm512_set1_epi32(0x40));
  return {_mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(nearest, is_nan(a).m, quiet))};
}

}  // namespace
}  // namespace softlane
