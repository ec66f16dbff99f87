// softmax, and what it shares with log-softmax and logsumexp (log_softmax.h).
//
// The Two-Pass Softmax Algorithm (Dukhan and Ablavatski, 2020), Online normalizer calculation for
// softmax (Milakov and Gimelshein, 2018) and both three-pass forms; docs/two-pass-softmax.md.
#pragma once

#include <type_traits>

#include "../rows/drivers.h"
#include "short_rows.h"

namespace softlane {
namespace {

constexpr int kTemperature = 0, kMaskedRow = 1;  // places in Call::params

// Up to this length one exponential an element beats fewer passes over memory
// (docs/benchmarks.md).
constexpr size_t kKeepUpTo = size_t{1} << 20;

// What the reduction of a row comes to, and what its map needs.
struct ExpResult {
  Partial total = {};
  double log_sum = 0;     // ln sum e^((x - total.shift)/T)
  int64_t dominant = -1;  // the element with more than half of the mass, where that matters
  float dominant_value = 0;
  // The row's terms are stored, each block's relative to its exponent, or all to the first.
  bool kept = false, one_exponent = false;
  int32_t exponents[kKeepUpTo / kBlock];
  int32_t& exponent(size_t block) { return exponents[one_exponent ? 0 : block]; }
  int32_t exponent(size_t block) const { return exponents[one_exponent ? 0 : block]; }
};

// What the three share: one sum of exponentials a row.
struct ExpFamily : NoShortcuts {
  static constexpr bool kInPieces = true;
  using Context = Units;
  using State = softlane::State;
  using Result = ExpResult;
  static bool valid(const Call& call) {
    const double t = call.params[kTemperature], masked = call.params[kMaskedRow];
    return valid_temperature(t) && (masked == 0 || masked == 1);
  }
  static Units context(const Call& call) { return Units(call.params[kTemperature]); }
  static Algorithm automatic(size_t cols) { return automatic_sum(cols); }
  static bool needs_row_max(const Call& call) { return softlane::needs_row_max(call.algorithm); }
  static void start(const Call& call, State* state) { clear(state, call.params[kTemperature]); }
  static void append(State* state, const State& next) { softlane::append(state, next); }
  static Partial close(const State& state) { return total(state); }
  static void reduce(const Call& call, const Units& u, float row_max, const float* x, size_t n,
                     State* state) {
    push_range(u, {call.algorithm, prefetch_of(call.prefetch, call.algorithm, call.cols), row_max},
               x, n, state);
  }
};

// A term divided by the row's sum m 2^e, both relative to the same reference; results below 2^-126
// become zero. w / m is w * hi + w * lo with one rounding: the reciprocal's own would cost 1 ULP.
struct Quotient {
  splat hi, lo, power;

  // reference: the exponent that the terms are relative to.
  SOFTLANE_VECTOR Quotient(const Partial& total, double reference)
      : power(set1(kMagic + static_cast<float>(deepest(reference - kBias - total.e)))) {
    const double r = 1 / (total.m * kGain);
    hi = set1(static_cast<float>(r));
    lo = set1(static_cast<float>(r - static_cast<float>(r)));
  }
  template <class V>
  SOFTLANE_VECTOR V operator()(const V& w) const {
    return scale_or_zero(fma(w, hi, w * lo), power);
  }

