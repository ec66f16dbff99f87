// softmax, log-softmax and logsumexp.
//
// The Two-Pass Softmax Algorithm (Dukhan and Ablavatski, 2020), Online normalizer calculation for
// softmax (Milakov and Gimelshein, 2018) and both three-pass forms; docs/two-pass-softmax.md.
#pragma once

#include "../rows/drivers.h"
#include "log_sum.h"

namespace softlane {
namespace {

constexpr int kTemperature = 0, kMaskedRow = 1;  // places in Call::params

// What the reduction of a row comes to, and what its map needs.
struct ExpResult {
  Partial total = {};
  double log_sum = 0;     // ln sum e^((x - total.shift)/T)
  int64_t dominant = -1;  // the element with more than half of the mass, where that matters
  float dominant_value = 0;
};

// What the three share: one sum of exponentials a row.
struct ExpFamily {
  using Context = Units;
  using State = softlane::State;
  using Result = ExpResult;
  static bool valid(const Call& call) {
    const double t = call.params[kTemperature], masked = call.params[kMaskedRow];
    return valid_temperature(t) && (masked == 0 || masked == 1);
  }
  static Units context(const Call& call) { return Units(call.params[kTemperature]); }
  static bool needs_row_max(const Call& call) { return softlane::needs_row_max(call.algorithm); }
  static void start(const Call& call, State* state) { clear(state, call.params[kTemperature]); }
  static void append(State* state, const State& next) { softlane::append(state, next); }
  static Partial close(const State& state) { return total(state); }
  static void reduce(const Call& call, const Units& u, float row_max, const float* x, size_t n,
                     State* state) {
    push_range(u, call.algorithm, row_max, x, n, state);
  }
};

// Up to this length one exponential an element beats fewer passes (docs/benchmarks.md).
constexpr size_t kReloadUpTo = size_t{1} << 20;

// p / m as p * hi + p * lo with one rounding: the reciprocal's own rounding would cost 1 ULP.
struct Reciprocal {
  f32x16 hi, lo;
  explicit Reciprocal(double m) {
    const double r = 1 / m;
    hi = set1(static_cast<float>(r));
    lo = set1(static_cast<float>(r - static_cast<float>(r)));
  }
  f32x16 operator()(f32x16 p) const { return fma(p, hi, p * lo); }
};

// Second pass of two-pass and online, third of recompute.
inline void normalise(const Call& call, const Units& u, const Partial& total, const float* x,
                      float* y, size_t n) {
  const ExtExp k(u.k, -static_cast<int>(total.e));
  const Reciprocal divide(total.m);
  const f32x16 low = set1(u.at_exponent(total.e - 250));  // far below what is flushed to zero
  for (size_t i = 0; i < n; i += kBlock) {
    const size_t length = n - i < kBlock ? n - i : kBlock;
    const Block block(u, total.shift, x + i, length);
    map(block.data(), y + i, length, call.stream, [&](f32x16 v) {
      const f32x16 c = max(low, v);
      const f32x16 z = k.round(c);
      return scale_or_zero(divide(k.mantissa(c, z)), z);
    });
  }
}

// A row without a distribution: a NaN, a +inf, or everything masked.
inline bool fill_degenerate(const Call& call, const Partial& total, float* y, size_t n) {
  if (total.m > 0 && is_finite(total.m)) return false;
  const bool zeros = total.m == 0 && call.params[kMaskedRow] != 0;
  fill(y, n, zeros ? 0.0f : __builtin_nanf(""));
  return true;
}

// Second and third pass of reload: the terms are kept, then scaled. In y; or in the thread's
// scratch, which stays in L2, where y is to be streamed.
inline void reload(const Call& call, const Units& u, float mu, const float* x, float* y, size_t n) {
  const bool apart = call.stream && call.scratch != nullptr && n <= kScratch;
  float* terms_at = apart ? call.scratch : y;
  const Reference r(u, mu);
  State state;
  clear(&state, u.temperature);
  for (size_t i = 0; i < n; i += kBlock) {
    const size_t length = n - i < kBlock ? n - i : kBlock;
    const auto keep = [=](size_t j, f32x16 w, size_t count) {
      if (count == kLanes) {
        store(terms_at + i + j, w);
      } else {
        store_first(terms_at + i + j, w, count);
      }
    };
    push(&state, leaf_below(u, mu, x + i, length, keep), 0);
  }
  const Partial sum = total(state);
  if (fill_degenerate(call, sum, y, n)) return;
  const Reciprocal divide(sum.m);
  const f32x16 power = set1(kMagic + static_cast<float>(r.e - kBias - sum.e));
  map(terms_at, y, n, apart, [&](f32x16 w) { return scale_or_zero(divide(w), power); });
}

struct Softmax : ExpFamily {
  static constexpr const char* kName = "softmax";

