// f32x16 on NEON, which every 64-bit Arm CPU has: four q registers. See f32x16.h for what each
// function means.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace softlane {
namespace {

struct f32x16 {
  float32x4_t v[4];
};

struct mask16 {
  uint32x4_t v[4];
};

// Vectors worked on in step (wide.h): as many as 32 registers hold.
constexpr size_t kTogether = 2;

SOFTLANE_VECTOR inline uint32x4_t bits(float32x4_t a) { return vreinterpretq_u32_f32(a); }
SOFTLANE_VECTOR inline float32x4_t floats(uint32x4_t a) { return vreinterpretq_f32_u32(a); }

// Applies a function of registers to all four, without a loop for the compiler to find.
template <class F, class... A>
SOFTLANE_VECTOR inline f32x16 each(F f, const A&... a) {
  return {{f(a.v[0]...), f(a.v[1]...), f(a.v[2]...), f(a.v[3]...)}};
}
template <class F, class... A>
SOFTLANE_VECTOR inline mask16 test(F f, const A&... a) {
  return {{f(a.v[0]...), f(a.v[1]...), f(a.v[2]...), f(a.v[3]...)}};
}

// One register, which the compiler could not tell of four equal ones.
struct splat {
  float32x4_t v;
  operator f32x16() const { return {{v, v, v, v}}; }
};
SOFTLANE_VECTOR inline splat set1(float a) { return {vdupq_n_f32(a)}; }

// There is no masked load: whole registers, and lane by lane what is left of the last.
SOFTLANE_VECTOR inline uint32x4_t load_some(const uint32_t* p, size_t n, uint32x4_t fill) {
  if (n >= 4) return vld1q_u32(p);
  if (n > 0) fill = vld1q_lane_u32(p, fill, 0);
  if (n > 1) fill = vld1q_lane_u32(p + 1, fill, 1);
  if (n > 2) fill = vld1q_lane_u32(p + 2, fill, 2);
  return fill;
}
SOFTLANE_VECTOR inline void store_some(float* p, float32x4_t a, size_t n) {
  if (n >= 4) return vst1q_f32(p, a);
  if (n > 0) vst1q_lane_f32(p, a, 0);
  if (n > 1) vst1q_lane_f32(p + 1, a, 1);
  if (n > 2) vst1q_lane_f32(p + 2, a, 2);
}
constexpr size_t left(size_t n, size_t first) { return n > first ? n - first : 0; }

SOFTLANE_VECTOR inline f32x16 load(const float* p) {
  return {{vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)}};
}
SOFTLANE_VECTOR inline f32x16 load_first(const float* p, size_t n, float fill) {
  const uint32x4_t f = bits(vdupq_n_f32(fill));
  f32x16 r;
  for (size_t i = 0; i < 4; ++i) {
    const float* from = n > 4 * i ? p + 4 * i : p;
    r.v[i] = floats(load_some(reinterpret_cast<const uint32_t*>(from), left(n, 4 * i), f));
  }
  return r;
}
SOFTLANE_VECTOR inline void store(float* p, f32x16 a) {
  for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, a.v[i]);
}
SOFTLANE_VECTOR inline void store_first(float* p, f32x16 a, size_t n) {
  for (size_t i = 0; i < 4 && n > 4 * i; ++i) store_some(p + 4 * i, a.v[i], n - 4 * i);
}

// A non-temporal pair is a hint that no intrinsic gives, and that was never measured: an ordinary
// store.
SOFTLANE_VECTOR inline void stream(float* p, f32x16 a) { store(p, a); }
SOFTLANE_VECTOR inline void fence() {}
constexpr bool kPrefetches = true;
SOFTLANE_VECTOR inline void prefetch(const float* p) { __builtin_prefetch(p); }
SOFTLANE_VECTOR inline void prefetch_l2(const float* p) { __builtin_prefetch(p, 0, 2); }

