// Any of the statistics of a row at once, in one read (docs/scores.md): what is not asked for is
// not computed.
#pragma once

#include "../rows/drivers.h"
#include "largest.h"
#include "log_sum.h"
#include "moments.h"
#include "summary.h"
#include "target.h"

namespace softlane {
namespace {

// The number of elements that come before the target when the row is sorted, the largest first and
// equal ones in their order.
inline double elements_before(const float* x, size_t n, float target, bool equal_ones) {
  const splat t = set1(target), zero = set1(0.0f), one = set1(1.0f);
  f32x16 ones = zero;
  in_pairs(x, n, __builtin_nanf(""), [&](const auto& w, size_t) SOFTLANE_VECTOR {
    for (const f32x16& v : w.v) {
      const f32x16 not_below = select(v >= t, one, zero);
      ones = ones + (equal_ones ? not_below : select(v == t, zero, not_below));
    }
  });
  return sum_lanes(ones, zero);
}

// The sum of e^(x/T) as a state of state.h has it. Its exponent follows from the largest element
// alone: where it was rounded otherwise, so would the mantissa be by a factor of two.
inline Partial partial_of(const Units& u, const Summary& s) {
  if (!has_peak(s)) {
    return {s.peak == -__builtin_inf() ? 0 : one_nan(s.peak), 0, 0, s.peak};
  }
  constexpr double kShiftedFrom = 22000;
  const double top = s.peak / u.temperature;
  if (!(top > -kShiftedFrom && top < kShiftedFrom)) return {mass(s), 0, s.peak, s.peak};
  const double q = top * kLog2e + 0.5;
  double e = static_cast<double>(static_cast<int64_t>(q));
  if (e > q) e -= 1;
  return {2 * mass(s) * exp_double(top - e * kLn2 - kLn2), e, 0, s.peak};
}

constexpr Operand output(const char* name, Element element = Element::kFloat32,
                         size_t (*width)(const Call&) = one_a_row) {
  return {name, element, true, true, false, width};
}

struct RowStats {
  static constexpr const char* kName = "rowStats";
  static constexpr int kTemperature = 0, kPower = 2, kK = 3, kNaN = 4;  // places in Call::params
  static size_t k_of(const Call& call) { return static_cast<size_t>(call.params[kK]); }

  enum {
    kTargets,
    kMax,
    kArgMax,
    kSecondMax,
    kMin,
    kTopValues,
    kTopIndices,
    kLogSumExp,
    kMantissa,
    kExponent,
    kOffset,
    kElements,
    kSum,
    kSumOfSquares,
    kMean,
    kVariance,
    kStandardDeviation,
    kPNorm,
    kEntropy,
    kCollision,
    kTargetLogit,
    kTargetProbability,
    kTargetLogProbability,
    kTargetRank,
    kOthersLogSumExp,
    kCount
  };
  static constexpr Operand kOperands[kCount] = {
      {"targets", Element::kInt32, false, true, false, one_a_row},
      output("max"),
      output("argMax", Element::kInt32),
      output("secondMax"),
      output("min"),
      output("topValues", Element::kFloat32, k_of),
      output("topIndices", Element::kInt32, k_of),
      output("logSumExp"),
      output("mantissa"),
      output("exponent", Element::kInt32),
      output("offset"),
      output("count", Element::kInt32),
      output("sum"),
      output("sumOfSquares"),
      output("mean"),
      output("variance"),
      output("standardDeviation"),
      output("pNorm"),
      output("entropy"),
      output("collisionProbability"),
      output("targetLogit"),
      output("targetProbability"),
      output("targetLogProbability"),
      output("targetRank", Element::kInt32),
      output("othersLogSumExp"),
  };

  struct Context {
    Units u;
    Summary (*summary)(const Units&, const float*, size_t);
    bool any, top, others, moments, min, rank, masks_nan;
  };
  struct State {
    SummaryTree<kEverything> row, others;
    MomentsTree moments;
    double least, before;
    size_t target;
    bool is_nan;

    Largest* largest() { return reinterpret_cast<Largest*>(this + 1); }
    const Largest* largest() const { return reinterpret_cast<const Largest*>(this + 1); }
  };

