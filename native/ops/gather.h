// The candidates of a row: those at or above a limit, or the k largest, in one reading.
#pragma once

#include "candidates.h"
#include "kept.h"
#include "sample_row.h"

namespace softlane {
namespace {

// What a gathering met that makes the row have no result.
struct Met {
  bool nan = false;
};

// Every element that is not below the limit, in order; full(&limit) is called when the candidates
// may not fit, and raises the limit. Elements that were adjusted are left out if `raw`.
template <class Full>
inline void scan(const float* x, size_t n, size_t first, const SampleRow& row, bool raw,
                 float* limit, Kept* c, Met* met, Full full) {
  constexpr size_t kStep = 8;
  splat least = set1(below(*limit));
  const auto take = [&](size_t i, uint32_t bits) {
    if (raw) bits &= row.allowed_lanes(first + i);
    for (; bits != 0; bits &= bits - 1) {
      const size_t at = i + static_cast<size_t>(__builtin_ctz(bits));
      if (x[at] != x[at]) {
        met->nan |= !row.masks_nan();
      } else if (!raw || !row.tokens().has(first + at)) {
        c->push(x[at], first + at);
      }
    }
  };
  size_t i = 0;
  while (i < n) {
    if (c->n + kStep * kLanes > c->capacity) {
      full(limit);
      least = set1(below(*limit));
    }
    if (i + kStep * kLanes <= n) {
      f32x16 v[kStep];
      mask16 some = no_lanes();
      for (size_t j = 0; j < kStep; ++j) {
        v[j] = load(x + i + j * kLanes);
        some = some | above_or_nan(v[j], least);
      }
      if (lanes(some) != 0) {
        for (size_t j = 0; j < kStep; ++j) take(i + j * kLanes, lanes(above_or_nan(v[j], least)));
      }
      i += kStep * kLanes;
    } else {
      const size_t left = n - i < kLanes ? n - i : kLanes;
      take(i, lanes(above_or_nan(load_first(x + i, left, -__builtin_inff()), least)));
      i += left;
    }
  }
}

// All at or above the limit; the capacity is that of the row.
inline void gather_above(const SampleRow& row, float limit, Kept* c, Met* met) {
  c->n = 0;
  for (size_t i = 0; i < row.n; i += kBlock) {
    scan(row.block(i), block_length(row.n, i), i, row, false, &limit, c, met, [](float*) {});
  }
}

// A value that a few times k of the row's elements reach, by a look at a sixteenth of them, or
// nearly 2048: lane maxima of up to sixteen groups of vectors. The lowest finite float where a look
// tells nothing. Which it is matters for the time alone.
inline float guess_limit(const SampleRow& row, size_t k) {
  constexpr size_t kMostGroups = 16, kShare = 16, kLeastDeep = 8, kLeastRow = 16384;
  if (row.n < kLeastRow || row.has_mask()) return -kMostLogit;
  const size_t part = row.n / (kShare * kMostGroups * kLanes);
  const size_t deep = part < kLeastDeep ? kLeastDeep : part;
  const size_t share = row.n / (kShare * deep * kLanes);
  const size_t groups = share < kMostGroups ? share : kMostGroups, maxima = groups * kLanes;
  const size_t rank = k * deep * maxima / row.n * 2 + 4;
  if (rank > maxima / 2) return -kMostLogit;
  const size_t apart = row.n / (groups * deep);
  float largest[kMostGroups * kLanes];
  for (size_t g = 0; g < groups; ++g) {
    const float* x = row.x + g * deep * apart;
    f32x16 most = load(x);
    for (size_t j = 1; j < deep; ++j) most = max(load(x + j * apart), most);
    store(largest + g * kLanes, most);
  }
  const float found = reached_by(largest, maxima, rank, rank + rank / 4);
  return found >= -kMostLogit && found <= kMostLogit ? found : -kMostLogit;
}

// Room that a gathering of the k largest needs beside the adjusted tokens.
constexpr size_t room_for_largest(size_t k) { return 2 * k + 1024; }

// The k largest, the lowest indices of equals, in the order of the tokens; fewer where there are
// fewer that are not masked. The row is read once, and again where the guess was too high.
inline void gather_largest(const SampleRow& row, size_t k, Kept* c, Met* met) {
  float limit = guess_limit(row, k);
  for (;;) {
    const float guessed = limit;
    const auto full = [&](float* least) {
      if (c->n > k) *least = c->keep_largest(k);
    };
    c->n = 0;
    const AdjustedTokens& tokens = row.tokens();
    for (size_t i = 0; i < tokens.count(); ++i) {
      const Adjusted& a = tokens[i];
      if (!row.is_allowed(static_cast<size_t>(a.token)) || a.value < limit) continue;
      if (a.value != a.value) {
        met->nan |= !row.masks_nan();
      } else {
        c->push(a.value, static_cast<size_t>(a.token));
      }
    }
    scan(row.x, row.n, 0, row, true, &limit, c, met, full);
    if (c->n >= k || guessed == -kMostLogit) break;
    limit = -kMostLogit;
  }
  if (c->n > k) c->keep_largest(k);
  c->sort_by_token();
}

}  // namespace
}  // namespace softlane