SOFTLANE_VECTOR inline f32x16 operator+(f32x16 a, f32x16 b) {
  return each([](float32x4_t x, float32x4_t y) SOFTLANE_VECTOR { return vaddq_f32(x, y); }, a, b);
}
SOFTLANE_VECTOR inline f32x16 operator-(f32x16 a, f32x16 b) {
  return each([](float32x4_t x, float32x4_t y) SOFTLANE_VECTOR { return vsubq_f32(x, y); }, a, b);
}
SOFTLANE_VECTOR inline f32x16 operator*(f32x16 a, f32x16 b) {
  return each([](float32x4_t x, float32x4_t y) SOFTLANE_VECTOR { return vmulq_f32(x, y); }, a, b);
}
SOFTLANE_VECTOR inline f32x16 operator/(f32x16 a, f32x16 b) {
  return each([](float32x4_t x, float32x4_t y) SOFTLANE_VECTOR { return vdivq_f32(x, y); }, a, b);
}
SOFTLANE_VECTOR inline f32x16 fma(f32x16 a, f32x16 b, f32x16 c) {
  return each([](float32x4_t x, float32x4_t y, float32x4_t z)
                  SOFTLANE_VECTOR { return vfmaq_f32(z, x, y); },
              a, b, c);
}
// FMAX and FMAXNM treat a NaN otherwise.
SOFTLANE_VECTOR inline float32x4_t max(float32x4_t a, float32x4_t b) {
  return vbslq_f32(vcgtq_f32(a, b), a, b);
}
SOFTLANE_VECTOR inline f32x16 max(f32x16 a, f32x16 b) {
  return each([](float32x4_t x, float32x4_t y) SOFTLANE_VECTOR { return max(x, y); }, a, b);
}
SOFTLANE_VECTOR inline f32x16 min(f32x16 a, f32x16 b) {
  return each([](float32x4_t x, float32x4_t y)
                  SOFTLANE_VECTOR { return vbslq_f32(vcltq_f32(x, y), x, y); },
              a, b);
}

SOFTLANE_VECTOR inline mask16 operator>=(f32x16 a, f32x16 b) {
  return test([](float32x4_t x, float32x4_t y) SOFTLANE_VECTOR { return vcgeq_f32(x, y); }, a, b);
}
SOFTLANE_VECTOR inline mask16 operator==(f32x16 a, f32x16 b) {
  return test([](float32x4_t x, float32x4_t y) SOFTLANE_VECTOR { return vceqq_f32(x, y); }, a, b);
}
SOFTLANE_VECTOR inline mask16 is_nan(f32x16 a) {
  return test([](float32x4_t x) SOFTLANE_VECTOR { return vmvnq_u32(vceqq_f32(x, x)); }, a);
}
SOFTLANE_VECTOR inline mask16 above_or_nan(f32x16 a, f32x16 b) {
  return test([](float32x4_t x, float32x4_t y)
                  SOFTLANE_VECTOR { return vmvnq_u32(vcleq_f32(x, y)); },
              a, b);
}
SOFTLANE_VECTOR inline mask16 operator|(mask16 a, mask16 b) {
  return test([](uint32x4_t x, uint32x4_t y) SOFTLANE_VECTOR { return vorrq_u32(x, y); }, a, b);
}
SOFTLANE_VECTOR inline mask16 no_lanes() {
  const uint32x4_t none = vdupq_n_u32(0);
  return {{none, none, none, none}};
}
SOFTLANE_VECTOR inline uint32_t lanes(mask16 a) {
  const auto eight = [](uint32x4_t x, uint32x4_t y) SOFTLANE_VECTOR {
    return vmovn_u16(vcombine_u16(vmovn_u32(x), vmovn_u32(y)));
  };
  const uint8x8_t weights = vcreate_u8(0x8040201008040201u);
  const uint8x8_t lower = vand_u8(eight(a.v[0], a.v[1]), weights);
  const uint8x8_t upper = vand_u8(eight(a.v[2], a.v[3]), weights);
  return static_cast<uint32_t>(vaddv_u8(lower)) | static_cast<uint32_t>(vaddv_u8(upper)) << 8;
}
SOFTLANE_VECTOR inline f32x16 select(mask16 m, f32x16 a, f32x16 b) {
  return each([](uint32x4_t k, float32x4_t x, float32x4_t y)
                  SOFTLANE_VECTOR { return vbslq_f32(k, x, y); },
              m, a, b);
}

SOFTLANE_VECTOR inline f32x16 abs(f32x16 a) {
  return each([](float32x4_t x) SOFTLANE_VECTOR { return vabsq_f32(x); }, a);
}
SOFTLANE_VECTOR inline f32x16 with_sign(f32x16 a, f32x16 s) {
  const uint32x4_t sign = vdupq_n_u32(0x80000000);
  return each([=](float32x4_t x, float32x4_t y) SOFTLANE_VECTOR { return vbslq_f32(sign, y, x); },
              a, s);
}
SOFTLANE_VECTOR inline f32x16 by_sign(f32x16 s, f32x16 a, f32x16 b) {
  return each([](float32x4_t x, float32x4_t y, float32x4_t z)
                  SOFTLANE_VECTOR { return vbslq_f32(vcltzq_s32(vreinterpretq_s32_f32(x)), y, z); },
              s, a, b);
}