 private:
  // Far enough for every term to become zero.
  static double deepest(double e) { return e > -200 ? e : -200; }
};

// Second pass of two-pass and online, third of recompute.
inline void normalise(const Call& call, const Units& u, const Partial& total, const float* x,
                      float* y, size_t n) {
  const Terms terms(u, static_cast<float>(total.e));
  const Quotient quotient(total, total.e);
  for (size_t i = 0; i < n; i += kBlock) {
    const size_t length = block_length(n, i);
    const Block block(u, total.shift, x + i, length);
    map(block.data(), y + i, length, call.stream, call.prefetch,
        [=](const auto& v) SOFTLANE_VECTOR { return quotient(terms(v)); });
  }
}

// A row without a distribution: a NaN, a +inf, or everything masked.
inline bool fill_degenerate(const Call& call, const Partial& total, float* y, size_t n) {
  if (total.m > 0 && is_finite(total.m)) return false;
  const bool zeros = total.m == 0 && call.params[kMaskedRow] != 0;
  fill(y, n, zeros ? 0.0f : __builtin_nanf(""));
  return true;
}

// Where a row keeps its terms: in y; where that is to be streamed, in the thread's scratch, which
// stays in L2.
inline float* kept_at(const Call& call, float* y, size_t n) {
  return call.stream && call.scratch != nullptr && n <= kScratch ? call.scratch : y;
}

// Terms on their way to memory. Past the cache only whole vectors at aligned addresses.
template <bool Streamed, class Ahead>
struct KeepTerms {
  const float* x;
  float* kept;
  SOFTLANE_VECTOR void operator()(size_t i, f32x16 w, size_t count) const {
    Ahead::after(x, i, 1);
    if (count < kLanes) {
      store_first(kept + i, w, count);
    } else if (Streamed) {
      stream(kept + i, w);
    } else {
      store(kept + i, w);
    }
  }
};

// A row of one block: nothing is asked for, streamed or added to a tree.
template <class R>
SOFTLANE_VECTOR inline Partial keep_block(const Units& u, const R& r, const float* x, float* kept,
                                          size_t n) {
  return leaf_below(u, r, x, n, KeepTerms<false, Fetch<Prefetch::kNone>>{x, kept});
}

// Its terms have the exponent of their sum.
SOFTLANE_VECTOR inline void divide_block(const Partial& total, float* y, size_t n) {
  const Quotient quotient(total, total.e);
  map(y, y, n, [=](const auto& w) SOFTLANE_VECTOR { return quotient(w); });
}

// The reduction of a row that computes its terms once and keeps them, those of a block relative to
// its own largest element, or to the row's (R). False, with x intact, for a row with a block that
// needs a shift.
template <class R>
inline bool keep_blocks(const Call& call, const Units& u, const float* x, float* y, size_t n,
                        ExpResult* result) {
  constexpr bool kWholeRow = !std::is_same_v<R, OwnReference>;
  float* kept = kept_at(call, y, n);
  const Prefetch prefetch = prefetch_of(call.prefetch, call.algorithm, n);
  const float largest = kWholeRow ? row_max(x, n, prefetch) : 0.0f;
  const auto reference_at = [&](size_t i) {
    return R(u, kWholeRow ? largest : max_element(x + i, block_length(n, i)));
  };
  result->one_exponent = kWholeRow;
  // Too long for the terms to be in a cache when they are read again.
  const bool streamed = call.stream && n > kKeepUpTo && reinterpret_cast<uintptr_t>(kept) % 64 == 0;
  const auto keep = [&](size_t i) {
    const R r = reference_at(i);
    if (r.shift != 0) return Partial{0, 0, 1, 0};
    const size_t length = block_length(n, i);
    const Partial p = with_prefetch(prefetch, [&](auto ahead) {
      using Ahead = decltype(ahead);
      if (streamed) return leaf_below(u, r, x + i, length, KeepTerms<true, Ahead>{x + i, kept + i});
      return leaf_below(u, r, x + i, length, KeepTerms<false, Ahead>{x + i, kept + i});
    });
    result->exponent(i / kBlock) = p.m == 0 ? INT32_MIN : static_cast<int32_t>(r.e);
    return p;
  };
  if (x == y && !kWholeRow) {
    for (size_t i = 0; i < n; i += kBlock) {
      if (reference_at(i).shift != 0) return false;
    }
  }
  State state;
  clear(&state, u.temperature);
  for (size_t i = 0; i < n; i += kBlock) {
    const Partial p = keep(i);
    if (p.shift != 0) return false;
    push(&state, p, 0);
  }
  result->total = total(state);
  return true;
}

template <class R>
inline bool keep_terms(const Call& call, const Units& u, const float* x, float* y, size_t n,
                       ExpResult* result) {
  result->kept = true;
  if (n > kBlock) return keep_blocks<R>(call, u, x, y, n, result);
  const R r(u, max_element(x, n));
  if (r.shift != 0) return false;
  result->total = keep_block(u, r, x, kept_at(call, y, n), n);
  return true;
}

inline void divide_kept(const Call& call, const ExpResult& r, float* y, size_t n) {
  const float* kept = kept_at(call, y, n);
  if (n <= kBlock && kept == y) return divide_block(r.total, y, n);
  const auto exponent_at = [&](size_t i) {
    return n <= kBlock ? r.total.e : r.exponent(i / kBlock);
  };
  for (size_t i = 0; i < n; i += kBlock) {
    const Quotient quotient(r.total, exponent_at(i));
    // What is in the scratch is in a cache.
    const bool cached = kept != y || (call.prefetch == Prefetch::kAuto && n <= kCachedUpTo);
    const Prefetch wanted =
        cached ? Prefetch::kNone : prefetch_of(call.prefetch, call.algorithm, n);
    map(kept + i, y + i, block_length(n, i), Stream{kept != y}, wanted,
        [=](const auto& w) SOFTLANE_VECTOR { return quotient(w); });
  }
}

struct Softmax : ExpFamily {
  static constexpr const char* kName = "softmax";