  static bool valid(const Call& call) {
    const double p = call.params[kPower], nan = call.params[kNaN];
    return valid_temperature(call.params[kTemperature]) && valid_power(p) &&
           valid_largest(call, call.params[kK]) && (nan == 0 || nan == 1);
  }
  static bool asked(const Call& call, int i) { return call.operands[i] != nullptr; }
  template <class... I>
  static bool any_of(const Call& call, I... i) {
    return (asked(call, i) || ...);
  }
  static Context context(const Call& call) {
    Context c = {Units(call.params[kTemperature]),
                 nullptr,
                 false,
                 false,
                 false,
                 false,
                 false,
                 false,
                 call.params[kNaN] != 0};
    const bool second = asked(call, kSecondMax), spread = asked(call, kEntropy);
    const bool squares = asked(call, kCollision);
    c.others = any_of(call, kTargetProbability, kTargetLogProbability, kOthersLogSumExp);
    const bool mass =
        spread || squares || c.others || any_of(call, kLogSumExp, kMantissa, kExponent, kOffset);
    c.summary = squares || (spread && second) ? summary_of_block<kEverything>
                : spread                      ? summary_of_block<kMass | kSpread>
                : mass && second              ? summary_of_block<kMass | kSecond>
                : mass                        ? summary_of_block<kMass>
                : second                      ? summary_of_block<kSecond>
                                              : summary_of_block<kPeakOnly>;
    c.any = mass || second || any_of(call, kMax, kArgMax);
    c.top = asks_top(call);
    c.moments =
        any_of(call, kElements, kSum, kSumOfSquares, kMean, kVariance, kStandardDeviation, kPNorm);
    c.min = asked(call, kMin);
    c.rank = asked(call, kTargetRank);
    return c;
  }
  static Algorithm automatic(size_t) { return Algorithm::kOnline; }
  static bool asks_top(const Call& call) { return any_of(call, kTopValues, kTopIndices); }
  static size_t state_bytes(const Call& call) {
    return sizeof(State) + (asks_top(call) ? Largest::bytes(k_of(call)) : 0);
  }
  static size_t workspace_bytes(const Call& call) { return state_bytes(call); }
  static bool can_split(const Call& call) {
    return !(asks_top(call) && Largest::is_large(k_of(call)));
  }

  static void start(const Call& call, const Context& c, void* state) {
    State& s = *static_cast<State*>(state);
    s.row.start({c.u.temperature});
    s.others.start({c.u.temperature});
    s.moments.start({});
    s.least = __builtin_inf();
    s.before = 0;
    s.is_nan = false;
    s.target = target_of(call, kOperands, kTargets);
    if (c.top) s.largest()->start(k_of(call));
  }

  static void reduce(const Call& call, const Context& c, const float* x, size_t begin, size_t end,
                     void* state) {
    State& s = *static_cast<State*>(state);
    float copy[kBlock];
    for (size_t i = begin; i < end; i += kBlock) {
      const size_t n = block_length(end, i);
      const float* block = x + i;
      if (any_nan(block, n)) {
        s.is_nan = true;
        if (!c.masks_nan) return;
        block = without_nan(block, n, copy);
      }
      const bool here = s.target >= i && s.target < i + n;
      Summary part;
      if (c.any) {
        part = c.summary(c.u, block, n);
        part.where = static_cast<double>(i);
        s.row.push(part, 0);
      }
      if (c.top) s.largest()->push(block, n, i);
      if (c.moments) s.moments.push(moments_of_block(block, n), 0);
      if (c.min) s.least = smaller(min_element(block, n), s.least);
      if (c.rank && s.target < call.cols) {
        const float target = unmasked(x[s.target]);
        const size_t until = here ? s.target - i : s.target < i ? 0 : n;
        s.before += elements_before(block, until, target, true) +
                    elements_before(block + until, n - until, target, false);
      }
      if (c.others) {
        s.others.push(here ? c.summary(c.u, without(block, n, s.target - i, copy), n) : part, 0);
      }
    }
  }
  static void append(const Call& call, void* state, const void* next) {
    State& s = *static_cast<State*>(state);
    const State& t = *static_cast<const State*>(next);
    s.row.append(t.row);
    s.others.append(t.others);
    s.moments.append(t.moments);
    s.least = smaller(t.least, s.least);
    s.before += t.before;
    s.is_nan |= t.is_nan;
    if (asks_top(call)) s.largest()->append(*t.largest());
  }

