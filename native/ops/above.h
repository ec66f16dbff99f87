// Where in a block the few elements are that exceed a threshold.
#pragma once

#include "../rows/order.h"
#include "../simd/wide.h"

namespace softlane {
namespace {

// One bit for each that is above, or NaN, and which words of bits are not 0. Filled without a
// branch, as none of these could be foreseen: it takes as long as reading them from L2.
struct Above {
  static constexpr size_t kWord = 64;
  uint64_t words[kBlock / kWord];
  uint8_t taken[kBlock / kWord + 1];
  size_t count = 0;

  // begin is a multiple of a word.
  void look(const float* x, size_t begin, size_t end, float threshold) {
    const splat t = set1(threshold);
    for (; begin + kWord <= end; begin += kWord) {
      uint64_t found = 0;
      for (size_t j = 0; j < kWord; j += kLanes) {
        found |= static_cast<uint64_t>(lanes(above_or_nan(load(x + begin + j), t))) << j;
      }
      add(begin / kWord, found);
    }
    if (begin == end) return;
    uint64_t found = 0;
    for (size_t i = begin; i < end; ++i) {
      found |= static_cast<uint64_t>(!(x[i] <= threshold)) << (i - begin);
    }
    add(begin / kWord, found);
  }

  // f(place) for each bit of one of the words taken.
  template <class F>
  static void each(size_t word, uint64_t found, F f) {
    for (; found != 0; found &= found - 1) {
      f(word * kWord + static_cast<size_t>(__builtin_ctzll(found)));
    }
  }

 private:
  void add(size_t word, uint64_t found) {
    words[word] = found;
    taken[count] = static_cast<uint8_t>(word);
    count += found != 0;
  }
};

}  // namespace
}  // namespace softlane
