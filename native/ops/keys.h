// Elements of a row as integers whose order is that of the selection: by value, the larger first,
// and among equals by index, the lower first. -0 equals 0, and a NaN counts as -inf. No two
// elements of a row have the same key, so a selection has one result whichever way it is found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace softlane {
namespace {

// Larger for larger values.
inline uint32_t value_key(float v) {
  const float a = v == v ? v + 0.0f : -__builtin_inff();  // -0 + 0 is +0
  uint32_t b;
  std::memcpy(&b, &a, sizeof b);
  return b ^ (static_cast<uint32_t>(static_cast<int32_t>(b) >> 31) | 0x80000000u);
}

// The value, up to the sign of a zero.
inline float value_of_key(uint32_t key) {
  const uint32_t b = key & 0x80000000u ? key ^ 0x80000000u : ~key;
  float v;
  std::memcpy(&v, &b, sizeof v);
  return v;
}

inline uint64_t key_of(float v, size_t index) {
  return static_cast<uint64_t>(value_key(v)) << 32 | (0xffffffffu - static_cast<uint32_t>(index));
}
inline float value_of(uint64_t key) { return value_of_key(static_cast<uint32_t>(key >> 32)); }
inline size_t index_of(uint64_t key) { return 0xffffffffu - static_cast<uint32_t>(key); }

// Those above the pivot to the front; how many they are. Without a branch on what is compared,
// which no CPU could foresee.
inline size_t partition(uint64_t* keys, size_t n, uint64_t pivot) {
  size_t above = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint64_t key = keys[i];
    keys[i] = keys[above];
    keys[above] = key;
    above += key > pivot;
  }
  return above;
}

inline void swap(uint64_t& a, uint64_t& b) {
  const uint64_t c = a;
  a = b;
  b = c;
}

// Moves the median of the first, the middle and the last key to the end.
inline void median_to_end(uint64_t* keys, size_t n) {
  uint64_t &a = keys[0], &b = keys[n / 2], &c = keys[n - 1];
  if (a > b) swap(a, b);
  if (c < a) swap(a, c);
  if (c > b) swap(b, c);
}

// The k largest to the front, in no order; 0 < k <= n. A round halves what is left, as a rule; for
// keys that were made to prevent it, the k-th largest is found bit by bit.
inline void select_largest(uint64_t* keys, size_t n, size_t k) {
  constexpr int kRounds = 48;
  for (int round = 0; k > 0 && k < n; ++round) {
    if (round == kRounds) {
      uint64_t kth = 0;
      for (uint64_t bit = uint64_t{1} << 63; bit > 0; bit >>= 1) {
        size_t count = 0;
        for (size_t i = 0; i < n; ++i) count += keys[i] >= (kth | bit);
        if (count >= k) kth |= bit;
      }
      partition(keys, n, kth - 1);
      return;
    }
    median_to_end(keys, n);
    const size_t above = partition(keys, n - 1, keys[n - 1]);
    swap(keys[above], keys[n - 1]);
    if (above >= k) {
      n = above;
    } else {
      keys += above + 1, n -= above + 1, k -= above + 1;
    }
  }
}

constexpr size_t kRankedUpTo = 192;
constexpr int kDigitBits = 11;
constexpr size_t kDigits = size_t{1} << kDigitBits;

// Descending; spare: room for as many. By counting those above each, which vectors do fast, or
// digit by digit from bit `from` on: a sort that is stable, and leaves out digits in which all keys
// agree.
inline void sort_descending(uint64_t* keys, size_t n, uint64_t* spare, int from = 0) {
  if (n <= kRankedUpTo && from == 0) {
    int64_t ordered[kRankedUpTo];  // AVX2 compares with a sign
    for (size_t i = 0; i < n; ++i) ordered[i] = static_cast<int64_t>(keys[i] ^ uint64_t{1} << 63);
    for (size_t i = 0; i < n; ++i) {
      int64_t rank = 0;
      for (size_t j = 0; j < n; ++j) rank += ordered[j] > ordered[i];
      spare[rank] = keys[i];
    }
    std::memcpy(keys, spare, n * sizeof *keys);
    return;
  }
  uint64_t differing = 0;
  for (size_t i = 1; i < n; ++i) differing |= keys[i] ^ keys[0];
  uint64_t *source = keys, *target = spare;
  for (int shift = from; shift < 64; shift += kDigitBits) {
    if ((differing >> shift & (kDigits - 1)) == 0) continue;
    const auto digit = [=](uint64_t key) { return ~(key >> shift) & (kDigits - 1); };
    uint32_t starts[kDigits] = {};
    for (size_t i = 0; i < n; ++i) ++starts[digit(source[i])];
    uint32_t sum = 0;
    for (uint32_t& start : starts) {
      const uint32_t count = start;
      start = sum;
      sum += count;
    }
    for (size_t i = 0; i < n; ++i) target[starts[digit(source[i])]++] = source[i];
    uint64_t* other = source;
    source = target;
    target = other;
  }
  if (source != keys) std::memcpy(keys, source, n * sizeof *keys);
}

}  // namespace
}  // namespace softlane
