// The map driver: y_i = f(x_i). x and y may be the same.
#pragma once

#include "../simd/f32x16.h"
#include "order.h"

namespace softlane {
namespace {

template <class F>
inline void map(const float* x, float* y, size_t n, F f) {
  size_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const f32x16 a = f(load(x + i));
    const f32x16 b = f(load(x + i + kLanes));
    store(y + i, a);
    store(y + i + kLanes, b);
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
