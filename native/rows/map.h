// The map driver: y_i = f(x_i). x and y may be the same. f is a function of V (wide.h).
#pragma once

#include "../simd/wide.h"
#include "prefetch.h"

namespace softlane {
namespace {

// Stores past the cache, for an output that would not stay there: a third less traffic, as its
// lines need not be read first. They must be aligned; no result of a map depends on where it
// starts.
template <bool Streamed, class Ahead, class F>
inline void map_by(const float* x, float* y, size_t n, F f) {
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
    if (i > 0) store_first(y, f(load_first(x, i, 0.0f)), i);
  }
  for (; i + kTogether * kLanes <= n; i += kTogether * kLanes) {
    Ahead::after(x, i, kTogether);
    const wide<kTogether> r = f(load_wide<kTogether>(x + i));
    for (size_t j = 0; j < kTogether; ++j) put(i + j * kLanes, r.v[j]);
  }
  for (; i + kLanes <= n; i += kLanes) put(i, f(load(x + i)));
  if (i < n) store_first(y + i, f(load_first(x + i, n - i, 0.0f)), n - i);
}

// What is streamed comes from memory too, as a rule. Beside ordinary stores a prefetch is worth
// little (docs/decisions/0052-prefetch-of-the-next-block.md).
template <class F>
inline void map(const float* x, float* y, size_t n, bool streamed, F f) {
  if (streamed) {
    map_by<true, Fetch<Prefetch::kNext>>(x, y, n, f);
  } else {
    map_by<false, Fetch<Prefetch::kNone>>(x, y, n, f);
  }
}

// The same with a word on what to ask for.
template <class F>
inline void map(const float* x, float* y, size_t n, bool streamed, Prefetch wanted, F f) {
  if (wanted == Prefetch::kAuto) wanted = streamed ? Prefetch::kNext : Prefetch::kNone;
  with_prefetch(wanted, [=](auto ahead) {
    using Ahead = decltype(ahead);
    streamed ? map_by<true, Ahead>(x, y, n, f) : map_by<false, Ahead>(x, y, n, f);
  });
}

inline void fill(float* y, size_t n, float value) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, set1(value));
  if (i < n) store_first(y + i, set1(value), n - i);
}

}  // namespace
}  // namespace softlane
