// One of the two distributions that verifying drafted tokens compares (speculate.h), as the
// sampler's filter leaves it.
#pragma once

#include "filter.h"

namespace softlane {
namespace {

// The probabilities of a row of logits, vector by vector: right to a few 2^-24.
class RowTerms {
 public:
  RowTerms(const float* x, double temperature, float top, double log_total)
      : x_(x), u_(temperature), r_(u_, top), terms_(u_, r_.e) {
    // What the terms are short of e^((x - top) / T), and its sum.
    const double log_scale = log_double(kOverGain, 0) + (r_.e - kBias) * kLn2 +
                             (r_.shift - top) / temperature - log_total;
    scale_ = set1(static_cast<float>(exp_double(log_scale)));
  }
  // f(block, probabilities): the logits of a block, and the function from a vector of them.
  template <class F>
  double block(size_t begin, size_t n, F f) const {
    const Block b(u_, r_.shift, x_ + begin, n);
    const splat zero = set1(0.0f);
    return f(b.data(), [&](f32x16 v) SOFTLANE_VECTOR {
      return select(terms_.low >= v, zero, terms_(v) * scale_);
    });
  }

 private:
  const float* x_;
  Units u_;
  Reference r_;
  Terms terms_;
  splat scale_;
};

// One of the two distributions at a place, as the filter leaves it.
class Side {
 public:
  FilterWork work;

  // Finds what is left of a row of n logits, or that of n probabilities.
  bool read(const Settings& s, const float* x, size_t n, bool probabilities, Refusal* why) {
    x_ = x, n_ = n;
    is_given_ = probabilities;
    if (probabilities) return read_probabilities(why);
    AdjustedTokens none(nullptr, nullptr, nullptr);
    SampleRow row = work.row(x, n, none, nullptr, false);
    Filter filter(s, row, &work);
    if (!filter.run(true, why)) return false;
    is_whole_ = filter.whole();
    temperature_ = filter.temperature();
    top_ = is_whole_ ? filter.survey().top : work.kept.top;
    log_total_ = is_whole_ ? filter.survey().log_total : work.kept.log_total();
    return true;
  }

  double probability(size_t token) const {
    const size_t place = place_of(token);
    return place < count() ? probability_at(place) : 0;
  }
  double log_probability(size_t token) const {
    if (is_given_) return x_[token] > 0 ? log_double(x_[token] / sum_, 0) : -__builtin_inf();
    return depth(x_[token]) - log_total_;
  }

  // Whether no step has cut the row.
  bool is_row() const { return is_whole_ && !is_given_; }
  RowTerms terms() const {
    return RowTerms(x_, temperature_, static_cast<float>(top_), log_total_);
  }

  // The tokens that are left stand at places, in their own order.
  bool is_list() const { return !is_given_ && !is_whole_; }
  size_t count() const { return is_list() ? work.kept.n : n_; }
  size_t token_at(size_t place) const {
    return is_list() ? static_cast<size_t>(work.kept.token[place]) : place;
  }
  double probability_at(size_t place) const {
    return is_given_ ? x_[place] / sum_ : of_logit(is_list() ? work.kept.x[place] : x_[place]);
  }
  // count() where the token is not left.
  size_t place_of(size_t token) const { return is_list() ? work.kept.place_of(token) : token; }

 private:
  const float* x_ = nullptr;
  size_t n_ = 0;
  bool is_given_ = false, is_whole_ = false;
  double sum_ = 1, top_ = 0, temperature_ = 1, log_total_ = 0;

  double depth(float x) const { return (static_cast<double>(x) - top_) / temperature_; }
  double of_logit(float x) const { return exp_double(depth(x) - log_total_); }

  bool read_probabilities(Refusal* why) {
    constexpr double kTolerance = 1e-3;
    *why = Refusal::kDistribution;
    double lane[kLanes] = {};
    bool usable = true;
    for (size_t i = 0; i < n_; ++i) {
      usable &= x_[i] >= 0;
      lane[i % kLanes] += x_[i];
    }
    sum_ = tree_sum(lane);
    return usable && sum_ >= 1 - kTolerance && sum_ <= 1 + kTolerance;
  }
};

}  // namespace
}  // namespace softlane
