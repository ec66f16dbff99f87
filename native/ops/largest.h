// The k largest elements of a row that is seen once, block by block: few by candidates
// (candidates.h); many by a tally of the elements' first bits, and some more looks at the row at
// its end.
#pragma once

#include "../rows/operator.h"
#include "candidates.h"

namespace softlane {
namespace {

// Whether a row has the k largest elements that a call asks for.
inline bool valid_largest(const Call& call, double k) {
  const double most = call.cols > 0 ? static_cast<double>(call.cols) : 1;
  return call.cols <= INT32_MAX && k >= 1 && (k <= most || call.rows == 0) && k <= INT32_MAX &&
         k == static_cast<double>(static_cast<int64_t>(k));
}

// Its keys lie behind it in memory: bytes(k) in all.
struct Largest {
  Candidates found;
  uint32_t tally[kDigits];  // of the elements by the first bits of their keys, where k is large

  static bool is_large(size_t k) { return k > kMostBuffered; }
  static size_t bytes(size_t k) {
    const size_t keys = is_large(k) ? 2 * k : Candidates::capacity_for(k);
    return sizeof(Largest) + keys * sizeof(uint64_t);
  }
  uint64_t* keys() { return reinterpret_cast<uint64_t*>(this + 1); }
  const uint64_t* keys() const { return reinterpret_cast<const uint64_t*>(this + 1); }

  void start(size_t k) {
    found.start(k);
    if (is_large(k)) std::memset(tally, 0, sizeof tally);
  }

  // A block; whether there is a NaN in it, which counts as -inf.
  bool push(const float* x, size_t n, size_t index) {
    if (is_large(found.k)) {
      for (size_t i = 0; i < n; ++i) ++tally[value_key(x[i]) >> kFirst];
      return any_nan(x, n);
    }
    found.has_nan = false;
    found.scan(keys(), x, n, index);
    return found.has_nan;
  }

  // Those of another part of the row; where k is not large.
  void append(const Largest& next) { found.append(keys(), next.found, next.keys()); }

  // The first keys are then those of the k largest of the row, by value or by index; how many.
  size_t finish(const float* x, size_t n, bool by_value) {
    if (!is_large(found.k)) return choose(by_value);
    const size_t count = gather(x, n);
    if (by_value) sort_descending(keys(), count, keys() + found.k, 32);
    return count;
  }

 private:
  static constexpr int kFirst = 32 - kDigitBits, kThen = kFirst - kDigitBits;

  size_t choose(bool by_value) {
    uint64_t* own = keys();
    found.select(own);
    sort_descending(own, found.count, own + found.count);
    const size_t count = found.count < found.k ? found.count : found.k;
    if (by_value) return count;
    const auto turn = [=] {
      for (size_t i = 0; i < count; ++i) own[i] = own[i] << 32 | own[i] >> 32;
    };
    turn();
    sort_descending(own, count, own + count);
    turn();
    return count;
  }

  // Of a number of elements counted by a digit, from the largest on, the digit of the k-th; what is
  // left of k within it.
  uint32_t digit_of(size_t* k) const {
    uint32_t digit = kDigits - 1;
    for (; digit > 0 && tally[digit] < *k; --digit) *k -= tally[digit];
    return digit;
  }

  // The keys of the k largest in the order of their indices: the key of the k-th value is found
  // digit by digit, a look at the row each; the first digit was counted before.
  size_t gather(const float* x, size_t n) {
    size_t left = found.k;
    uint32_t kth = digit_of(&left);
    for (int above = kFirst, shift = kThen; above > 0; above = shift, shift = 0) {
      const uint32_t digits = (1u << (above - shift)) - 1;
      std::memset(tally, 0, sizeof tally);
      for (size_t i = 0; i < n; ++i) {
        const uint32_t key = value_key(x[i]);
        if (key >> above == kth) ++tally[key >> shift & digits];
      }
      kth = kth << (above - shift) | digit_of(&left);
    }
    size_t count = 0;
    for (size_t i = 0; i < n && count < found.k; ++i) {
      const uint32_t key = value_key(x[i]);
      if (key < kth || (key == kth && left == 0)) continue;
      left -= key == kth;
      keys()[count++] = key_of(x[i], i);
    }
    return count;
  }
};

}  // namespace
}  // namespace softlane
