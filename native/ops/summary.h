// Statistics of a row in one read: blocks of a row, each read from L1 after the first touch, to
// summaries that merge along the tree of rows/tree.h. What is wanted is known at compile time, and
// nothing else is computed. Masked elements (-inf) are counted out of every statistic.
//
// Exponentials are summed without the elements that equal the peak: those are counted, and weigh
// exactly one each. So what is left over beside a dominant element keeps all of its digits, however
// little it is, and nothing is ever subtracted (docs/scores.md).
#pragma once

#include "../rows/tree.h"
#include "exp_sum.h"

namespace softlane {
namespace {

enum Wanted : unsigned {
  kPeakOnly = 0,
  kSecond = 1,   // the second largest
  kMass = 2,     // the sum of e^((x - peak)/T)
  kSpread = 4,   // the sum of (peak - x)/T e^((x - peak)/T); with kMass
  kSquares = 8,  // the sum of e^(2 (x - peak)/T); with kMass
  kEverything = kSecond | kMass | kSpread | kSquares,
};

struct Summary {
  double peak = -__builtin_inf();  // NaN where there is a NaN anywhere
  double second = -__builtin_inf();
  double count = 0;                          // of the elements that equal the peak
  double rest = 0, spread = 0, squares = 0;  // over the others
  double where = 0;                          // the start of the block with the first peak
};

inline bool has_peak(const Summary& s) { return is_finite(s.peak); }
inline double mass(const Summary& s) { return s.count + s.rest; }

// -sum p ln p = ln S + (sum of (peak - x)/T e^((x - peak)/T)) / S: two terms that are not negative.
inline double entropy(const Summary& s) {
  return log1p_double(s.count - 1 + s.rest) + s.spread / mass(s);
}

inline double larger(double a, double b) { return a > b ? a : b; }
inline double smaller(double a, double b) { return a < b ? a : b; }

template <unsigned W>
inline Summary merge(const Summary& a, const Summary& b, double temperature) {
  const bool first = a.peak >= b.peak;
  Summary s = first ? a : b;
  const Summary& t = first ? b : a;
  if constexpr ((W & kSecond) != 0) s.second = larger(t.peak, s.second);
  if (!(is_finite(s.peak) && is_finite(t.peak))) {
    if (a.peak != a.peak || b.peak != b.peak) s.peak = __builtin_nan("");
    return s;
  }
  if constexpr ((W & kMass) != 0) {
    if (s.peak == t.peak) {
      s.count += t.count, s.rest += t.rest, s.spread += t.spread, s.squares += t.squares;
      return s;
    }
    const double gap = (s.peak - t.peak) / temperature;
    const double f = exp_double(-gap);
    s.rest += f * mass(t);
    if constexpr ((W & kSpread) != 0) s.spread += f * (t.spread + gap * mass(t));
    if constexpr ((W & kSquares) != 0) s.squares += f * f * (t.count + t.squares);
  }
  return s;
}

// Terms lie between these powers of two. Low enough for 2^28 elements that together are just below
// the smallest float beside the peak; high enough to leave room for sums of products.
constexpr int kPeakBias = 90;
constexpr double kPeakDepth = 190;

template <unsigned W>
inline void add_mass(const Units& u, const float* x, size_t n, float peak, Summary* s) {
  const Reference r(u, peak);
  const Block block(u, r.shift, x, n);
  const ExtExp k(u.k, kPeakBias - static_cast<int>(r.e));
  const splat top = set1((peak - static_cast<float>(r.shift)) * u.scale);
  const splat low = set1(u.at_exponent(r.e - kPeakDepth));
  const splat zero = set1(0.0f), one = set1(1.0f);
  // Squares of less than 2^-120 of the peak's would be subnormal, and count for nothing.
  const splat least = set1(0x1p30f), unit = set1(0x1p-90f);
  LaneSums rest, spread, squares;
  f32x16 ones = zero;
  in_pairs(block.data(), n, -__builtin_inff(), [&](const auto& v, size_t i) SOFTLANE_VECTOR {
    constexpr size_t kCount = sizeof v / sizeof(f32x16);
    Fetch<Prefetch::kNext>::after(x, i, kCount);
    const auto c = max(low, v);  // NaN passes
    const auto z = k.round(c);
    auto w = k.power(z, k.tail(c, z));
    for (size_t j = 0; j < kCount; ++j) {
      const mask16 at_top = v.v[j] == top;
      ones = ones + select(at_top, one, zero);
      w.v[j] = select(at_top | (low >= v.v[j]), zero, w.v[j]);
    }
    for (size_t j = 0; j < kCount; j += 2) rest.add(w.v[j] + w.v[j + 1]);
    if constexpr ((W & kSpread) != 0) {
      const auto d = top - c;
      for (size_t j = 0; j < kCount; j += 2) {
        spread.add(fma(d.v[j], w.v[j], d.v[j + 1] * w.v[j + 1]));
      }
    }
    if constexpr ((W & kSquares) != 0) {
      const auto q = max(least, w) * unit;
      for (size_t j = 0; j < kCount; j += 2) {
        squares.add(fma(q.v[j], q.v[j], q.v[j + 1] * q.v[j + 1]));
      }
    }
  });
  // From the reference to the peak: e^0 to 1.
  const double above = (peak - r.shift) / u.temperature - r.e * kLn2;
  const double unit_of_peak = kOverGain * 2 * exp_double(-above - kLn2);
  const double bias = pow2_double(-kPeakBias);
  s->count = sum_lanes(ones, zero);
  s->rest = rest.total() * unit_of_peak * bias;
  s->spread = spread.total() * unit_of_peak * bias / u.folded;
  s->squares = squares.total() * unit_of_peak * unit_of_peak;
  if (s->rest != s->rest) s->peak = __builtin_nan("");
}

// The two largest, equal ones being two; as max_element, without a word on NaN.
struct TopTwo {
  float first, second;

