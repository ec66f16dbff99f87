// Operators between logits and a token that are not cuts: noise, guidance by a second row, and how
// often drafts can be accepted. docs/decoding.md.
#pragma once

#include "../rows/drivers.h"
#include "../rows/philox.h"
#include "filter.h"

namespace softlane {
namespace {

inline bool is_whole(double v, double least, double most) {
  return v >= least && v <= most && v == static_cast<double>(static_cast<int64_t>(v));
}

// softmax((x + g) / T), g = -ln(-ln u), u of the row's key and the column. All of it in double, so
// that a low temperature does not show the rounding of the noise.
struct GumbelSoftmax {
  static constexpr const char* kName = "gumbelSoftmax";
  static constexpr int kTemperature = 0, kHard = 2, kSeed = 3, kStep = 5;  // places in Call::params
  static constexpr Operand kOperands[] = {
      {"keys", Element::kInt32, false, false, false, one_a_row}};

  static bool valid(const Call& call) {
    const double t = call.params[kTemperature], hard = call.params[kHard];
    return t >= 0x1p-20 && t <= 0x1p100 && (hard == 0 || hard == 1) && call.cols <= INT32_MAX &&
           is_whole(call.params[kSeed], 0, 0x1p53) && is_whole(call.params[kStep], 0, 0x1p53);
  }
  static size_t workspace_bytes(const Call& call) { return call.cols * sizeof(double); }

  static void row(const Call& call, const float* x, float* y, size_t n) {
    double* z = static_cast<double*>(call.workspace);
    const double temperature = call.params[kTemperature];
    const Randomness random(call.params[kSeed], call.params[kStep],
                            static_cast<uint32_t>(*operand_at<const int32_t>(call, kOperands, 0)));
    double top = -__builtin_inf();
    size_t best = 0;
    bool nan = false;
    for (size_t i = 0; i < n; ++i) {
      z[i] = x[i] + random.gumbel(static_cast<int32_t>(i));
      nan |= z[i] != z[i];
      if (z[i] > top) top = z[i], best = i;
    }
    if (nan || !is_finite(top)) return fill(y, n, __builtin_nanf(""));
    if (call.params[kHard] != 0) {
      fill(y, n, 0.0f);
      y[best] = 1;
      return;
    }
    double lane[kLanes] = {};
    for (size_t i = 0; i < n; ++i) {
      z[i] = exp_double((z[i] - top) / temperature);
      lane[i % kLanes] += z[i];
    }
    const double total = tree_sum(lane);
    for (size_t i = 0; i < n; ++i) {
      const double p = z[i] / total;
      y[i] = p >= 0x1p-126 ? static_cast<float>(p) : 0.0f;
    }
  }
};

// own x - against other, with what is less likely than alpha of the most likely at -inf. The two
// weights are floats: both products are exact in double, and the difference is rounded once there.
struct GuidedLogits {
  static constexpr const char* kName = "guidedLogits";
  static constexpr int kOwn = 2, kAgainst = 3, kAlpha = 5;  // places in Call::params
  static constexpr Operand kOperands[] = {
      {"other", Element::kFloat32, false, false, false, one_a_column}};

  static bool valid(const Call& call) {
    const auto weight = [&](int place) {
      return call.params[place] >= -0x1p20 && call.params[place] <= 0x1p20;
    };
    return weight(kOwn) && weight(kAgainst) && call.params[kAlpha] >= 0 && call.params[kAlpha] <= 1;
  }

  static void row(const Call& call, const float* x, float* y, size_t n) {
    const float* other = operand_at<const float>(call, kOperands, 0);
    const double own = static_cast<float>(call.params[kOwn]);
    const double against = static_cast<float>(call.params[kAgainst]);
    const double alpha = call.params[kAlpha];
    const float top = max_element(x, n);
    const float other_top = max_element(other, n);
    if (any_nan(x, n) || any_nan(other, n) || top == __builtin_inff() ||
        other_top == __builtin_inff()) {
      return fill(y, n, __builtin_nanf(""));
    }
    const double least = alpha > 0 ? log_positive(alpha) : -__builtin_inf();
    for (size_t i = 0; i < n; ++i) {
      const double v = own * x[i] - against * other[i];
      const float bounded = v > kMostLogit    ? kMostLogit
                            : v < -kMostLogit ? -kMostLogit
                                              : static_cast<float>(v);
      const bool kept = x[i] >= -kMostLogit && other[i] >= -kMostLogit &&
                        static_cast<double>(x[i]) - top >= least;
      y[i] = kept ? bounded : -__builtin_inff();
    }
  }
};

// The largest probability with which one of K drafts, each drawn from q = softmax(other / T), can
// be what is accepted, for any rule that gives tokens of p = softmax(x / T): the least p(S) + 1 -
// q(S)^K over sets S of columns. The least is that of a set of the smallest p / q, so a sort and
// two scans find it.
struct AcceptanceLimit {
  static constexpr const char* kName = "acceptanceLimit";
  static constexpr int kTemperature = 0, kDrafts = 2;  // places in Call::params
  static constexpr Operand kOperands[] = {
      {"other", Element::kFloat32, false, false, false, one_a_column}};

