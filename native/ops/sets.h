// Operators about a set of columns: the sums over all others leave it out from the start, as those
// of target.h leave out a target. docs/losses.md.
#pragma once

#include <cstring>

#include "target.h"

namespace softlane {
namespace {

// The mean over the positive columns of -ln p, p being the softmax of the one beside the negative
// columns alone.
struct DecoupledCrossEntropy {
  static constexpr const char* kName = "decoupledCrossEntropy";
  static constexpr int kTemperature = 0;  // place in Call::params
  static constexpr Operand kOperands[] = {
      {"positives", Element::kFloat32, false, false, false, one_a_column}};

  static bool valid(const Call& call) { return valid_temperature(call.params[kTemperature]); }

  static float row(const Call& call, const float* x, size_t n) {
    const Units u(call.params[kTemperature]);
    const float* labels = operand_at<const float>(call, kOperands, 0);
    SummaryTree<kMass> tree;
    tree.start({u.temperature});
    float copy[kBlock];
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t m = block_length(n, i);
      without_positives(x + i, labels + i, m, copy);
      tree.push(summary_of_block<kMass>(u, copy, m), 0);
    }
    const Summary negatives = tree.total();
    double total = 0, count = 0;
    for (size_t i = 0; i < n; ++i) {
      if (!(labels[i] > 0)) continue;
      const double peak = negatives.peak >= x[i] ? negatives.peak : x[i];
      const bool usual = is_finite(peak) && negatives.peak == negatives.peak;
      total += usual ? surprise_of(u, negatives, x[i]) : __builtin_nan("");
      count += 1;
    }
    return static_cast<float>(total / count);
  }

 private:
  static void without_positives(const float* x, const float* labels, size_t n, float* copy) {
    const splat masked = set1(-__builtin_inff()), least = set1(__FLT_DENORM_MIN__);
    for (size_t i = 0; i < n; i += kLanes) {
      const size_t left = n - i;
      const f32x16 v = left >= kLanes ? load(x + i) : load_first(x + i, left, 0.0f);
      const f32x16 l = left >= kLanes ? load(labels + i) : load_first(labels + i, left, 0.0f);
      store(copy + i, select(l >= least, masked, v));
    }
  }
};

// The probability of any of some columns: of a few tokens that all say "yes".
struct SetProbability {
  static constexpr const char* kName = "setProbability";
  static constexpr int kTemperature = 0, kCount = 8;  // places in Call::params
  static constexpr int kMostTokens = 256;
  static size_t count_of(const Call& call) { return static_cast<size_t>(call.params[kCount]); }
  static constexpr Operand kOperands[] = {
      {"tokens", Element::kInt32, false, false, false, count_of}};

  static bool valid(const Call& call) {
    const double count = call.params[kCount];
    return valid_temperature(call.params[kTemperature]) && count >= 1 && count <= kMostTokens &&
           count == static_cast<int>(count);
  }
  static float row(const Call& call, const float* x, size_t n) {
    const Units u(call.params[kTemperature]);
    const size_t count = count_of(call);
    // Copied, as somebody else may write to the array.
    int32_t tokens[kMostTokens];
    std::memcpy(tokens, operand_at<const int32_t>(call, kOperands, 0), count * sizeof *tokens);
    for (size_t j = 0; j < count; ++j) {
      if (tokens[j] >= 0 && static_cast<size_t>(tokens[j]) < n) continue;
      if (n > 0) refuse(call, 0, Refusal::kTarget);
      return __builtin_nanf("");
    }
    const Summary others = beside(u, x, n, tokens, count);
    double top = -__builtin_inf(), nan = 0;
    for (size_t j = 0; j < count; ++j) {
      const double v = x[tokens[j]];
      if (v != v) nan = v;
      if (v > top) top = v;
    }
    const double peak = others.peak >= top ? others.peak : top;
    if (!is_finite(peak) || others.peak != others.peak || nan != 0) return __builtin_nanf("");
    if (top == -__builtin_inf()) return 0;
    double own = 0;
    for (size_t j = 0; j < count; ++j) {
      if (is_first(tokens, j)) own += exp_double((x[tokens[j]] - top) / u.temperature);
    }
    const double m = mass(others);
    if (m == 0) return 1;
    const double gap = (others.peak - top) / u.temperature;
    if (gap <= 0) return static_cast<float>(own / (own + exp_double(gap) * m));
    const double f = exp_double(-gap) * own;
    return static_cast<float>(f / (m + f));
  }

 private:
  // A column that is named twice counts once.
  static bool is_first(const int32_t* tokens, size_t j) {
    for (size_t i = 0; i < j; ++i) {
      if (tokens[i] == tokens[j]) return false;
    }
    return true;
  }
  static Summary beside(const Units& u, const float* x, size_t n, const int32_t* tokens,
                        size_t count) {
    SummaryTree<kMass> tree;
    tree.start({u.temperature});
    float copy[kBlock];
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t m = block_length(n, i);
      const float* block = x + i;
      for (size_t j = 0; j < count; ++j) {
        const size_t at = static_cast<size_t>(tokens[j]);
        if (at >= i && at < i + m) block = without(block, m, at - i, copy);
      }
      tree.push(summary_of_block<kMass>(u, block, m), 0);
    }
    return tree.total();
  }
};

}  // namespace
}  // namespace softlane
