// How many elements reach a value, and a value that some number of them reach.
#pragma once

#include "../rows/order.h"
#include "../rows/reduce.h"
#include "keys.h"

namespace softlane {
namespace {

// Bits that are set. The builtin would be a call of the compiler's library where the CPU may lack
// the instruction; where it has it, compilers see what this is.
inline uint64_t ones(uint64_t v) {
  v -= v >> 1 & 0x5555555555555555u;
  v = (v & 0x3333333333333333u) + (v >> 2 & 0x3333333333333333u);
  return ((v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u >> 56;
}

// How many are at least t, which is no NaN. No NaN is.
inline size_t count_at_least(const float* x, size_t n, float t) {
  const splat limit = set1(t);
  const auto found = [&](f32x16 v)
                         SOFTLANE_VECTOR { return static_cast<uint64_t>(lanes(v >= limit)); };
  size_t count = 0, i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    uint64_t four = 0;
    for (size_t j = 0; j < 4; ++j) four |= found(load(x + i + j * kLanes)) << (j * kLanes);
    count += ones(four);
  }
  uint64_t rest = 0;
  for (int shift = 0; i < n; i += kLanes, shift += kLanes) {
    const size_t some = n - i < kLanes ? n - i : kLanes;
    rest |= found(load_first(x + i, some, __builtin_nanf(""))) << shift;
  }
  return count + ones(rest);
}

// The smallest element that is no NaN.
inline float least_element(const float* x, size_t n) {
  const splat zero = set1(0.0f);
  f32x16 a = set1(-__builtin_inff());
  size_t i = 0;
  // max gives its second operand where the first is NaN.
  for (; i + kLanes <= n; i += kLanes) a = max(zero - load(x + i), a);
  float least = -max_lane(a);
  for (; i < n; ++i) least = x[i] < least ? x[i] : least;
  return least;
}

// A t that at least k of the elements reach, and at most `most` where equals allow it; -inf where
// there is none other.
inline float reached_by(const float* x, size_t n, size_t k, size_t most) {
  // Halving the keys' range, which begins with the least of the elements: all of them reach it but
  // a NaN.
  const uint32_t least = value_key(least_element(x, n));
  uint32_t low = least, high = value_key(max_element(x, n)) + 1;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    const size_t count = count_at_least(x, n, value_of_key(middle));
    if (count < k) {
      high = middle;
    } else {
      low = middle;
      if (count <= most) break;
    }
  }
  if (low == least && count_at_least(x, n, value_of_key(low)) < k) return -__builtin_inff();
  return value_of_key(low);
}

// Less than v, by not much; never a subnormal number, which a process may treat as zero.
inline float below(float v) {
  constexpr float kNormal = 0x1p-126f;
  if (v >= -kNormal && v <= kNormal) return -2 * kNormal;
  uint32_t b;
  std::memcpy(&b, &v, sizeof b);
  b += v > 0 ? -1 : 1;
  std::memcpy(&v, &b, sizeof v);
  return v;
}

}  // namespace
}  // namespace softlane
