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
    constexpr size_t kPage = 1024, kPages = kBlock / kPage;
    for (size_t j = 0; A == Prefetch::kNext && j < count; ++j)
      prefetch(x + i + kBlock + j * kLanes);
    for (size_t j = 0; A == Prefetch::kPages && j < count; ++j) {
      const size_t v = i / kLanes + j, in_block = v % (kBlock / kLanes);
      prefetch(x + kBlock + (v - in_block) * kLanes + in_block % kPages * kPage +
               in_block / kPages * kLanes);
    }
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
