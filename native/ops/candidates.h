// The k largest elements of a row that is seen once, block by block.
//
// What is above the k-th largest so far is kept in a buffer of little more than 2k keys; when that
// is full, the k largest stay, and the least of them is the new threshold. Most blocks of an
// ordinary row have few elements above it, which are found without a branch for each.
#pragma once

#include "../rows/order.h"
#include "../rows/reduce.h"
#include "above.h"
#include "reached.h"

namespace softlane {
namespace {

// Up to here; above, the threshold is found by histograms (top_k.h).
constexpr size_t kMostBuffered = 1024;

// The largest of every sixteen elements of a block, a vector for each group of 256: what they are
// not above, no element is. The block's own largest comes with them. For blocks without a NaN.
struct BlockMaxima {
  static constexpr size_t kVectors = 16, kGroup = kVectors * kLanes;
  float lane[kBlock / kVectors];
  size_t groups;
  float top;

  void take(const float* x, size_t n) {
    groups = 0;
    const splat lowest = set1(-__builtin_inff());
    f32x16 most = lowest;
    size_t i = 0;
    for (; i + kGroup <= n; i += kGroup) {
      f32x16 m[4];
      for (size_t j = 0; j < 4; ++j) m[j] = load(x + i + j * kLanes);
      for (size_t v = 4; v < kVectors; v += 4) {
        for (size_t j = 0; j < 4; ++j) m[j] = max(m[j], load(x + i + (v + j) * kLanes));
      }
      put(max(max(m[0], m[1]), max(m[2], m[3])), &most);
    }
    if (i < n) {
      f32x16 m = lowest;
      for (; i + kLanes <= n; i += kLanes) m = max(m, load(x + i));
      if (i < n) m = max(m, load_first(x + i, n - i, -__builtin_inff()));
      put(m, &most);
    }
    top = max_lane(most);
  }

  // The same of the whole block at `next`, as a sink of the sum of the one before it (exp_sum.h).
  template <class Ahead>
  struct Sink {
    const float* next;
    float* lane;
    f32x16* m;
    SOFTLANE_VECTOR void operator()(size_t i, f32x16, size_t) const {
      const f32x16 v = load(next + i);
      *m = i % kGroup == 0 ? v : max(*m, v);
      if (i % kGroup == kGroup - kLanes) store(lane + i / kGroup * kLanes, *m);
      Ahead::after_in_l2(next, i, 1);
    }
  };
  void took_whole_block() {
    groups = kBlock / kGroup;
    top = max_element(lane, groups * kLanes);
  }

 private:
  SOFTLANE_VECTOR void put(f32x16 m, f32x16* most) {
    store(lane + groups++ * kLanes, m);
    *most = max(*most, m);
  }
};

struct Candidates {
  size_t k, capacity, count;
  float threshold;     // an element that is not above it is none of the k
  bool has_threshold;  // otherwise every element is a candidate
  bool has_nan;        // among the elements seen; a NaN counts as -inf

  // What a selection leaves at most.
  static constexpr size_t most_kept(size_t k) { return k + k / 8; }
  // Keys that the buffer needs: half of it is free after a selection, to be filled or to sort in.
  static constexpr size_t capacity_for(size_t k) { return 2 * most_kept(k) + 3 * kLanes; }

  void start(size_t wanted) {
    k = wanted;
    capacity = capacity_for(k);
    count = 0;
    threshold = -__builtin_inff();
    has_threshold = has_nan = false;
  }

  // Leaves the k largest, and perhaps a few more.
  void select(uint64_t* keys) {
    if (count <= k) return;
    const size_t most = most_kept(k);
    float values[capacity_for(kMostBuffered)];
    for (size_t i = 0; i < count; ++i) values[i] = value_of(keys[i]);
    threshold = reached_by(values, count, k, most);
    has_threshold = true;
    size_t left = 0;
    for (size_t i = 0; i < count; ++i) {
      keys[left] = keys[i];
      left += values[i] >= threshold;
    }
    count = left;
    if (count <= most) return;
    select_largest(keys, count, k);  // among equals the index decides
    count = k;
  }

  // A threshold for a row of which the maxima of all blocks are known, before its first scan: of 8k
  // groups that are all of it, k have one above, and so little more than k elements are. Block by
  // block, four times as many candidates came and went (docs/decisions/0090-maxima-of-a-row.md).
  static constexpr size_t kMostOfRow = 256;  // the largest k
  void guess(const BlockMaxima* blocks, size_t count_of_blocks) {
    float largest[8 * kMostOfRow];
    size_t all = 0;
    for (size_t b = 0; b < count_of_blocks; ++b) all += blocks[b].groups;
    size_t vectors = k < 8 ? 4 : k / 2;
    if (vectors > all) vectors = all;
    const size_t n = vectors * kLanes;
    if (n < 4 * k) return;
    for (size_t i = 0; i < n; i += kLanes) store(largest + i, set1(-__builtin_inff()));
    size_t i = 0;
    for (size_t b = 0; b < count_of_blocks; ++b) {
      for (size_t g = 0; g < blocks[b].groups; ++g) {
        store(largest + i, max(load(blocks[b].lane + g * kLanes), load(largest + i)));
        i = i + kLanes == n ? 0 : i + kLanes;
      }
    }
    settle(reached_by(largest, n, k, k + k / 8));
  }