  static void finish(const Call& call, const Context& c, void* state, const float* x, size_t n,
                     size_t r) {
    State& s = *static_cast<State*>(state);
    if (s.is_nan && !c.masks_nan) return refuse(call, r, Refusal::kNaN);
    const bool has_target = s.target < n;
    // An empty row has no column that a target could name.
    if (asked(call, kTargets) && !has_target && n > 0) return refuse(call, r, Refusal::kTarget);
    const auto put = [&](int i, double value) {
      if (!asked(call, i)) return;
      if (kOperands[i].element == Element::kInt32) {
        operand_at<int32_t>(call, kOperands, i)[r] = static_cast<int32_t>(value);
      } else {
        operand_at<float>(call, kOperands, i)[r] = static_cast<float>(value);
      }
    };
    const Summary row = s.row.total();
    put(kMax, row.peak + 0.0);
    put(kSecondMax, row.second + 0.0);
    put(kMin, s.least + 0.0);
    if (asked(call, kArgMax)) put(kArgMax, index_of(row, x, n));
    const bool usual = has_peak(row);
    const double none = __builtin_nan("");
    put(kEntropy, usual ? entropy(row) : none);
    put(kCollision, usual ? (row.count + row.squares) / (mass(row) * mass(row)) : none);
    if (asked(call, kLogSumExp)) put(kLogSumExp, log_sum_exp(c.u, row, x, n, n));
    if (any_of(call, kMantissa, kExponent, kOffset)) {
      const Partial sum = partial_of(c.u, row);
      put(kMantissa, sum.m);
      put(kExponent, sum.e);
      put(kOffset, sum.shift + 0.0);
    }
    if (c.top) put_top(call, s.largest(), x, n, r);
    if (c.moments) put_moments(call, s.moments.total(), x, n, put);
    if (has_target) {
      put_target(c, s, row, x, n, put);
    } else {
      for (int i = kTargetLogit; i < kCount; ++i) put(i, i == kTargetRank ? -1 : none);
    }
  }

 private:
  // Masked elements are none of the largest: there are fewer then.
  static void put_top(const Call& call, Largest* largest, const float* x, size_t n, size_t r) {
    const size_t k = k_of(call), count = largest->finish(x, n, true);
    const uint64_t* keys = largest->keys();
    float* values = operand_at<float>(call, kOperands, kTopValues);
    int32_t* indices = operand_at<int32_t>(call, kOperands, kTopIndices);
    for (size_t i = 0; i < k; ++i) {
      const float v = i < count ? value_of(keys[i]) + 0.0f : -__builtin_inff();
      const bool is_one = v > -__builtin_inff();
      if (values != nullptr) values[r * k + i] = v;
      if (indices != nullptr) {
        indices[r * k + i] = is_one ? static_cast<int32_t>(softlane::index_of(keys[i])) : -1;
      }
    }
  }
  // Of the first peak; -1 where everything is masked.
  static double index_of(const Summary& row, const float* x, size_t n) {
    const size_t from = static_cast<size_t>(row.where);
    if (row.peak == -__builtin_inf()) return -1;
    const size_t k = from + find(x + from, n - from, static_cast<float>(row.peak));
    // Not found: a NaN, or another thread is writing to x.
    return k < n ? static_cast<double>(k) : -1;
  }
  template <class Put>
  static void put_moments(const Call& call, const Moments& m, const float* x, size_t n, Put put) {
    const double variance = has_moments(m) ? m.squares / m.count : __builtin_nan("");
    const double squared = m.squares + m.count * mean(m) * mean(m);
    put(kElements, m.count);
    put(kSum, m.count * mean(m) + 0.0);
    put(kSumOfSquares, m.count > 0 && !has_moments(m) ? __builtin_inf() : squared);
    put(kMean, m.count > 0 ? mean(m) + 0.0 : __builtin_nan(""));
    put(kVariance, variance);
    put(kStandardDeviation, __builtin_sqrt(variance));
    if (asked(call, kPNorm)) put(kPNorm, p_norm(m, x, n, static_cast<int>(call.params[kPower])));
  }
  template <class Put>
  static void put_target(const Context& c, const State& s, const Summary& row, const float* x,
                         size_t n, Put put) {
    const double target = unmasked(x[s.target]);
    put(kTargetLogit, target + 0.0);
    put(kTargetRank, s.before);
    if (!c.others) return;
    const Summary others = s.others.total();
    const bool usual = has_peak(row);
    const double surprise = usual ? surprise_of(c.u, others, target) : __builtin_nan("");
    put(kTargetLogProbability, 0 - surprise);
    put(kTargetProbability, usual ? probability_of(c.u, others, target) : surprise);
    put(kOthersLogSumExp, log_sum_exp(c.u, others, x, n, s.target));
  }
};

}  // namespace
}  // namespace softlane
