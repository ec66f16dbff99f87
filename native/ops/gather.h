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
// may not fit, makes room, and raises the limit. Elements that were adjusted are left out if `raw`.
template <class Full>
inline void scan(const float* x, size_t n, size_t first, const SampleRow& row, bool raw,
                 float* limit, Kept* c, Met* met, Full full) {
  const auto take = [&](size_t i) {
    if (x[i] != x[i]) {
      met->nan |= !row.masks_nan();
    } else if (!raw || !row.tokens().has(first + i)) {
      c->push(x[i], first + i);
    }
  };
  for (size_t i = 0, seen; i < n; i += seen) {
    seen = block_length(n, i);
    Above above;
    above.look(x + i, 0, seen, below(*limit));
    for (size_t j = 0; j < above.count; ++j) {
      const size_t word = above.taken[j];
      if (c->n + Above::kWord > c->capacity) {
        full(limit);
        seen = word * Above::kWord;  // the others are looked at again
        break;
      }
      uint64_t found = above.words[word];
      if (raw) found &= row.allowed_word(first + i + word * Above::kWord);
      Above::each(word, found, [&](size_t at) { take(i + at); });
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

// A value that k or a few more of the row's elements reach: of an eighth of them, but 4,096 to
// 8,192, in groups of vectors, the largest of each lane. The lowest finite float where that tells
// nothing. Which it is matters for the time alone.
inline float guess_limit(const SampleRow& row, size_t k) {
  constexpr size_t kLeast = 4096, kMost = 8192, kFewGroups = 16, kMostGroups = 64;
  if (row.n < kLanes || row.has_mask()) return -kMostLogit;
  size_t share = (row.n + kLeast - 1) / kLeast;
  if (share > 8) share = row.n <= 8 * kMost ? 8 : (row.n + kMost - 1) / kMost;
  // Of a share of the elements, what all but one row in some hundred have at least k of.
  const double mean = static_cast<double>(k) / static_cast<double>(share);
  const double most = share == 1 ? mean : mean + 3 * __builtin_sqrt(mean) + 2;
  if (most > kMostGroups * kLanes / 2) return -kMostLogit;
  const size_t rank = static_cast<size_t>(most), vectors = row.n / (share * kLanes);
  size_t groups = rank / 4 < kFewGroups ? kFewGroups : rank / 4;
  if (groups > kMostGroups) groups = kMostGroups;
  if (groups > vectors) groups = vectors;
  const size_t deep = vectors / groups, maxima = groups * kLanes;
  if (rank > maxima / 2) return -kMostLogit;
  const size_t apart = row.n / (groups * deep);
  float largest[kMostGroups * kLanes];
  for (size_t i = 0; i < maxima; i += kLanes) store(largest + i, set1(-__builtin_inff()));
  // A vector of each group in turn, so that no maximum waits for the one before.
  const float* x = row.x;
  for (size_t j = 0; j < deep; ++j) {
    for (size_t i = 0; i < maxima; i += kLanes, x += apart) {
      store(largest + i, max(load(x), load(largest + i)));
    }
  }
  const float found = reached_by(largest, maxima, rank, rank + rank / 4);
  return found >= -kMostLogit && found <= kMostLogit ? found : -kMostLogit;
}

// Room that a gathering of the k largest needs beside the adjusted tokens.
constexpr size_t room_for_largest(size_t k) { return 2 * k + 1024; }

// The places of few tokens, to be asked for by many that are mostly none of them.
class TokenPlaces {
 public:
  // next: room for one a token.
  TokenPlaces(const int32_t* tokens, size_t n, uint64_t* next) : tokens_(tokens), next_(next) {
    for (size_t i = n; i > 0; --i) {
      const uint32_t token = static_cast<uint32_t>(tokens[i - 1]);
      some_[token % kBytes] = 1;
      uint32_t* first = first_ + list_of(token);
      next[i - 1] = *first;
      *first = static_cast<uint32_t>(i);
    }
  }

  // f(place) for each of these tokens that has one.
  template <class F>
  void each(const int32_t* tokens, size_t n, F f) const {
    constexpr size_t kAtOnce = 256;
    uint32_t likely[kAtOnce];
    for (size_t i = 0; i < n; i += kAtOnce) {
      const size_t end = n - i < kAtOnce ? n : i + kAtOnce;
      size_t count = 0;
      // Which of them have the last digits of one cannot be foreseen: no branch.
      for (size_t j = i; j < end; ++j) {
        const uint32_t token = static_cast<uint32_t>(tokens[j]);
        likely[count] = token;
        count += some_[token % kBytes];
      }
      for (size_t j = 0; j < count; ++j) {
        for (uint64_t place = first_[list_of(likely[j])]; place > 0; place = next_[place - 1]) {
          if (static_cast<uint32_t>(tokens_[place - 1]) == likely[j]) f(place - 1);
        }
      }
    }
  }

 private:
  static constexpr size_t kBytes = 4096, kListBits = 8;
  static size_t list_of(uint32_t token) { return token * 0x9e3779b1u >> (32 - kListBits); }
  const int32_t* tokens_;
  uint64_t* next_;  // in the list of a place, counted from 1; 0 ends it
  uint8_t some_[kBytes] = {};
  uint32_t first_[1 << kListBits] = {};
};

// The changes of candidates as they are in the row, where none is raised.
inline void lower(const AdjustedTokens& tokens, Kept* c) {
  uint64_t* counts = c->spare;  // how often seen, and how often generated above
  for (size_t i = 0; i < c->n; ++i) counts[i] = 0;
  const TokenPlaces places(c->token, c->n, c->keys);
  tokens.each_part([&](const int32_t* seen, size_t count, bool generated) {
    places.each(seen, count, [&](size_t i) { counts[i] += 1 + (uint64_t{generated} << 32); });
  });
  for (size_t i = 0; i < c->n; ++i) {
    if (counts[i] == 0) continue;
    Adjusted a = {};
    a.seen = static_cast<int32_t>(counts[i] & 0xffffffffu);
    a.generated = static_cast<int32_t>(counts[i] >> 32);
    c->x[i] = tokens.changed(a, c->x[i]);
  }
}

// The k largest, and what else reached the guess before it was lowered, in order. What is below it
// as it is stays below it where nothing is raised, so only candidates are lowered. False where
// fewer than k reach it, or there is no room for those that do before they are.
inline bool gather_lowered(const SampleRow& row, size_t k, float guessed, Kept* c, Met* met) {
  bool fits = true;
  float limit = guessed;
  c->n = 0;
  scan(row.x, row.n, 0, row, true, &limit, c, met, [&](float* least) {
    c->n = 0;
    *least = kMostLogit;
    fits = false;
  });
  if (!fits) return false;
  lower(row.tokens(), c);
  return count_at_least(c->x, c->n, guessed) >= k;
}

// The k largest, the lowest indices of equals, in the order of the tokens; fewer where there are
// fewer that are not masked. The row is read once, and again where the guess was too high.
inline void gather_largest(const SampleRow& row, size_t k, Kept* c, Met* met) {
  float limit = guess_limit(row, k);
  if (limit > -kMostLogit && row.tokens().only_lower() && gather_lowered(row, k, limit, c, met)) {
    if (c->n > k) c->keep_largest(k);
    return;
  }
  row.tokens().work_out();
  for (;;) {
    const float guessed = limit;
    const auto full = [&](float* least) {
      if (c->n > k) *least = c->keep_largest(k);
    };
    c->n = 0;
    const AdjustedTokens& tokens = row.tokens();
    const float least = below(limit);
    for (size_t i = 0; i < tokens.count(); ++i) {
      const Adjusted& a = tokens[i];
      if (!row.is_allowed(static_cast<size_t>(a.token)) || a.value <= least) continue;
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