SOFTLANE_VECTOR inline float max_lane(f32x16 a) {
  return vmaxvq_f32(max(max(a.v[0], a.v[2]), max(a.v[1], a.v[3])));
}
SOFTLANE_VECTOR inline double sum_lanes(f32x16 a, f32x16 b) {
  const auto lower = [&](int i) SOFTLANE_VECTOR {
    return vaddq_f64(vcvt_f64_f32(vget_low_f32(a.v[i])), vcvt_f64_f32(vget_low_f32(b.v[i])));
  };
  const auto upper = [&](int i) SOFTLANE_VECTOR {
    return vaddq_f64(vcvt_high_f64_f32(a.v[i]), vcvt_high_f64_f32(b.v[i]));
  };
  const float64x2_t first = vaddq_f64(lower(0), lower(2)), third = vaddq_f64(lower(1), lower(3));
  const float64x2_t second = vaddq_f64(upper(0), upper(2)), last = vaddq_f64(upper(1), upper(3));
  return vaddvq_f64(vaddq_f64(vaddq_f64(first, third), vaddq_f64(second, last)));
}

// Four vectors of four lanes: a square of the sixteen by sixteen.
SOFTLANE_VECTOR inline void transpose_square(float32x4_t* v) {
  const auto pairs = [](float32x4_t a, float32x4_t b, bool upper) SOFTLANE_VECTOR {
    const float64x2_t x = vreinterpretq_f64_f32(a), y = vreinterpretq_f64_f32(b);
    return vreinterpretq_f32_f64(upper ? vzip2q_f64(x, y) : vzip1q_f64(x, y));
  };
  const float32x4_t a = vtrn1q_f32(v[0], v[1]), b = vtrn2q_f32(v[0], v[1]);
  const float32x4_t c = vtrn1q_f32(v[2], v[3]), d = vtrn2q_f32(v[2], v[3]);
  v[0] = pairs(a, c, false);
  v[1] = pairs(b, d, false);
  v[2] = pairs(a, c, true);
  v[3] = pairs(b, d, true);
}
SOFTLANE_VECTOR inline void transpose(f32x16* v) {
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j <= i; ++j) {
      float32x4_t square[4], other[4];
      for (int k = 0; k < 4; ++k) square[k] = v[4 * i + k].v[j], other[k] = v[4 * j + k].v[i];
      transpose_square(square);
      transpose_square(other);
      for (int k = 0; k < 4; ++k) v[4 * i + k].v[j] = other[k], v[4 * j + k].v[i] = square[k];
    }
  }
}
SOFTLANE_VECTOR inline mask16 load_mask(const int32_t* p, size_t n) {
  const auto quarter = [=](size_t i) SOFTLANE_VECTOR {
    const int32_t* from = n > 4 * i ? p + 4 * i : p;
    const uint32_t* words = reinterpret_cast<const uint32_t*>(from);
    const uint32x4_t a = load_some(words, left(n, 4 * i), vdupq_n_u32(0));
    return vtstq_u32(a, a);
  };
  return {{quarter(0), quarter(1), quarter(2), quarter(3)}};
}

SOFTLANE_VECTOR inline f32x16 pow2_low_bits(f32x16 z) {
  return each([](float32x4_t x) SOFTLANE_VECTOR { return floats(vshlq_n_u32(bits(x), 23)); }, z);
}

struct pow2_table {
  uint8x16x2_t v;
};
SOFTLANE_VECTOR inline pow2_table load_table(const uint32_t* t) {
  return {{{vreinterpretq_u8_u32(vld1q_u32(t)), vreinterpretq_u8_u32(vld1q_u32(t + 4))}}};
}
// The table is looked up byte by byte: k % 8 becomes the places 4k, 4k + 1, 4k + 2 and 4k + 3.
SOFTLANE_VECTOR inline f32x16 pow2_eighths(const pow2_table& t, f32x16 z) {
  return each(
      [&](float32x4_t x) SOFTLANE_VECTOR {
        const uint32x4_t k = vandq_u32(bits(x), vdupq_n_u32(7));
        const uint32x4_t places = vmlaq_n_u32(vdupq_n_u32(0x03020100), k, 0x04040404);
        const uint8x16_t p = vqtbl2q_u8(t.v, vreinterpretq_u8_u32(places));
        return floats(vaddq_u32(vreinterpretq_u32_u8(p), vshlq_n_u32(bits(x), 20)));
      },
      z);
}
SOFTLANE_VECTOR inline f32x16 floor_eighths(f32x16 z) {
  const uint32x4_t m = vdupq_n_u32(~7u);
  return each([=](float32x4_t x) SOFTLANE_VECTOR { return floats(vandq_u32(bits(x), m)); }, z);
}