  static Algorithm automatic(size_t cols) {
    return cols <= kReloadUpTo ? Algorithm::kThreePassReload : Algorithm::kTwoPass;
  }
  static void row(const Call& call, const Units& u, const float* x, float* y, size_t n) {
    if (call.algorithm == Algorithm::kThreePassReload) {
      const float mu = max_element(x, n);
      if (is_finite(mu)) {
        reload(call, u, mu, x, y, n);
        return;
      }
    }
    ExpResult result;
    finish(call, u, row_sum(u, call.algorithm, x, n), x, n, &result);
    map_range(call, u, result, x, y, 0, n);
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

struct LogSoftmax : ExpFamily {
  static constexpr const char* kName = "logSoftmax";

  static Algorithm automatic(size_t cols) { return automatic_sum(cols); }
  static void row(const Call& call, const Units& u, const float* x, float* y, size_t n) {
    ExpResult result;
    finish(call, u, row_sum(u, call.algorithm, x, n), x, n, &result);
    map_range(call, u, result, x, y, 0, n);
  }
  // An element with more than half of the mass has a result near zero, x/T - logsumexp would
  // cancel.
  static void finish(const Call&, const Units& u, const Partial& total, const float* x, size_t n,
                     ExpResult* result) {
    result->total = total;
    result->log_sum = log_unshifted(total);
    if (!is_finite(result->log_sum)) return;
    const double half = result->log_sum - kLn2;
    if (!((total.peak - total.shift) / u.temperature > half)) return;
    const float mu = max_element(x, n);
    if (!((mu - total.shift) / u.temperature > half)) return;
    const size_t k = find(x, n, mu);
    if (k == n) return;  // another thread is writing to x
    const double others = others_in_float(u, x, n, k);
    result->dominant = static_cast<int64_t>(k);
    result->dominant_value = static_cast<float>(0.0 - others);
    result->log_sum = (mu - total.shift) / u.temperature + others;
  }
  static void map_range(const Call& call, const Units& u, const ExpResult& r, const float* x,
                        float* y, size_t begin, size_t end) {
    if (fill_degenerate(call, r.total, y + begin, end - begin)) return;
    if (r.total.shift != 0) {
      huge(u, r, x + begin, y + begin, end - begin);
    } else {
      usual(call, u, r.log_sum, x + begin, y + begin, end - begin);
    }
    const size_t k = static_cast<size_t>(r.dominant);
    if (r.dominant >= 0 && k >= begin && k < end) y[k] = r.dominant_value;
  }

 private:
  // x/T - log_sum, both in two floats.
  static void usual(const Call& call, const Units& u, double log_sum, const float* x, float* y,
                    size_t n) {
    const double beta = 1 / u.folded;
    const float l = static_cast<float>(log_sum), b = static_cast<float>(beta);
    const f32x16 l_hi = set1(-l), l_lo = set1(static_cast<float>(l - log_sum));
    const f32x16 b_hi = set1(b), b_lo = set1(static_cast<float>(beta - b));
    const f32x16 lowest = set1(-0x1.fffffep127f);
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t length = n - i < kBlock ? n - i : kBlock;
      const Block block(u, 0, x + i, length);
      if (u.folded == 1) {
        map(block.data(), y + i, length, call.stream, [&](f32x16 v) { return (v + l_hi) + l_lo; });
      } else {
        // lowest: a masked element times a b_lo of either sign must stay -inf.
        map(block.data(), y + i, length, call.stream,
            [&](f32x16 v) { return fma(v, b_hi, l_hi) + fma(max(lowest, v), b_lo, l_lo); });
      }
    }
  }

  // Logits so large that the difference of two can exceed a float before it is divided by T.
  static void huge(const Units& u, const ExpResult& r, const float* x, float* y, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      y[i] = static_cast<float>((x[i] - r.total.shift) / u.temperature - r.log_sum);
    }
  }
};

struct LogSumExp : ExpFamily {
  static constexpr const char* kName = "logSumExp";

  static Algorithm automatic(size_t cols) { return automatic_sum(cols); }
  static void row(const Call& call, const Units& u, const float* x, float* y, size_t n) {
    ExpResult result;
    finish(call, u, row_sum(u, call.algorithm, x, n), x, n, &result);
    *y = value(result);
  }
  static float value(const ExpResult& r) { return static_cast<float>(r.log_sum); }
  static void finish(const Call&, const Units& u, const Partial& total, const float* x, size_t n,
                     ExpResult* result) {
    result->total = total;
    result->log_sum = total.shift / u.temperature + log_unshifted(total);
    if (result->log_sum > -0.5 && result->log_sum < 0.5) {
      const float mu = max_element(x, n);
      const size_t k = find(x, n, mu);
      if (k == n) return;  // another thread is writing to x
      result->log_sum = mu / u.temperature + others_in_double(u, x, n, k);
    }
  }
};

}  // namespace
}  // namespace softlane
