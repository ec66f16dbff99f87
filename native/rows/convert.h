// Rows from 16-bit formats to float and back (f32x16.h has the rules).
#pragma once

#include <cstring>

#include "../simd/f32x16.h"
#include "format.h"
#include "order.h"

namespace softlane {
namespace {

template <class F>
inline void widen_with(const uint16_t* x, float* y, size_t n, F f) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, f(load_u16(x + i)));
  if (i == n) return;
  uint16_t last[kLanes] = {};
  std::memcpy(last, x + i, (n - i) * sizeof *x);
  store_first(y + i, f(load_u16(last)), n - i);
}

template <class F>
inline void narrow_with(const float* x, uint16_t* y, size_t n, bool streamed, F f) {
  const auto last = [&](size_t i, size_t count) {
    uint16_t some[kLanes];
    store(some, f(load_first(x + i, count, 0.0f)));
    std::memcpy(y + i, some, count * sizeof *y);
  };
  size_t i = 0;
  if (streamed) {
    i = (0 - reinterpret_cast<uintptr_t>(y) / sizeof *y) % kLanes;
    if (i > n) i = n;
    if (i > 0) last(0, i);
    for (; i + kLanes <= n; i += kLanes) stream(y + i, f(load(x + i)));
  }
  for (; i + kLanes <= n; i += kLanes) store(y + i, f(load(x + i)));
  if (i < n) last(i, n - i);
}

// x is of the format, which is not f32.
inline void widen(Format format, const void* x, float* y, size_t n) {
  const uint16_t* from = static_cast<const uint16_t*>(x);
  if (format == Format::kF16) {
    widen_with(from, y, n, [](u16x16 a) SOFTLANE_VECTOR { return widen_f16(a); });
  } else {
    widen_with(from, y, n, [](u16x16 a) SOFTLANE_VECTOR { return widen_bf16(a); });
  }
}

// y is of the format, which is not f32.
inline void narrow(Format format, const float* x, void* y, size_t n, bool streamed) {
  uint16_t* to = static_cast<uint16_t*>(y);
  if (format == Format::kF16) {
    narrow_with(x, to, n, streamed, [](f32x16 a) SOFTLANE_VECTOR { return narrow_f16(a); });
  } else {
    narrow_with(x, to, n, streamed, [](f32x16 a) SOFTLANE_VECTOR { return narrow_bf16(a); });
  }
  if (streamed) fence();
}

}  // namespace
}  // namespace softlane
