// What a pass asks memory for before it reads it: hints, so none of this changes a bit. The CPU's
// own prefetch ends at each page of 4 KiB (docs/decisions/0052-prefetch-of-the-next-block.md).
#pragma once

#include <cstddef>

#include "../simd/f32x16.h"
#include "operator.h"
#include "order.h"

namespace softlane {
namespace {

// Asks for what lies a block after the `count` vectors at x + i. i is counted from the start of a
// block.
template <Prefetch A>
struct Fetch {
  SOFTLANE_VECTOR static void after(const float* x, size_t i, size_t count) {
    for (size_t j = 0; A != Prefetch::kNone && j < count; ++j) prefetch(place(x, i, j));
  }
  // For a pass that has two blocks in L1 already, as much as there is room for in 32 KiB
  // (docs/decisions/0091-where-a-prefetch-goes.md).
  SOFTLANE_VECTOR static void after_in_l2(const float* x, size_t i, size_t count) {
    for (size_t j = 0; A != Prefetch::kNone && j < count; ++j) prefetch_l2(place(x, i, j));
  }

 private:
  SOFTLANE_VECTOR static const float* place(const float* x, size_t i, size_t j) {
    if constexpr (A == Prefetch::kPages) {
      constexpr size_t kPage = 1024, kPages = kBlock / kPage;
      const size_t v = i / kLanes + j, in_block = v % (kBlock / kLanes);
      return x + kBlock + (v - in_block) * kLanes + in_block % kPages * kPage +
             in_block / kPages * kLanes;
    }
    return x + i + kBlock + j * kLanes;
  }
};

// Whether a pass asks for anything.
inline bool asks(Prefetch wanted) { return kPrefetches && wanted != Prefetch::kNone; }

// f(ahead), whose type says what is asked for (a pass knows it as Ahead): one choice a block, none
// in its loops.
template <class F>
inline auto with_prefetch(Prefetch wanted, F f) {
  if constexpr (kPrefetches) {
    if (wanted == Prefetch::kPages) return f(Fetch<Prefetch::kPages>());
    if (asks(wanted)) return f(Fetch<Prefetch::kNext>());
  }
  return f(Fetch<Prefetch::kNone>());
}

}  // namespace
}  // namespace softlane