  TopTwo(const float* x, size_t n) {
    const float lowest = -__builtin_inff();
    Lanes lanes[4];
    for (size_t i = 0; i < n; i += 4 * kLanes) {
      for (size_t j = 0; j < 4; ++j) {
        const size_t at = i + j * kLanes, left = at < n ? n - at : 0;
        lanes[j].add(left >= kLanes ? load(x + at) : load_first(x + at, left, lowest));
      }
    }
    lanes[0].add(lanes[1]);
    lanes[2].add(lanes[3]);
    lanes[0].add(lanes[2]);
    float a[kLanes], b[kLanes];
    store(a, lanes[0].first);
    store(b, lanes[0].second);
    first = lowest, second = lowest;
    for (size_t j = 0; j < kLanes; ++j) {
      const float below = a[j] > first ? first : a[j];
      first = a[j] > first ? a[j] : first;
      second = below > second ? below : second;
      second = b[j] > second ? b[j] : second;
    }
  }

 private:
  struct Lanes {
    f32x16 first = set1(-__builtin_inff()), second = first;
    SOFTLANE_VECTOR void add(f32x16 v) {
      second = max(second, min(first, v));
      first = max(first, v);
    }
    SOFTLANE_VECTOR void add(const Lanes& other) {
      second = max(max(second, other.second), min(first, other.first));
      first = max(first, other.first);
    }
  };
};

template <unsigned W>
inline Summary summary_of_block(const Units& u, const float* x, size_t n) {
  Summary s;
  float peak;
  if constexpr ((W & kSecond) != 0) {
    const TopTwo two(x, n);
    peak = two.first;
    s.second = two.second;
  } else {
    peak = max_element(x, n);
  }
  s.peak = peak;
  const bool is_mass = (W & kMass) != 0 && is_finite(peak);
  if (!is_mass && any_nan(x, n)) s.peak = __builtin_nan("");
  if constexpr ((W & kMass) != 0) {
    if (is_mass) add_mass<W>(u, x, n, peak, &s);
  }
  return s;
}

template <unsigned W>
struct MergeSummaries {
  double temperature;
  Summary operator()(const Summary& a, const Summary& b) const {
    return merge<W>(a, b, temperature);
  }
};

template <unsigned W>
using SummaryTree = Tree<Summary, MergeSummaries<W>>;

template <unsigned W>
inline void push_range(const Units& u, const float* x, size_t n, SummaryTree<W>* tree) {
  for (size_t i = 0; i < n; i += kBlock) {
    Summary part = summary_of_block<W>(u, x + i, block_length(n, i));
    part.where = static_cast<double>(i);
    tree->push(part, 0);
  }
}

template <unsigned W>
inline Summary summary_of_row(const Units& u, const float* x, size_t n) {
  if (n <= kBlock) return summary_of_block<W>(u, x, n);
  SummaryTree<W> tree;
  tree.start({u.temperature});
  push_range<W>(u, x, n, &tree);
  return tree.total();
}

}  // namespace
}  // namespace softlane
