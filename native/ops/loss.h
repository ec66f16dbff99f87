// Losses of a row of logits against a target, docs/losses.md. Each is a function of the surprise
// -ln p of the target, which comes from the sum over the others (target.h): no loss collapses to 0
// where float32 would round 1 + u to 1.
#pragma once

#include "moments.h"
#include "target.h"

namespace softlane {
namespace {

// What the losses with a target share: statistics W of the other columns. An operator adds kName,
// valid_options(call), needs_mean(call), margin(call), which the target's logit is lowered by, and
// loss(call, row): the loss of a row with a distribution.
template <class Op, unsigned W = kMass>
struct TargetLoss {
  static constexpr int kTemperature = 0;  // place in Call::params
  static constexpr Operand kOperands[] = {
      {"targets", Element::kInt32, false, false, false, one_a_row}};

  using Context = Units;
  struct State {
    SummaryTree<W> others;
    MomentsTree moments;  // of the others
    size_t target;
  };
  struct Row {
    const Units& u;
    Summary others;
    Moments moments;
    double target;

    double surprise() const { return surprise_of(u, others, target); }
    // The mean surprise over all elements that are not masked: that of (peak - x)/T, of which none
    // is negative, and ln S.
    double mean_surprise() const {
      const Summary own = {target, -__builtin_inf(), 1};
      const Summary all = merge<kMass>(others, own, u.temperature);
      double apart = 0, count = moments.count;
      if (count > 0) apart = count * ((all.peak - moments.base) - moments.offset);
      if (target != -__builtin_inf()) apart += all.peak - target, count += 1;
      return apart / count / u.temperature + log1p_double(all.count - 1 + all.rest);
    }
  };

  static bool valid(const Call& call) {
    return valid_temperature(call.params[kTemperature]) && Op::valid_options(call);
  }
  static Units context(const Call& call) { return Units(call.params[kTemperature]); }
  static Algorithm automatic(size_t) { return Algorithm::kOnline; }

  static void start(const Call& call, const Units& u, State* s) {
    s->others.start({u.temperature});
    s->moments.start({});
    s->target = target_of(call, kOperands, 0);
  }
  static void reduce(const Call& call, const Units& u, const float* x, size_t begin, size_t end,
                     State* s) {
    float copy[kBlock];
    for (size_t i = begin; i < end; i += kBlock) {
      const size_t n = block_length(end, i);
      const bool here = s->target >= i && s->target < i + n;
      const float* others = here ? without(x + i, n, s->target - i, copy) : x + i;
      if (Op::needs_mean(call)) s->moments.push(moments_of_block(others, n), 0);
      s->others.push(summary_of_block<W>(u, others, n), 0);
    }
  }
  static void append(State* s, const State& next) {
    s->others.append(next.others);
    s->moments.append(next.moments);
  }
  static float finish(const Call& call, const Units& u, const State& s, const float* x, size_t n) {
    // An empty row has no column that a target could name.
    if (s.target >= n && n > 0) refuse(call, 0, Refusal::kTarget);
    if (s.target >= n) return __builtin_nanf("");
    const Row row = {u, s.others.total(), s.moments.total(), x[s.target] - Op::margin(call)};
    const double peak = row.others.peak >= row.target ? row.others.peak : row.target;
    const bool usual = is_finite(peak) && row.others.peak == row.others.peak;
    return usual ? static_cast<float>(Op::loss(call, row)) : __builtin_nanf("");
  }