  static bool valid(const Call& call) {
    return valid_temperature(call.params[kTemperature]) && call.cols <= INT32_MAX &&
           is_whole(call.params[kDrafts], 1, 64);
  }

  struct Work {
    double *p, *q, *below;
    uint64_t *keys, *spare;
    size_t bytes;

    Work(const Call& call, void* memory) {
      MemoryParts all{static_cast<char*>(memory)};
      p = all.take<double>(call.cols);
      q = all.take<double>(call.cols);
      below = all.take<double>(call.cols + 1);
      keys = all.take<uint64_t>(call.cols);
      spare = all.take<uint64_t>(call.cols);
      bytes = all.used;
    }
  };
  static size_t workspace_bytes(const Call& call) { return Work(call, nullptr).bytes; }

  static float row(const Call& call, const float* x, size_t n) {
    Work work(call, call.workspace);
    const float* y = operand_at<const float>(call, kOperands, 0);
    const double temperature = call.params[kTemperature];
    double p_total, q_total;
    if (!weigh(x, n, temperature, work.p, &p_total)) return __builtin_nanf("");
    if (!weigh(y, n, temperature, work.q, &q_total)) return __builtin_nanf("");
    // ln(p / q) is near 0 where it decides, and a float there has all the digits that matter. Each
    // row less its own largest first: beside an offset of 1e17 the other row would be nothing.
    const double x_top = max_element(x, n), y_top = max_element(y, n);
    const double shift = log_double(p_total, 0) - log_double(q_total, 0);
    for (size_t i = 0; i < n; ++i) {
      work.p[i] /= p_total;
      work.q[i] /= q_total;
      const double ratio = ((x[i] - x_top) - (y[i] - y_top)) / temperature - shift;
      work.keys[i] = key_of(ratio < -kMostLogit  ? -kMostLogit
                            : ratio > kMostLogit ? kMostLogit
                                                 : static_cast<float>(ratio),
                            i);
    }
    sort_descending(work.keys, n, work.spare);
    // The last is the smallest ratio, the first to be in S: below[i] is p of those from i on.
    work.below[n] = 0;
    for (size_t i = n; i-- > 0;) {
      work.below[i] = work.below[i + 1] + work.p[index_of(work.keys[i])];
    }
    const int drafts = static_cast<int>(call.params[kDrafts]);
    double above = 0, least = 1;
    for (size_t i = 0; i <= n; ++i) {
      // 1 - q(S)^K = (1 - q(S)) (1 + q(S) + ... + q(S)^(K - 1)): no difference of near numbers.
      double powers = 1;
      for (int k = 1; k < drafts; ++k) powers = powers * (1 - above) + 1;
      const double value = work.below[i] + above * powers;
      if (value < least) least = value;
      if (i < n) above += work.q[index_of(work.keys[i])];
      if (above > 1) above = 1;
    }
    return static_cast<float>(least);
  }

 private:
  // e^((x - top) / T) and their sum; false where there is no distribution.
  static bool weigh(const float* x, size_t n, double temperature, double* w, double* total) {
    const float top = max_element(x, n);
    if (any_nan(x, n) || !is_finite(top)) return false;
    double lane[kLanes] = {};
    for (size_t i = 0; i < n; ++i) {
      w[i] = exp_double((static_cast<double>(x[i]) - top) / temperature);
      lane[i % kLanes] += w[i];
    }
    *total = tree_sum(lane);
    return true;
  }
};

}  // namespace
}  // namespace softlane