  static bool sixteen_rows(const Call& call, const Units& u, const float* x, float* y) {
    ShortRows rows;
    if (!rows.reduce(u, x, call.x_stride, call.cols)) return false;
    // As in Quotient, a row a lane, rounded where a row on its own is (the gain is taken out and
    // put back); 2^kBias brings the reciprocal near 1.
    float hi[kLanes], lo[kLanes];
    for (size_t r = 0; r < kLanes; ++r) {
      const double d = pow2_double(kBias) / (kOverGain * rows.sum[r] * kGain);
      hi[r] = static_cast<float>(d);
      lo[r] = static_cast<float>(d - hi[r]);
    }
    const f32x16 h = load(hi), l = load(lo);
    const splat power = set1(kMagic - kBias);
    for (size_t j = 0; j < call.cols; ++j) {
      const f32x16 w = load(rows.tile[j]);
      store(rows.tile[j], scale_or_zero(fma(w, h, w * l), power));
    }
    rows.write(y, call.y_stride, call.cols);
    return true;
  }

  // A row of one block from its first element to its last without a Result: in a cache, what a row
  // alone waits for counts (docs/decisions/0089-a-row-alone.md). Of many, ordinary stores are
  // written back while the next one is worked on; a CPU that asks for nothing beside streaming ones
  // waits for those (docs/decisions/0092-short-rows-out-of-cache.md).
  static bool row_alone(const Call& call, const Units& u, const float* x, float* y, size_t n) {
    if (call.algorithm != Algorithm::kOnline || n > kBlock || call.stream.asks) return false;
    const OwnReference r(u, max_element(x, n));
    if (r.shift != 0) return false;
    const Partial total = keep_block(u, r, x, y, n);
    if (!fill_degenerate(call, total, y, n)) divide_block(total, y, n);
    return true;
  }

  static void reduce_row(const Call& call, const Units& u, const float* x, float* y, size_t n,
                         ExpResult* result) {
    const bool reloads = call.algorithm == Algorithm::kThreePassReload;
    const bool keeps = call.algorithm == Algorithm::kOnline && n <= kKeepUpTo;
    if (reloads && keep_terms<Reference>(call, u, x, y, n, result)) return;
    if (keeps && keep_terms<OwnReference>(call, u, x, y, n, result)) return;
    result->kept = false;
    finish(call, u, row_sum(u, {call.algorithm, call.prefetch}, x, n), x, n, result);
  }
  static void map_row(const Call& call, const Units& u, const ExpResult& r, const float* x,
                      float* y, size_t n) {
    if (!r.kept) {
      map_range(call, u, r, x, y, 0, n);
    } else if (!fill_degenerate(call, r.total, y, n)) {
      divide_kept(call, r, y, n);
    }
  }
  static void finish(const Call&, const Units&, const Partial& total, const float*, size_t,
                     ExpResult* result) {
    result->total = total;
  }
  static void map_range(const Call& call, const Units& u, const ExpResult& r, const float* x,
                        float* y, size_t begin, size_t end) {
    if (fill_degenerate(call, r.total, y + begin, end - begin)) return;
    normalise(call, u, r.total, x + begin, y + begin, end - begin);
  }
};

}  // namespace
}  // namespace softlane
