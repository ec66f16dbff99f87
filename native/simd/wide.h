// Several vectors worked on in step. The chain of operations behind one exponential is longer than
// a CPU looks ahead, so code that finishes one vector before it begins the next waits; written for
// wide<N> it has N chains in flight (a quarter faster on AVX-512, docs/benchmarks.md). A function
// of vectors is a template over V, f32x16 or wide<N>; constants stay f32x16.
#pragma once

#include <cstddef>

#include "f32x16.h"

namespace softlane {
namespace {

template <size_t N>
struct wide {
  f32x16 v[N];
};

SOFTLANE_VECTOR inline f32x16 part(const f32x16& a, size_t) { return a; }
template <size_t N>
SOFTLANE_VECTOR inline f32x16 part(const wide<N>& a, size_t i) {
  return a.v[i];
}

template <size_t N, class F, class... A>
SOFTLANE_VECTOR inline wide<N> in_step(F f, const A&... a) {
  wide<N> r;
  for (size_t i = 0; i < N; ++i) r.v[i] = f(part(a, i)...);
  return r;
}

template <size_t N, class B>
SOFTLANE_VECTOR inline wide<N> operator+(const wide<N>& a, const B& b) {
  return in_step<N>([](f32x16 x, f32x16 y) SOFTLANE_VECTOR { return x + y; }, a, b);
}
template <size_t N, class B>
SOFTLANE_VECTOR inline wide<N> operator-(const wide<N>& a, const B& b) {
  return in_step<N>([](f32x16 x, f32x16 y) SOFTLANE_VECTOR { return x - y; }, a, b);
}
template <size_t N>
SOFTLANE_VECTOR inline wide<N> operator-(const splat& a, const wide<N>& b) {
  return in_step<N>([](f32x16 x, f32x16 y) SOFTLANE_VECTOR { return x - y; }, a, b);
}
template <size_t N, class B>
SOFTLANE_VECTOR inline wide<N> operator*(const wide<N>& a, const B& b) {
  return in_step<N>([](f32x16 x, f32x16 y) SOFTLANE_VECTOR { return x * y; }, a, b);
}
template <size_t N>
SOFTLANE_VECTOR inline wide<N> operator/(const splat& a, const wide<N>& b) {
  return in_step<N>([](f32x16 x, f32x16 y) SOFTLANE_VECTOR { return x / y; }, a, b);
}
template <size_t N, class B>
SOFTLANE_VECTOR inline wide<N> operator/(const wide<N>& a, const B& b) {
  return in_step<N>([](f32x16 x, f32x16 y) SOFTLANE_VECTOR { return x / y; }, a, b);
}
template <size_t N, class B, class C>
SOFTLANE_VECTOR inline wide<N> fma(const wide<N>& a, const B& b, const C& c) {
  return in_step<N>([](f32x16 x, f32x16 y, f32x16 z) SOFTLANE_VECTOR { return fma(x, y, z); }, a, b,
                    c);
}
template <size_t N>
SOFTLANE_VECTOR inline wide<N> max(const splat& a, const wide<N>& b) {
  return in_step<N>([](f32x16 x, f32x16 y) SOFTLANE_VECTOR { return max(x, y); }, a, b);
}
template <size_t N, class B>
SOFTLANE_VECTOR inline wide<N> max(const wide<N>& a, const B& b) {
  return in_step<N>([](f32x16 x, f32x16 y) SOFTLANE_VECTOR { return max(x, y); }, a, b);
}
template <size_t N>
SOFTLANE_VECTOR inline wide<N> min(const splat& a, const wide<N>& b) {
  return in_step<N>([](f32x16 x, f32x16 y) SOFTLANE_VECTOR { return min(x, y); }, a, b);
}
template <size_t N>
SOFTLANE_VECTOR inline wide<N> abs(const wide<N>& a) {
  return in_step<N>([](f32x16 x) SOFTLANE_VECTOR { return abs(x); }, a);
}
template <size_t N>
SOFTLANE_VECTOR inline wide<N> with_sign(const wide<N>& a, const wide<N>& s) {
  return in_step<N>([](f32x16 x, f32x16 y) SOFTLANE_VECTOR { return with_sign(x, y); }, a, s);
}
template <size_t N, class A, class B>
SOFTLANE_VECTOR inline wide<N> by_sign(const wide<N>& s, const A& a, const B& b) {
  return in_step<N>([](f32x16 x, f32x16 y, f32x16 z) SOFTLANE_VECTOR { return by_sign(x, y, z); },
                    s, a, b);
}
template <size_t N>
SOFTLANE_VECTOR inline wide<N> pow2_low_bits(const wide<N>& z) {
  return in_step<N>([](f32x16 x) SOFTLANE_VECTOR { return pow2_low_bits(x); }, z);
}
template <size_t N>
SOFTLANE_VECTOR inline wide<N> pow2_eighths(const pow2_table& t, const wide<N>& z) {
  return in_step<N>([&](f32x16 x) SOFTLANE_VECTOR { return pow2_eighths(t, x); }, z);
}
template <size_t N, class B>
SOFTLANE_VECTOR inline wide<N> scale_or_zero(const wide<N>& a, const B& z) {
  return in_step<N>([](f32x16 x, f32x16 y) SOFTLANE_VECTOR { return scale_or_zero(x, y); }, a, z);
}

template <size_t N>
SOFTLANE_VECTOR inline wide<N> load_wide(const float* p) {
  wide<N> r;
  for (size_t i = 0; i < N; ++i) r.v[i] = load(p + i * 16);
  return r;
}

}  // namespace
}  // namespace softlane
