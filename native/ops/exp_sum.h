// Sum of e^(x/T) over a row: the reduction behind the softmax family, by each of the four
// algorithms.
//
// All of them add the same terms G e^(x/T) (simd/math.h) in the same order. They differ in where
// the common exponent comes from, and so in how often memory is read; scaling by a power of two is
// exact, so the algorithms agree bit for bit, save where a term is below 2^-100 of the sum, and
// where what a sum loses beyond a float (OwnSums) decides how a result is rounded.
#pragma once

#include <type_traits>

#include "../rows/operator.h"
#include "../rows/reduce.h"
#include "../rows/state.h"
#include "../simd/math.h"

namespace softlane {
namespace {

// The temperature as a power of two and a factor near 1. Ordinary temperatures are folded into the
// constants of the exponential whole; for the others the coefficients would leave the range of a
// float, so a power of two is taken out of x first: one that leaves T in (1/2, 1], as x / T is then
// the last to overflow.
struct Units {
  double temperature, folded;
  double exponents_per_x;  // log2(e) / T
  float scale;
  ExpConstants k;

  // No temperature is the usual one, and a division is as long as a short row.
  explicit Units(double t) : temperature(t), folded(t), exponents_per_x(kLog2e), scale(1.0f) {
    static constexpr ExpConstants kUnit = exp_constants(kWithGain, 1);
    k = kUnit;
    if (t == 1) return;
    exponents_per_x = kLog2e / t;
    if (!(t >= 0x1p-16 && t <= 0x1p16)) {
      while (folded > 1) folded *= 0.5, scale *= 0.5f;
      while (folded <= 0.5) folded *= 2, scale *= 2.0f;
    }
    k = exp_constants(kWithGain, folded);
  }

  // x/T as an exponent of two.
  double log2_of(double x) const { return x * exponents_per_x; }
  // The x (scaled) at which the exponent is e.
  float at_exponent(double e) const { return static_cast<float>(e * kLn2 * folded); }
  float x_per_exponent() const { return static_cast<float>(kLn2 * folded); }
};

// A block's logits as the kernels want them: (x - shift) * scale, copied to L1 where that is not x.
// x - shift is exact wherever the result matters: shift is the largest logit, it is beyond 22,700
// T, and logits more than 104 T below it count for nothing.
class Block {
 public:
  Block(const Units& u, double shift, const float* x, size_t n) : data_(x) {
    if (shift == 0 && u.scale == 1.0f) return;
    const splat s = set1(static_cast<float>(shift)), f = set1(u.scale);
    for (size_t i = 0; i < n; i += kLanes) {
      const f32x16 v = n - i >= kLanes ? load(x + i) : load_first(x + i, n - i, 0.0f);
      store(copy_ + i, (v - s) * f);
    }
    data_ = copy_;
  }
  Block(const Block&) = delete;
  const float* data() const { return data_; }

 private:
  const float* data_;
  float copy_[kBlock];
};

// Terms are kept between 2^-80 and 2^61 relative to the row's exponent e, so that no subnormal ever
// turns up, even for masked elements: those stop at the lower end, 2^-140 of the largest term.
constexpr int kBias = 60;
constexpr double kOverBias = 0x1p-60;
constexpr float kDepth = 140;

// Whether elements that stop at -kExponentLimit, as masked ones do where there is no reference, are
// nothing beside a sum relative to 2^e.
constexpr bool is_carried(double e) {
  return e > kDepth + 2 - kExponentLimit && e < kExponentLimit;
}

struct Terms {
  ExtExp k;
  splat low;

  SOFTLANE_VECTOR Terms(const Units& u, float e)
      : k(u.k, kBias - e), low(set1((e - kDepth) * u.x_per_exponent())) {}
  template <class V>
  SOFTLANE_VECTOR V operator()(const V& x) const {
    const V c = max(low, x);  // NaN passes
    const V z = k.round(c);
    return k.power(z, k.tail(c, z));
  }
};

// Where to put the exponent, a whole number, or the shift, for logits of which mu is the largest.
// All of a row waits for it, so it is three operations on floats: any number near log2 e^(mu/T)
// does.
struct Reference {
  float mu, e = 0;
  double shift = 0;

  Reference(const Units& u, float largest) : mu(largest) {
    const double e2 = u.log2_of(mu);
    if (e2 > -kExponentLimit && e2 < kExponentLimit) {
      e = (mu * static_cast<float>(u.exponents_per_x) + kMagic) - kMagic;
    } else if (is_finite(mu)) {
      shift = mu;
    }
  }
};

// The same where mu is the largest of the block itself, and not of the row.
struct OwnReference : Reference {
  using Reference::Reference;
};

// LaneSums for the terms of a block relative to its own largest. They are positive, and two of them
// are less than 2^62: begun there, hi is never the smaller one, and TwoSum is Dekker's three
// operations (1971) instead of Knuth's six, 5 to 10 % of softmax in a cache. Terms of less than
// 2^-22 of the largest are added in lo alone, as plain floats. A block has no more than 2^-10 of
// its largest in them, and so loses less than 2^-27 of it; of a row's largest it could be most.
struct OwnSums {
  static constexpr float kStart = 0x1p62f;
  f32x16 hi = set1(kStart), lo = set1(0.0f);