  // A block, or what is left of one. Elements arrive in order: equals of the threshold come too
  // late.
  void scan(uint64_t* keys, const float* x, size_t n, size_t index) {
    if (!has_threshold) guess(x, n);
    size_t i = 0;
    for (; i < n && !has_threshold; ++i) {
      has_nan |= x[i] != x[i];
      if (count == capacity) select(keys);
      keys[count++] = key_of(x[i], index + i);
    }
    if (i < n) scan_above(keys, x + i, n - i, index + i);
  }

  // The same for a block without a NaN, whose maxima are known: only groups with a candidate are
  // looked at.
  void scan(uint64_t* keys, const float* x, size_t n, size_t index, const BlockMaxima& m) {
    if (!has_threshold) guess(m);
    if (!has_threshold) {
      scan(keys, x, n, index);
      return;
    }
    if (!(m.top > threshold)) return;
    const splat t = set1(threshold);
    uint32_t some = 0;
    size_t count_of_groups = 0;
    for (size_t g = 0; g < m.groups; ++g) {
      const bool found = lanes(above_or_nan(load(m.lane + g * kLanes), t)) != 0;
      some |= static_cast<uint32_t>(found) << g;
      count_of_groups += found;
    }
    Above above;
    if (2 * count_of_groups > m.groups) {
      above.look(x, 0, n, threshold);
    } else {
      for (; some != 0; some &= some - 1) {
        const size_t i = static_cast<size_t>(__builtin_ctz(some)) * BlockMaxima::kGroup;
        above.look(x, i, n - i < BlockMaxima::kGroup ? n : i + BlockMaxima::kGroup, threshold);
      }
    }
    take(keys, x, index, above);
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
  void take(uint64_t* keys, const float* x, size_t index, const Above& above) {
    for (size_t i = 0; i < above.count; ++i) {
      const size_t word = above.taken[i];
      Above::each(word, above.words[word], [&](size_t at) {
        const float v = x[at];
        has_nan |= v != v;
        if (count == capacity) select(keys);
        keys[count] = key_of(v, index + at);
        count += !(v <= threshold);
      });
    }
  }

  void scan_above(uint64_t* keys, const float* x, size_t n, size_t index) {
    Above above;
    above.look(x, 0, n, threshold);
    take(keys, x, index, above);
  }

  // A threshold for the first block, which would else be full of candidates: what k of the largest
  // of groups of its elements reach, so that k elements at least are above.
  void guess(const float* x, size_t n) {
    constexpr size_t kMostGroups = 16 * kLanes;
    float largest[kMostGroups];
    const size_t groups = k <= kLanes ? kMostGroups / 4 : kMostGroups;
    float kth;
    if (4 * k <= groups && n >= 4 * groups) {
      for (size_t g = 0; g < groups; g += kLanes) store(largest + g, load(x + g));
      for (size_t i = groups; i + kLanes <= n; i += kLanes) {
        float* group = largest + i % groups;
        store(group, max(load(x + i), load(group)));
      }
      kth = reached_by(largest, groups, k, k + k / 4);
    } else if (n >= 2 * k && n >= 4 * kLanes) {
      kth = reached_by(x, n, k, k + k / 4);
    } else {
      return;
    }
    settle(kth);
  }

  // The same by maxima that are known already: halved in number while they are more than it takes.
  void guess(const BlockMaxima& m) {
    size_t n = m.groups * kLanes;
    if (4 * k > n) return;
    float largest[sizeof m.lane / sizeof *m.lane];
    std::memcpy(largest, m.lane, n * sizeof *largest);
    for (; n % (2 * kLanes) == 0 && 8 * k <= n; n /= 2) {
      for (size_t i = 0; i < n / 2; i += kLanes) {
        store(largest + i, max(load(largest + i), load(largest + n / 2 + i)));
      }
    }
    settle(reached_by(largest, n, k, k + k / 4));
  }

  // At least k of the elements reach this.
  void settle(float kth) {
    if (kth == -__builtin_inff()) return;
    threshold = below(kth);
    has_threshold = true;
  }
};

}  // namespace
}  // namespace softlane
