// The few tokens that are left of a row, in the order of their indices, and the cuts that leave
// fewer. Everything here is double arithmetic in a fixed order.
#pragma once

#include "../rows/double_math.h"
#include "reached.h"

namespace softlane {
namespace {

// The highest bit in which some of the keys differ, which they do.
inline uint64_t splitting_bit(const uint64_t* keys, size_t n) {
  uint64_t all = ~uint64_t{0}, any = 0;
  for (size_t i = 0; i < n; ++i) all &= keys[i], any |= keys[i];
  return uint64_t{1} << (63 - __builtin_clzll(all ^ any));
}

// The largest keys until their weights add up to `need`: the lowest of them. n > 0; moves the keys.
// Nothing is sorted but the last few: the keys are split at their highest differing bit, so at most
// 64 times.
template <class Weight>
inline uint64_t lowest_kept(uint64_t* keys, size_t n, double need, Weight weight) {
  constexpr size_t kFew = 16;
  while (n > kFew) {
    const uint64_t bit = splitting_bit(keys, n);
    double mass = 0;
    size_t upper = 0;
    for (size_t i = 0; i < n; ++i) {
      const uint64_t key = keys[i], other = keys[upper];
      const bool above = (key & bit) != 0;
      mass += above ? weight(key) : 0;
      keys[i] = above ? other : key;
      keys[upper] = above ? key : other;
      upper += above;
    }
    if (mass >= need) {
      n = upper;
    } else {
      need -= mass;
      keys += upper;
      n -= upper;
    }
  }
  uint64_t spare[kFew];
  sort_descending(keys, n, spare);
  for (size_t i = 0; i + 1 < n; ++i) {
    need -= weight(keys[i]);
    if (!(need > 0)) return keys[i];
  }
  return keys[n - 1];
}

// The k-th largest, 0 < k <= n; moves the keys.
inline uint64_t kth_largest(uint64_t* keys, size_t n, size_t k) {
  select_largest(keys, n, k);
  uint64_t least = keys[0];
  for (size_t i = 1; i < k; ++i) least = keys[i] < least ? keys[i] : least;
  return least;
}

struct Kept {
  float* x;                // logits
  int32_t* token;          // ascending, once they are all there
  double* w;               // e^((x - top) / T)
  uint64_t *keys, *spare;  // for one cut at a time
  size_t capacity, n;

  double temperature;
  float top;     // the largest logit when the weights were made
  double total;  // of the weights: of these tokens, or of a whole row of which these are a part

  void push(float value, size_t index) {
    x[n] = value;
    token[n] = static_cast<int32_t>(index);
    ++n;
  }

  // Of a token; n where it is not left.
  size_t place_of(size_t wanted) const {
    size_t low = 0, high = n;
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      if (static_cast<size_t>(token[middle]) < wanted) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < n && static_cast<size_t>(token[low]) == wanted ? low : n;
  }

  // Keeps those of a condition, in their order. Weights are kept along. Without a branch on what
  // no CPU could foresee.
  template <class Keep>
  void keep(Keep condition) {
    const size_t count = n;
    size_t m = 0;
    for (size_t i = 0; i < count; ++i) {
      const bool kept = condition(i);
      x[m] = x[i];
      token[m] = token[i];
      w[m] = w[i];
      m += kept;
    }
    n = m;
  }

  float largest() const { return max_element(x, n); }
  size_t place_of_top() const {
    size_t best = 0;
    for (size_t i = 1; i < n; ++i) {
      if (x[i] > x[best]) best = i;
    }
    return best;
  }

  double shifted(size_t i) const { return (static_cast<double>(x[i]) - top) / temperature; }

  // Weights relative to the largest logit; `total` stays as it is.
  void weigh_in(float relative_to, double t) {
    top = relative_to;
    temperature = t;
    const size_t count = n;
    // Two loops, as compilers make vectors of these alone.
    for (size_t i = 0; i < count; ++i) {
      const double depth = (static_cast<double>(x[i]) - relative_to) / t;
      w[i] = depth > -700 ? depth : -700;
    }
    for (size_t i = 0; i < count; ++i) w[i] = exp_bounded(w[i]);
  }
  void weigh(double t) {
    weigh_in(largest(), t);
    add_up();
  }
  void add_up() {
    total = 0;
    for (size_t i = 0; i < n; ++i) total += w[i];
  }

