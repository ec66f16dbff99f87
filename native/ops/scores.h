// Scores of a row of logits: one number that says how sure a model is. docs/scores.md.
#pragma once

#include "../rows/drivers.h"
#include "log_sum.h"
#include "moments.h"
#include "summary.h"

namespace softlane {
namespace {

// What every score of a distribution shares: the statistics W of a row, in one read. An operator
// adds kName and score(call, u, summary, x, n), for a row that has a distribution.
template <class Op, unsigned W>
struct Score : NoShortcuts {
  static constexpr int kTemperature = 0;  // place in Call::params
  static constexpr bool kInPieces = true;

  using Context = Units;
  using State = SummaryTree<W>;
  struct Result {
    double value;
  };
  static bool valid(const Call& call) { return valid_temperature(call.params[kTemperature]); }
  static Units context(const Call& call) { return Units(call.params[kTemperature]); }
  static bool needs_row_max(const Call&) { return false; }
  static Algorithm automatic(size_t) { return Algorithm::kOnline; }

  static void reduce_row(const Call& call, const Units& u, const float* x, float*, size_t n,
                         Result* result) {
    finish(call, u, summary_of_row<W>(u, x, n), x, n, result);
  }
  static void start(const Call& call, State* state) { state->start({call.params[kTemperature]}); }
  static void append(State* state, const State& next) { state->append(next); }
  static Summary close(const State& state) { return state.total(); }
  static void reduce(const Call&, const Units& u, float, const float* x, size_t n, State* state) {
    push_range<W>(u, x, n, state);
  }
  static void finish(const Call& call, const Units& u, const Summary& s, const float* x, size_t n,
                     Result* result) {
    result->value = has_peak(s) ? Op::score(call, u, s, x, n) : Op::without(s);
  }
  static float value(const Result& r) { return static_cast<float>(r.value); }

  // No distribution: NaN or +inf somewhere, or nothing that is not masked.
  static double without(const Summary&) { return __builtin_nan(""); }
};

struct Entropy : Score<Entropy, kMass | kSpread> {
  static constexpr const char* kName = "entropy";
  static double score(const Call&, const Units&, const Summary& s, const float*, size_t) {
    return entropy(s);
  }
};

struct MaxProbability : Score<MaxProbability, kMass> {
  static constexpr const char* kName = "maxProbability";
  static double score(const Call&, const Units&, const Summary& s, const float*, size_t) {
    return 1 / mass(s);
  }
};

struct LeastConfidence : Score<LeastConfidence, kMass> {
  static constexpr const char* kName = "leastConfidence";
  static double score(const Call&, const Units&, const Summary& s, const float*, size_t) {
    return (s.count - 1 + s.rest) / mass(s);
  }
};

// (1 - e^((x2 - x1)/T)) / S.
struct Margin : Score<Margin, kMass | kSecond> {
  static constexpr const char* kName = "margin";
  static double score(const Call&, const Units& u, const Summary& s, const float*, size_t) {
    return (0 - expm1_double((s.second - s.peak) / u.temperature)) / mass(s);
  }
};

struct Energy : Score<Energy, kMass> {
  static constexpr const char* kName = "energy";
  // 0 - a, so that no zero has a sign.
  static double score(const Call&, const Units& u, const Summary& s, const float* x, size_t n) {
    const double t = u.temperature, plain = s.peak + t * log1p_double(s.count - 1 + s.rest);
    // Where the two cancel, float terms would leave too few digits. From t on, an ULP of the result
    // is no less than one of the logarithm, whatever t is.
    if (x == nullptr || !(plain > -t && plain < t)) return 0 - plain;
    const size_t k = find(x, n, static_cast<float>(s.peak));
    if (k == n) return 0 - plain;  // another thread is writing to x
    return 0 - t * log_sum_near_zero(u, x, n, k);
  }
  static double without(const Summary& s) { return 0 - s.peak; }
};

// The largest logit; a zero has no sign.
struct MaxLogit : Score<MaxLogit, kPeakOnly> {
  static constexpr const char* kName = "maxLogit";
  static bool valid(const Call&) { return true; }
  static Units context(const Call&) { return Units(1); }
  static void start(const Call&, State* state) { state->start({1}); }
  static double score(const Call&, const Units&, const Summary& s, const float*, size_t) {
    return s.peak + 0.0;
  }
  static double without(const Summary& s) { return s.peak; }
};

// The largest logit over the p-norm of the row, both of the row less its mean if it is to be
// centred.
struct MaxLogitPNorm : NoShortcuts {
  static constexpr const char* kName = "maxLogitPNorm";
  static constexpr int kPower = 2, kCentre = 3;  // places in Call::params
  struct Context {
    int p;
    bool centred;
  };
  using State = MomentsTree;
  struct Result {
    double value;
  };
  static bool valid(const Call& call) {
    const double p = call.params[kPower], centre = call.params[kCentre];
    return valid_power(p) && (centre == 0 || centre == 1);
  }
  static Context context(const Call& call) {
    return {static_cast<int>(call.params[kPower]), call.params[kCentre] == 0};
  }
  static bool needs_row_max(const Call&) { return false; }
  static Algorithm automatic(size_t) { return Algorithm::kOnline; }

  static void reduce_row(const Call& call, const Context& c, const float* x, float*, size_t n,
                         Result* result) {
    finish(call, c, moments_of_row(x, n), x, n, result);
  }
  static void start(const Call&, State* state) { state->start({}); }
  static void append(State* state, const State& next) { state->append(next); }
  static Moments close(const State& state) { return state.total(); }
  static void reduce(const Call&, const Context&, float, const float* x, size_t n, State* state) {
    push_moments(x, n, state);
  }
  static void finish(const Call&, const Context& c, const Moments& row, const float* x, size_t n,
                     Result* result) {
    result->value = __builtin_nan("");
    if (!has_moments(row)) return;
    Moments middle = row;
    if (!c.centred) middle.base = 0, middle.offset = 0;
    const double above = (row.most - middle.base) - middle.offset;
    result->value = 0;
    if (above == 0) return;  // equal logits prefer nothing
    const PowerSum sum = sum_of_powers(x, n, middle, c.p);
    result->value = above * pow2_double(-sum.exponent) * exp_double(-sum.log_root);
  }
  static float value(const Result& r) { return static_cast<float>(r.value); }
};

}  // namespace
}  // namespace softlane