  SOFTLANE_VECTOR void add(f32x16 a) {
    const f32x16 s = hi + a;
    lo = lo + (a - (s - hi));
    hi = s;
  }
  SOFTLANE_VECTOR double total() const { return sum_lanes(hi - set1(kStart), lo); }
};

template <class R>
using SumsBelow = std::conditional_t<std::is_same_v<R, OwnReference>, OwnSums, LaneSums>;

// One block whose largest logit, or that of its row, is known. NaN: m is NaN; +inf: m is inf. sink
// sees every vector of terms.
template <class R, class Sink>
SOFTLANE_VECTOR inline Partial leaf_below(const Units& u, const R& r, const float* x, size_t n,
                                          Sink sink) {
  if (r.mu == __builtin_inff()) return {any_nan(x, n) ? __builtin_nan("") : r.mu, 0, 0, r.mu};
  const Block block(u, r.shift, x, n);
  const double m = kOverBias * kOverGain *
                   sum<SumsBelow<R>>(block.data(), n, -__builtin_inff(), Terms(u, r.e), sink);
  if (r.mu == -__builtin_inff() && m == m) return empty_partial();
  return {one_nan(m), r.e, r.shift, r.mu};
}

// Asks for the next block while this one is summed.
template <class Ahead, class R>
inline Partial leaf_below(const Units& u, const R& r, const float* x, size_t n) {
  return leaf_below(u, r, x, n,
                    [=](size_t i, f32x16, size_t) SOFTLANE_VECTOR { Ahead::after(x, i, 1); });
}

// The block's maximum has brought it to L1.
template <class Ahead>
inline Partial leaf_online(const Units& u, const float* x, size_t n) {
  return leaf_below<Ahead>(u, OwnReference(u, max_element(x, n)), x, n);
}

// Vectors that share one update of the exponents: whole groups of a block, as many as registers
// hold.
constexpr size_t kGroup = kTogether < 4 ? 4 : 8;
static_assert(kBlock % (kGroup * kLanes) == 0, "a block is whole groups");

// The largest by lane of several vectors, by a short chain. A NaN may be hidden: its sum has it.
template <size_t N>
SOFTLANE_VECTOR inline f32x16 largest_of(const wide<N>& a) {
  if constexpr (N == 2) {
    return max(a.v[0], a.v[1]);
  } else {
    wide<N / 2> half;
    for (size_t j = 0; j < N / 2; ++j) half.v[j] = max(a.v[j], a.v[j + N / 2]);
    return largest_of(half);
  }
}

// One block by extended exponentials, as the Two-Pass paper has it: no maximum of x, every lane
// carries its own running exponent. A group of vectors shares one exponent update.
template <class Ahead>
inline Partial leaf_two_pass(const Units& u, const float* x, size_t n) {
  if (u.scale != 1.0f) return leaf_online<Ahead>(u, x, n);
  const ExtExp k(u.k, 0);
  const splat low = set1(u.at_exponent(-kExponentLimit)), deepest = set1(-8.0f * 120);
  LaneSums sums;
  // The exponents so far, as z has them: the largest k of the lane, rounded down to whole powers.
  f32x16 top = set1(kMagic - 8 * static_cast<float>(kExponentLimit));
  size_t i = 0;
  const auto group = [&](const auto& v) SOFTLANE_VECTOR {
    Ahead::after(x, i, sizeof v / sizeof(f32x16));
    const auto c = max(low, v);  // NaN passes
    const auto z = k.round(c);
    const auto tail = k.tail(c, z);
    const f32x16 before = top;
    top = floor_eighths(max(top, largest_of(z)));
    sums.scale(pow2_low_bits(fma(max(deepest, before - top), set1(0.125f), set1(kMagic + 127))));
    // max(deepest, z - top) + magic, by fewer operations: all of it is exact. NaN is in the tail.
    const f32x16 lowest = top + deepest, base = top - k.magic;
    return k.power(max(z, lowest) - base, tail);
  };
  for (; i + kGroup * kLanes <= n; i += kGroup * kLanes) {
    const auto w = group(load_wide<kGroup>(x + i));
    for (size_t j = 0; j < kGroup; j += 2) sums.add(w.v[j] + w.v[j + 1]);
  }
  for (; i < n; i += 2 * kLanes) {
    wide<2> v;
    for (size_t j = 0; j < 2; ++j) {
      const size_t at = i + j * kLanes, left = at < n ? n - at : 0;
      v.v[j] = left >= kLanes ? load(x + at) : load_first(x + at, left, -__builtin_inff());
    }
    const auto w = group(v);
    sums.add(w.v[0] + w.v[1]);
  }
  double lane[kLanes];
  float lane_tops[kLanes];
  sums.spill(lane);
  store(lane_tops, top - k.magic);
  float highest = lane_tops[0];
  for (const float v : lane_tops) highest = highest > v ? highest : v;
  for (size_t j = 0; j < kLanes; ++j) {
    lane[j] = scale_double(lane[j], (static_cast<double>(lane_tops[j]) - highest) / 8);
  }
  const double m = kOverGain * tree_sum(lane), e = highest / 8;
  // All masked, or beyond what the reduction carries, or not finite: the other way decides.
  if (!is_carried(e) || !is_finite(m)) return leaf_online<Fetch<Prefetch::kNone>>(u, x, n);
  return {m, e, 0, (e + 1) * kLn2 * u.temperature};
}

// How a row is summed. row_max is read by the three-pass algorithms only.
struct Way {
  Algorithm algorithm;
  Prefetch prefetch = Prefetch::kAuto;
  float row_max = 0;
};

inline bool needs_row_max(Algorithm a) {
  return a == Algorithm::kThreePassRecompute || a == Algorithm::kThreePassReload;
}

// Up to this length a row that was read for its maximum is in a cache when it is read again, and
// there is nothing to ask memory for (docs/decisions/0052-prefetch-of-the-next-block.md).
constexpr size_t kCachedUpTo = size_t{1} << 20;

// What the passes over a row of n elements ask for.
inline Prefetch prefetch_of(Prefetch wanted, Algorithm algorithm, size_t n) {
  if (wanted != Prefetch::kAuto) return wanted;
  return needs_row_max(algorithm) && n <= kCachedUpTo ? Prefetch::kNone : Prefetch::kNext;
}

inline Partial leaf(const Units& u, const Way& way, const float* x, size_t n) {
  return with_prefetch(way.prefetch, [&](auto ahead) {
    using Ahead = decltype(ahead);
    switch (way.algorithm) {
      case Algorithm::kTwoPass:
        return leaf_two_pass<Ahead>(u, x, n);
      case Algorithm::kThreePassRecompute:
      case Algorithm::kThreePassReload:
        return leaf_below<Ahead>(u, Reference(u, way.row_max), x, n);
      default:
        return leaf_online<Ahead>(u, x, n);
    }
  });
}

// A sink that takes the largest element of the next block, so that memory works while this one is
// summed, and asks for the block after that.
template <class Ahead>
struct LargestOfNext {
  const float* next;
  f32x16* largest;
  SOFTLANE_VECTOR void operator()(size_t i, f32x16, size_t) const {
    *largest = max(*largest, load(next + i));
    Ahead::after_in_l2(next, i, 1);
  }
};

// A range of a row by the online form, a block ahead of itself
// (docs/decisions/0053-a-block-ahead.md).
template <class Ahead>
inline void push_online(const Units& u, const float* x, size_t n, State* state) {
  float largest = max_element(x, block_length(n, 0));
  for (size_t i = 0; i < n; i += kBlock) {
    const size_t length = block_length(n, i), left = n - i - length;
    const OwnReference r(u, largest);
    if (left >= kBlock && largest < __builtin_inff()) {
      f32x16 next = set1(-__builtin_inff());
      push(state, leaf_below(u, r, x + i, length, LargestOfNext<Ahead>{x + i + kBlock, &next}), 0);
      largest = max_lane(next);
    } else {
      push(state, leaf_below(u, r, x + i, length, NoSink()), 0);
      largest = max_element(x + i + length, left < kBlock ? left : kBlock);
    }
  }
}

// Adds a range of a row, block by block.
inline void push_range(const Units& u, const Way& way, const float* x, size_t n, State* state) {
  state->elements += static_cast<double>(n);
  if (way.algorithm == Algorithm::kOnline && asks(way.prefetch)) {
    with_prefetch(way.prefetch, [=](auto ahead) { push_online<decltype(ahead)>(u, x, n, state); });
    return;
  }
  for (size_t i = 0; i < n; i += kBlock) {
    push(state, leaf(u, way, x + i, block_length(n, i)), 0);
  }
}

// What `auto` means, at every length: the online form computes least, and it reads memory as little
// as the two-pass form does (docs/decisions/0053-a-block-ahead.md).
inline Algorithm automatic_sum(size_t) { return Algorithm::kOnline; }

inline Partial row_sum(const Units& u, Way way, const float* x, size_t n) {
  way.prefetch = prefetch_of(way.prefetch, way.algorithm, n);
  if (needs_row_max(way.algorithm)) way.row_max = row_max(x, n, way.prefetch);
  if (n <= kBlock) return normalised(leaf(u, way, x, n));
  State state;
  clear(&state, u.temperature);
  push_range(u, way, x, n, &state);
  return total(state);
}

}  // namespace
}  // namespace softlane