  static bool valid_options(const Call&) { return true; }
  static bool needs_mean(const Call&) { return false; }
  static double margin(const Call&) { return 0; }
};

// (1 - a) (-ln p_y) + a times the mean of -ln p: two terms that are not negative.
struct CrossEntropy : TargetLoss<CrossEntropy> {
  static constexpr const char* kName = "crossEntropy";
  static constexpr int kSmoothing = 5, kMargin = 9;
  static bool valid_options(const Call& call) {
    const double a = call.params[kSmoothing], m = margin(call);
    return a >= 0 && a <= 1 && m >= -0x1p10 && m <= 0x1p10;
  }
  static double margin(const Call& call) { return call.params[kMargin]; }
  static bool needs_mean(const Call& call) { return call.params[kSmoothing] > 0; }
  static double loss(const Call& call, const Row& row) {
    const double a = call.params[kSmoothing];
    if (a == 0) return row.surprise();
    const double smooth = a * row.mean_surprise();
    return a == 1 ? smooth : (1 - a) * row.surprise() + smooth;
  }
};

// (1 - p)^gamma (-ln p), with 1 - p = 1 - e^-s for a surprise s.
struct FocalLoss : TargetLoss<FocalLoss> {
  static constexpr const char* kName = "focalLoss";
  static constexpr int kGamma = 6;
  static bool valid_options(const Call& call) {
    const double gamma = call.params[kGamma];
    return gamma >= 0 && gamma <= 16;
  }
  static double loss(const Call& call, const Row& row) {
    const double s = row.surprise(), gamma = call.params[kGamma];
    if (s == 0 || gamma == 0) return s;
    const double doubt = 0 - expm1_double(-s);
    return exp_double(gamma * log_double(doubt, 0)) * s;
  }
};

// ((1 + u)^(1 - tau) - 1)/(1 - tau), u = 1/p - 1; ln(1 + u) for tau = 1.
struct CompSumLoss : TargetLoss<CompSumLoss> {
  static constexpr const char* kName = "compSumLoss";
  static constexpr int kTau = 7;
  static bool valid_options(const Call& call) {
    const double tau = call.params[kTau];
    return tau >= 0 && tau <= 2;
  }
  static double loss(const Call& call, const Row& row) {
    const double s = row.surprise(), power = 1 - call.params[kTau];
    if (power == 0 || s == 0) return s;
    if (power < 0) return expm1_double(power * s) / power;
    // e^a - 1 = -e^a (e^-a - 1), beyond the largest float in the end.
    const double a = power * s;
    if (a > 700) return __builtin_inf();
    return -expm1_double(-a) / exp_double(-a) / power;
  }
};

// The length of p less the target's unit vector: (1 - p)^2 and the squares of the others, over
// their mass and the target's. Nothing is subtracted.
struct El2n : TargetLoss<El2n, kMass | kSquares> {
  static constexpr const char* kName = "el2n";
  static double loss(const Call&, const Row& row) {
    const Summary& o = row.others;
    const double m = mass(o);
    if (m == 0) return 0;
    const double gap = (o.peak - row.target) / row.u.temperature;
    const double length = __builtin_sqrt(m * m + o.count + o.squares);
    if (gap > 0) return length / (m + exp_double(-gap));
    const double f = exp_double(gap);
    return f * length / (1 + f * m);
  }
};

// c (logsumexp)^2.
struct ZLoss {
  static constexpr const char* kName = "zLoss";
  static constexpr int kTemperature = 0, kCoefficient = 8;
  // The square doubles the share of an error in the logarithm.
  static constexpr double kNear = 1.5;
  using Context = Units;
  using State = SummaryTree<kMass>;
  static bool valid(const Call& call) {
    const double c = call.params[kCoefficient];
    return valid_temperature(call.params[kTemperature]) && c > 0 && c <= 0x1p100;
  }
  static Units context(const Call& call) { return Units(call.params[kTemperature]); }
  static Algorithm automatic(size_t) { return Algorithm::kOnline; }
  static void start(const Call&, const Units& u, State* s) { s->start({u.temperature}); }
  static void reduce(const Call&, const Units& u, const float* x, size_t begin, size_t end,
                     State* s) {
    push_range<kMass>(u, x + begin, end - begin, s);
  }
  static void append(State* s, const State& next) { s->append(next); }
  static float finish(const Call& call, const Units& u, const State& s, const float* x, size_t n) {
    const double l = log_sum_exp(u, s.total(), x, n, n, kNear);
    return static_cast<float>(call.params[kCoefficient] * l * l);
  }
};

// ln(1 + e^(a (b - z)))/a, z being the target's logit less the mean, in standard deviations. All of
// it in double: the exponential multiplies an error in z by a z.
struct ZScoreLoss {
  static constexpr const char* kName = "zScoreLoss";
  static constexpr int kSharpness = 8, kThreshold = 9;
  static constexpr Operand kOperands[] = {
      {"targets", Element::kInt32, false, false, false, one_a_row}};

  static bool valid(const Call& call) {
    const double a = call.params[kSharpness], b = call.params[kThreshold];
    return a >= 0x1p-10 && a <= 0x1p10 && b >= -0x1p10 && b <= 0x1p10;
  }
  static float row(const Call& call, const float* x, size_t n) {
    const size_t target = target_of(call, kOperands, 0);
    if (target >= n && n > 0) refuse(call, 0, Refusal::kTarget);
    if (target >= n) return __builtin_nanf("");
    const double a = call.params[kSharpness], z = standard_score(x, n, x[target]);
    if (z != z) return __builtin_nanf("");
    const double v = a * (call.params[kThreshold] - z);
    const double soft = v > 0 ? v + log1p_double(exp_double(-v)) : log1p_double(exp_double(v));
    return static_cast<float>(soft / a);
  }

 private:
  // Sum of f over the elements that are not masked, a lane at a time.
  template <class F>
  static double sum_in_double(const float* x, size_t n, F f) {
    const float masked = -__builtin_inff();
    double lane[kLanes] = {};
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      for (size_t j = 0; j < kLanes; ++j) lane[j] += x[i + j] == masked ? 0 : f(x[i + j]);
    }
    for (size_t j = 0; i + j < n; ++j) lane[j] += x[i + j] == masked ? 0 : f(x[i + j]);
    return tree_sum(lane);
  }
  // 0 where all elements are equal: none is out of the ordinary.
  static double standard_score(const float* x, size_t n, double target) {
    const double count = sum_in_double(x, n, [](double) { return 1.0; });
    const double middle = sum_in_double(x, n, [](double v) { return v; }) / count;
    const double left = sum_in_double(x, n, [=](double v) { return v - middle; }) / count;
    const double square = sum_in_double(x, n, [=](double v) {
      const double d = (v - middle) - left;
      return d * d;
    });
    const double above = (target - middle) - left;
    return square == 0 && above - above == 0 ? 0 : above / __builtin_sqrt(square / count);
  }
};

}  // namespace
}  // namespace softlane
