// Neighbouring columns to rows of their own and back, by squares of sixteen by sixteen. A tensor's
// middle axis runs down such columns: its rows are read in whole lines of memory.
#pragma once

#include <cstring>

#include "../simd/f32x16.h"
#include "format.h"
#include "order.h"
#include "panel_shape.h"

namespace softlane {
namespace {

// Vectors of a format, whole and first lanes.
struct F32Lanes {
  using T = float;
  SOFTLANE_VECTOR static f32x16 load(const T* p) { return softlane::load(p); }
  SOFTLANE_VECTOR static f32x16 load(const T* p, size_t n) { return load_first(p, n, 0.0f); }
  SOFTLANE_VECTOR static void store(T* p, f32x16 a) { softlane::store(p, a); }
  SOFTLANE_VECTOR static void store(T* p, f32x16 a, size_t n) { store_first(p, a, n); }
};

template <f32x16 (*Widen)(u16x16), u16x16 (*Narrow)(f32x16)>
struct HalfLanes {
  using T = uint16_t;
  SOFTLANE_VECTOR static f32x16 load(const T* p) { return Widen(load_u16(p)); }
  SOFTLANE_VECTOR static f32x16 load(const T* p, size_t n) {
    T some[kLanes] = {};
    std::memcpy(some, p, n * sizeof *p);
    return Widen(load_u16(some));
  }
  SOFTLANE_VECTOR static void store(T* p, f32x16 a) { softlane::store(p, Narrow(a)); }
  SOFTLANE_VECTOR static void store(T* p, f32x16 a, size_t n) {
    T some[kLanes];
    softlane::store(some, Narrow(a));
    std::memcpy(p, some, n * sizeof *p);
  }
};
SOFTLANE_VECTOR inline f32x16 f16_lanes(u16x16 a) { return widen_f16(a); }
SOFTLANE_VECTOR inline u16x16 lanes_f16(f32x16 a) { return narrow_f16(a); }
SOFTLANE_VECTOR inline f32x16 bf16_lanes(u16x16 a) { return widen_bf16(a); }
SOFTLANE_VECTOR inline u16x16 lanes_bf16(f32x16 a) { return narrow_bf16(a); }
using F16Lanes = HalfLanes<f16_lanes, lanes_f16>;
using Bf16Lanes = HalfLanes<bf16_lanes, lanes_bf16>;

template <class F>
inline void with_lanes(Format format, F f) {
  if (format == Format::kF32) {
    f(F32Lanes());
  } else if (format == Format::kF16) {
    f(F16Lanes());
  } else {
    f(Bf16Lanes());
  }
}

// f(i, j, elements, columns) for each square: elements i on of columns j on.
template <class F>
inline void each_square(const Panel& p, F f) {
  for (size_t i = 0; i < p.elements; i += kLanes) {
    const size_t elements = p.elements - i < kLanes ? p.elements - i : kLanes;
    for (size_t j = 0; j < p.columns; j += kLanes) {
      const size_t columns = p.columns - j < kLanes ? p.columns - j : kLanes;
      f(i, j, elements, columns);
    }
  }
}

// x: element 0 of the first column.
inline void columns_to_rows(const Panel& p, const void* x, float* rows) {
  with_lanes(p.format, [&](auto lanes) {
    using Lanes = decltype(lanes);
    const auto* from = static_cast<const typename Lanes::T*>(x);
    each_square(p, [&](size_t i, size_t j, size_t elements, size_t columns) {
      const auto* source = from + i * p.inner + j;
      float* to = rows + j * p.stride + i;
      f32x16 v[kLanes];
      if (elements == kLanes && columns == kLanes) {
        for (size_t k = 0; k < kLanes; ++k) v[k] = Lanes::load(source + k * p.inner);
        transpose(v);
        for (size_t k = 0; k < kLanes; ++k) store(to + k * p.stride, v[k]);
        return;
      }
      for (size_t k = 0; k < kLanes; ++k) {
        v[k] = k < elements ? Lanes::load(source + k * p.inner, columns) : f32x16(set1(0.0f));
      }
      transpose(v);
      for (size_t k = 0; k < columns; ++k) store_first(to + k * p.stride, v[k], elements);
    });
  });
}

// y: element 0 of the first column.
inline void rows_to_columns(const Panel& p, const float* rows, void* y) {
  with_lanes(p.format, [&](auto lanes) {
    using Lanes = decltype(lanes);
    auto* to = static_cast<typename Lanes::T*>(y);
    each_square(p, [&](size_t i, size_t j, size_t elements, size_t columns) {
      const float* source = rows + j * p.stride + i;
      auto* target = to + i * p.inner + j;
      f32x16 v[kLanes];
      if (elements == kLanes && columns == kLanes) {
        for (size_t k = 0; k < kLanes; ++k) v[k] = load(source + k * p.stride);
        transpose(v);
        for (size_t k = 0; k < kLanes; ++k) Lanes::store(target + k * p.inner, v[k]);
        return;
      }
      for (size_t k = 0; k < kLanes; ++k) {
        v[k] = k < columns ? load_first(source + k * p.stride, elements, 0.0f) : f32x16(set1(0.0f));
      }
      transpose(v);
      for (size_t k = 0; k < elements; ++k) Lanes::store(target + k * p.inner, v[k], columns);
    });
  });
}

}  // namespace
}  // namespace softlane