  double log_total() const { return log_double(total, 0); }

  // The k largest, 0 < k < n, whatever the order of the tokens; a value that all of them reach, and
  // of the others equals of the least alone.
  float keep_largest(size_t k) {
    const float least = reached_by(x, n, k, k);
    if (count_at_least(x, n, least) == k) {
      keep([&](size_t i) { return x[i] >= least; });
      return least;
    }
    // Among equals the index decides.
    size_t above = 0, equals = 0;
    for (size_t i = 0; i < n; ++i) {
      above += x[i] > least;
      keys[equals] = key_of(x[i], static_cast<size_t>(token[i]));
      equals += x[i] == least;
    }
    const uint64_t lowest = kth_largest(keys, equals, k - above);
    keep([&](size_t i) {
      return x[i] > least ||
             (x[i] == least && key_of(x[i], static_cast<size_t>(token[i])) >= lowest);
    });
    return least;
  }

  void sort_by_token() {
    bool sorted = true;
    for (size_t i = 1; i < n; ++i) sorted &= token[i - 1] < token[i];
    if (sorted) return;
    for (size_t i = 0; i < n; ++i) {
      keys[i] = uint64_t{~static_cast<uint32_t>(token[i])} << 32 | value_key(x[i]);
    }
    sort_descending(keys, n, spare);
    for (size_t i = 0; i < n; ++i) {
      token[i] = static_cast<int32_t>(~static_cast<uint32_t>(keys[i] >> 32));
      x[i] = value_of_key(static_cast<uint32_t>(keys[i]));
    }
  }

  // The cuts. The weights and `total` are there; afterwards `total` is that of what is left.

  void cut_count(size_t k) {
    if (k >= n) return;
    for (size_t i = 0; i < n; ++i) keys[i] = key_of(x[i], i);
    const uint64_t lowest = kth_largest(keys, n, k);
    keep([&](size_t i) { return key_of(x[i], i) >= lowest; });
    add_up();
  }

  // The most preferred of them until they have this share of the total.
  template <class Preference>
  void cut_mass(double share, Preference preference) {
    for (size_t i = 0; i < n; ++i) keys[i] = key_of(preference(i), i);
    const uint64_t lowest =
        lowest_kept(keys, n, share * total, [&](uint64_t key) { return w[index_of(key)]; });
    keep([&](size_t i) { return key_of(preference(i), i) >= lowest; });
    add_up();
  }

  // Those whose (x - top) / T is at least this, and always the first of the largest.
  void cut_below(double lowest) {
    const size_t best = place_of_top();
    keep([&](size_t i) { return shifted(i) >= lowest || i == best; });
    add_up();
  }

  // The same below the largest that is left: the top may have been cut since the weights were made.
  void cut_below_largest(double depth) { cut_below(depth + shifted(place_of_top())); }

  // -sum p ln p, of these tokens.
  double entropy() const {
    double sum = 0;
    for (size_t i = 0; i < n; ++i) {
      if (w[i] > 0) sum -= w[i] * shifted(i);
    }
    return log_total() + sum / total;
  }

  // With n - 1 degrees of freedom; 0 for one alone.
  double variance() const {
    double mean = 0, sum = 0;
    for (size_t i = 0; i < n; ++i) mean += x[i];
    mean /= static_cast<double>(n);
    for (size_t i = 0; i < n; ++i) sum += (x[i] - mean) * (x[i] - mean);
    return n < 2 ? 0 : sum / static_cast<double>(n - 1);
  }

  // Of all but the least likely of those with at least this probability (Weidmann's "exclude top
  // choices").
  void cut_top_choices(double threshold) {
    size_t least = n;
    const double lowest = log_double(threshold, 0) + log_total();
    for (size_t i = 0; i < n; ++i) {
      if (shifted(i) >= lowest && (least == n || x[i] <= x[least])) least = i;
    }
    if (least == n) return add_up();
    const double t = temperature;
    keep([&](size_t i) { return !(shifted(i) >= lowest) || i == least; });
    weigh(t);
  }
};

}  // namespace
}  // namespace softlane