SOFTLANE_VECTOR inline f32x16 scale_or_zero(f32x16 a, f32x16 z) {
  const int32x4_t least = vdupq_n_s32(0x007fffff);
  return each(
      [=](float32x4_t x, float32x4_t y) SOFTLANE_VECTOR {
        const uint32x4_t r = vaddq_u32(bits(x), vshlq_n_u32(bits(y), 23));
        return floats(vandq_u32(r, vcgtq_s32(vreinterpretq_s32_u32(r), least)));
      },
      a, z);
}

SOFTLANE_VECTOR inline f32x16 exponent(f32x16 a) {
  return each(
      [](float32x4_t x) SOFTLANE_VECTOR {
        const int32x4_t e = vreinterpretq_s32_u32(vshrq_n_u32(bits(x), 23));
        return vcvtq_f32_s32(vsubq_s32(e, vdupq_n_s32(127)));
      },
      a);
}
SOFTLANE_VECTOR inline f32x16 mantissa(f32x16 a) {
  return each(
      [](float32x4_t x) SOFTLANE_VECTOR {
        const uint32x4_t m = vandq_u32(bits(x), vdupq_n_u32(0x007fffff));
        return floats(vorrq_u32(m, vdupq_n_u32(0x3f800000)));
      },
      a);
}

struct u16x16 {
  uint16x8_t v[2];
};
SOFTLANE_VECTOR inline u16x16 load_u16(const uint16_t* p) {
  return {{vld1q_u16(p), vld1q_u16(p + 8)}};
}
SOFTLANE_VECTOR inline void store(uint16_t* p, u16x16 a) {
  vst1q_u16(p, a.v[0]);
  vst1q_u16(p + 8, a.v[1]);
}
SOFTLANE_VECTOR inline void stream(uint16_t* p, u16x16 a) { store(p, a); }

template <class F>
SOFTLANE_VECTOR inline f32x16 each_wide(F f, u16x16 a) {
  return {{f(vget_low_u16(a.v[0])), f(vget_high_u16(a.v[0])), f(vget_low_u16(a.v[1])),
           f(vget_high_u16(a.v[1]))}};
}
template <class F>
SOFTLANE_VECTOR inline u16x16 each_narrow(F f, f32x16 a) {
  return {{vcombine_u16(f(a.v[0]), f(a.v[1])), vcombine_u16(f(a.v[2]), f(a.v[3]))}};
}
SOFTLANE_VECTOR inline f32x16 widen_f16(u16x16 a) {
  return each_wide(
      [](uint16x4_t x) SOFTLANE_VECTOR { return vcvt_f32_f16(vreinterpret_f16_u16(x)); }, a);
}
SOFTLANE_VECTOR inline u16x16 narrow_f16(f32x16 a) {
  return each_narrow(
      [](float32x4_t x) SOFTLANE_VECTOR { return vreinterpret_u16_f16(vcvt_f16_f32(x)); }, a);
}
SOFTLANE_VECTOR inline f32x16 widen_bf16(u16x16 a) {
  return each_wide(
      [](uint16x4_t x) SOFTLANE_VECTOR { return floats(vshlq_n_u32(vmovl_u16(x), 16)); }, a);
}
SOFTLANE_VECTOR inline u16x16 narrow_bf16(f32x16 a) {
  return each_narrow(
      [](float32x4_t x) SOFTLANE_VECTOR {
        const uint32x4_t cut = vshrq_n_u32(bits(x), 16);
        const uint32x4_t odd = vandq_u32(cut, vdupq_n_u32(1));
        const uint32x4_t up = vaddq_u32(vdupq_n_u32(0x7fff), odd);
        const uint32x4_t nearest = vshrq_n_u32(vaddq_u32(bits(x), up), 16);
        const uint32x4_t quiet = vorrq_u32(cut, vdupq_n_u32(0x40));
        return vmovn_u32(vbslq_u32(vceqq_f32(x, x), nearest, quiet));
      },
      a);
}

}  // namespace
}  // namespace softlane
