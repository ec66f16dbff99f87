// The map driver: y_i = f(x_i). x and y may be the same. f is a function of V (wide.h), or of a V
// and the place of its first element, and of how many elements it has, where it reads other arrays.
#pragma once

#include "../simd/wide.h"
#include "prefetch.h"

namespace softlane {
namespace {

// Stores past the cache, for an output that would not stay there: a third less traffic, as its
// lines need not be read first. They must be aligned; no result of a map depends on where it
// starts.
template <bool Streamed, class Ahead, class F>
SOFTLANE_VECTOR inline void map_by(const float* x, float* y, size_t n, F f) {
  const auto put = [=](size_t i, const f32x16& v) SOFTLANE_VECTOR {
    if constexpr (Streamed) {
      stream(y + i, v);
    } else {
      store(y + i, v);
    }
  };
  size_t i = 0;
  if constexpr (Streamed) {
    i = (0 - reinterpret_cast<uintptr_t>(y) / sizeof(float)) % kLanes;
    if (i > n) i = n;
    if (i > 0) store_first(y, f(load_first(x, i, 0.0f), 0, i), i);
  }
  for (; i + kTogether * kLanes <= n; i += kTogether * kLanes) {
    Ahead::after(x, i, kTogether);
    const wide<kTogether> r = f(load_wide<kTogether>(x + i), i, kTogether * kLanes);
    for (size_t j = 0; j < kTogether; ++j) put(i + j * kLanes, r.v[j]);
  }
  for (; i + kLanes <= n; i += kLanes) put(i, f(load(x + i), i, kLanes));
  if (i < n) store_first(y + i, f(load_first(x + i, n - i, 0.0f), i, n - i), n - i);
}

// Elements of another array at the place of such a vector.
template <size_t N>
SOFTLANE_VECTOR inline wide<N> load_like(const wide<N>&, const float* p, size_t) {
  return load_wide<N>(p);
}
SOFTLANE_VECTOR inline f32x16 load_like(const f32x16&, const float* p, size_t count) {
  return count == kLanes ? load(p) : load_first(p, count, 0.0f);
}

// Beside ordinary stores a prefetch is worth little
// (docs/decisions/0052-prefetch-of-the-next-block.md).
template <class F>
inline void map_places(const float* x, float* y, size_t n, Stream stream, F f) {
  if (stream.asks) {
    map_by<true, Fetch<Prefetch::kNext>>(x, y, n, f);
  } else if (stream) {
    map_by<true, Fetch<Prefetch::kNone>>(x, y, n, f);
  } else {
    map_by<false, Fetch<Prefetch::kNone>>(x, y, n, f);
  }
}

// f of a vector alone.
template <class F>
struct Anywhere {
  F f;
  template <class V>
  SOFTLANE_VECTOR V operator()(const V& v, size_t, size_t) const {
    return f(v);
  }
};

// What is in a cache, by ordinary stores.
template <class F>
SOFTLANE_VECTOR inline void map(const float* x, float* y, size_t n, F f) {
  map_by<false, Fetch<Prefetch::kNone>>(x, y, n, Anywhere<F>{f});
}

template <class F>
inline void map(const float* x, float* y, size_t n, Stream stream, F f) {
  map_places(x, y, n, stream, Anywhere<F>{f});
}

// The same with a word on what to ask for.
template <class F>
inline void map(const float* x, float* y, size_t n, Stream stream, Prefetch wanted, F f) {
  if (wanted == Prefetch::kAuto) wanted = stream.asks ? Prefetch::kNext : Prefetch::kNone;
  with_prefetch(wanted, [=](auto ahead) {
    using Ahead = decltype(ahead);
    const Anywhere<F> g{f};
    stream ? map_by<true, Ahead>(x, y, n, g) : map_by<false, Ahead>(x, y, n, g);
  });
}

inline void fill(float* y, size_t n, float value) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, set1(value));
  if (i < n) store_first(y + i, set1(value), n - i);
}

}  // namespace
}  // namespace softlane
