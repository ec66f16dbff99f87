// The map driver: y_i = f(x_i). x and y may be the same. f is a function of V (wide.h).
#pragma once

#include "../simd/wide.h"
#include "order.h"

namespace softlane {
namespace {

// How far ahead of the stores a streamed map asks for its input: 2 KiB.
constexpr size_t kAhead = 512;

// Stores past the cache, for an output that would not stay there: a third less traffic, as its
// lines need not be read first. They must be aligned; no result of a map depends on where it
// starts.
template <class F>
inline void map_streamed(const float* x, float* y, size_t n, F f) {
  size_t i = (0 - reinterpret_cast<uintptr_t>(y) / sizeof(float)) % kLanes;
  if (i > n) i = n;
  if (i > 0) store_first(y, f(load_first(x, i, 0.0f)), i);
  for (; i + kTogether * kLanes <= n; i += kTogether * kLanes) {
    for (size_t j = 0; j < kTogether; ++j) prefetch(x + i + j * kLanes + kAhead);
    const wide<kTogether> r = f(load_wide<kTogether>(x + i));
    for (size_t j = 0; j < kTogether; ++j) stream(y + i + j * kLanes, r.v[j]);
  }
  for (; i + kLanes <= n; i += kLanes) stream(y + i, f(load(x + i)));
  if (i < n) store_first(y + i, f(load_first(x + i, n - i, 0.0f)), n - i);
}

template <class F>
inline void map(const float* x, float* y, size_t n, bool streamed, F f) {
  if (streamed) {
    map_streamed(x, y, n, f);
    return;
  }
  size_t i = 0;
  for (; i + kTogether * kLanes <= n; i += kTogether * kLanes) {
    const wide<kTogether> r = f(load_wide<kTogether>(x + i));
    for (size_t j = 0; j < kTogether; ++j) store(y + i + j * kLanes, r.v[j]);
  }
  for (; i + kLanes <= n; i += kLanes) store(y + i, f(load(x + i)));
  if (i < n) store_first(y + i, f(load_first(x + i, n - i, 0.0f)), n - i);
}

inline void fill(float* y, size_t n, float value) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, set1(value));
  if (i < n) store_first(y + i, set1(value), n - i);
}

}  // namespace
}  // namespace softlane
