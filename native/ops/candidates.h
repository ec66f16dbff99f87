// The k largest elements of a row that is seen once, block by block.
//
// What is above the k-th largest so far is kept in a buffer of little more than 2k keys; when that
// is full, the k largest stay, and the least of them is the new threshold. Nearly every vector of
// an ordinary row is then passed by with one comparison.
#pragma once

#include "../rows/order.h"
#include "../rows/reduce.h"
#include "keys.h"

namespace softlane {
namespace {

// Up to here; above, the threshold is found by histograms (top_k.h).
constexpr size_t kMostBuffered = 1024;

struct Candidates {
  size_t k, capacity, count;
  float threshold;     // an element that is not above it is none of the k
  bool has_threshold;  // otherwise every element is a candidate
  bool has_nan;        // among the elements seen
  bool keep_going;     // after a NaN, which then counts as -inf

  // Keys that the buffer needs: half of it is free after a selection, and takes a vector at least.
  static size_t capacity_for(size_t k) { return 2 * k + 3 * kLanes; }

  void start(size_t wanted, bool nan_is_masked) {
    k = wanted;
    capacity = capacity_for(k);
    count = 0;
    threshold = -__builtin_inff();
    has_threshold = has_nan = false;
    keep_going = nan_is_masked;
  }

  void select(uint64_t* keys) {
    if (count <= k) return;
    select_largest(keys, count, k);
    count = k;
    uint64_t least = keys[0];
    for (size_t i = 1; i < k; ++i) least = keys[i] < least ? keys[i] : least;
    threshold = value_of(least);
    has_threshold = true;
  }

  // The lanes of `found` of the vector at x, whose first element has that index.
  void add(uint64_t* keys, uint32_t found, const float* x, size_t index) {
    if (count + kLanes > capacity) select(keys);
    for (; found != 0; found &= found - 1) {
      const int lane = __builtin_ctz(found);
      const float v = x[lane];
      has_nan |= v != v;
      // A NaN comes here by every comparison.
      if (v == v || !has_threshold) keys[count++] = key_of(v, index + lane);
    }
  }

  // A block, or what is left of one. Elements have arrived in order: equals of the threshold come
  // too late.
  void scan(uint64_t* keys, const float* x, size_t n, size_t index) {
    constexpr size_t kStep = 8;
    if (!has_threshold) guess(x, n);
    size_t i = 0;
    while (i < n && !has_threshold) {
      const size_t left = n - i < kLanes ? n - i : kLanes;
      add(keys, (1u << left) - 1, x + i, index + i);
      i += left;
      if (has_nan && !keep_going) return;
    }
    const auto one = [&](size_t at) SOFTLANE_VECTOR {
      const f32x16 v = n - at >= kLanes ? load(x + at) : load_first(x + at, n - at, threshold);
      if (const uint32_t m = lanes(above_or_nan(v, set1(threshold)))) {
        add(keys, m, x + at, index + at);
      }
    };
    for (; i + kStep * kLanes <= n; i += kStep * kLanes) {
      const splat t = set1(threshold);
      mask16 found = no_lanes();
      for (size_t j = 0; j < kStep; ++j) {
        found = found | above_or_nan(load(x + i + j * kLanes), t);
      }
      if (lanes(found) == 0) continue;
      for (size_t j = 0; j < kStep; ++j) one(i + j * kLanes);
      if (has_nan && !keep_going) return;
    }
    for (; i < n; i += kLanes) one(i);
  }

  // Those of another part of the row.
  void append(uint64_t* keys, const Candidates& next, const uint64_t* more) {
    has_nan |= next.has_nan;
    for (size_t i = 0; i < next.count; ++i) {
      if (count == capacity) select(keys);
      keys[count++] = more[i];
    }
  }

 private:
  static constexpr size_t kGroups = 16 * kLanes;

  // A threshold for the first block, which would else be full of candidates: of the largest of each
  // of 256 groups of elements the k-th largest, or just below it. k elements at least are above.
  void guess(const float* x, size_t n) {
    if (n < 4 * kGroups || 4 * k > kGroups) return;
    float largest[kGroups];
    uint64_t keys[kGroups];
    for (size_t g = 0; g < kGroups; g += kLanes) store(largest + g, load(x + g));
    for (size_t i = kGroups; i + kLanes <= n; i += kLanes) {
      float* group = largest + i % kGroups;
      store(group, max(load(x + i), load(group)));
    }
    for (size_t g = 0; g < kGroups; ++g) keys[g] = key_of(largest[g], g);
    select_largest(keys, kGroups, k);
    uint64_t least = keys[0];
    for (size_t i = 1; i < k; ++i) least = keys[i] < least ? keys[i] : least;
    const float kth = value_of(least);
    if (kth == -__builtin_inff()) return;
    threshold = below(kth);
    has_threshold = true;
  }

  // Less than v, by not much; never a subnormal number, which a process may treat as zero.
  static float below(float v) {
    constexpr float kNormal = 0x1p-126f;
    if (v >= -kNormal && v <= kNormal) return -2 * kNormal;
    uint32_t b;
    std::memcpy(&b, &v, sizeof b);
    b += v > 0 ? -1 : 1;
    std::memcpy(&v, &b, sizeof v);
    return v;
  }
};

}  // namespace
}  // namespace softlane
