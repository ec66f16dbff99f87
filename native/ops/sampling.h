// From a row of logits to tokens. docs/sampling.md has the definitions, and what is read how often.
#pragma once

#include "filter.h"

namespace softlane {
namespace {

struct SampleResult {
  int32_t* tokens;
  float *log_probabilities, *raw, *filtered;  // the last two may be null
  size_t draws;

  void put(size_t i, int32_t token, double log_probability) const {
    tokens[i] = token;
    log_probabilities[i] = static_cast<float>(log_probability) + 0.0f;  // -0 becomes 0
  }
};

class Sampling {
 public:
  // distinct: no token is drawn twice.
  Sampling(const Settings& s, SampleRow& row, FilterWork* work, bool distinct)
      : s_(s),
        filter_(s, row, work),
        row_(row),
        c_(work->kept),
        survey_(filter_.survey()),
        random_(filter_.random()),
        distinct_(distinct) {}

  // Fills the result; or says why there is none.
  bool run(const SampleResult& out, Refusal* why) {
    if (s_[kMethod] == kGreedy) return greedy(out, why);
    if (!filter_.run(s_[kMethod] == kMultinomial && !distinct_, why)) return false;
    if (filter_.whole()) {
      write_row(filter_.temperature(), out);
      return draw_from_row(Units(filter_.temperature()), out);
    }
    write_kept(out);
    return draw(out);
  }

 private:
  const Settings& s_;
  Filter filter_;
  SampleRow& row_;
  Kept& c_;
  const Survey& survey_;
  const Randomness& random_;
  const bool distinct_;

  bool greedy(const SampleResult& out, Refusal* why) {
    *why = Refusal::kMasked;
    row_.prepare();
    if (!filter_.survey(1, why)) return false;
    for (size_t i = 0; i < row_.n; i += kBlock) {
      if (survey_.blocks[i / kBlock].peak < survey_.top) continue;
      const size_t length = block_length(row_.n, i);
      const size_t k = find(row_.block(i), length, survey_.top);
      if (k == length) continue;  // another thread is writing to x
      out.put(0, static_cast<int32_t>(i + k), -survey_.log_total);
      write_row(1, out);
      return true;
    }
    return false;
  }

  // A logit over the temperature; one that is masked stays so, and no other becomes infinite.
  static float cooled(float x, double temperature) {
    const double v = static_cast<double>(x) / temperature;
    if (!(x >= -kMostLogit)) return -__builtin_inff();
    return v > kMostLogit ? kMostLogit : v < -kMostLogit ? -kMostLogit : static_cast<float>(v);
  }

  void write_row(double temperature, const SampleResult& out) const {
    if (out.filtered == nullptr) return;
    for (size_t i = 0; i < row_.n; i += kBlock) {
      const float* x = row_.block(i);
      const size_t length = block_length(row_.n, i);
      for (size_t j = 0; j < length; ++j) out.filtered[i + j] = cooled(x[j], temperature);
    }
  }

  void write_kept(const SampleResult& out) const {
    if (out.filtered == nullptr) return;
    for (size_t i = 0; i < row_.n; ++i) out.filtered[i] = -__builtin_inff();
    for (size_t i = 0; i < c_.n; ++i) {
      out.filtered[c_.token[i]] = cooled(c_.x[i], c_.temperature);
    }
  }

  // Nothing is cut: the block by the sums of all, and the token by the terms of the block.
  bool draw_from_row(const Units& u, const SampleResult& out) {
    for (size_t i = 0; i < out.draws; ++i) {
      double left = random_.draw(i);
      size_t chosen = row_.n;
      double share = 0;
      for (size_t b = 0; b * kBlock < row_.n; ++b) {
        const double here = survey_.share_of(survey_.blocks[b], u.temperature);
        if (here > 0) {
          if (chosen < row_.n) left -= share;
          chosen = b * kBlock;
          share = here;
          if (left < here) break;
        }
      }
      if (chosen == row_.n) return false;
      if (!draw_from_block(u, chosen, left / share, out, i)) return false;
    }
    return true;
  }

  bool draw_from_block(const Units& u, size_t begin, double share, const SampleResult& out,
                       size_t place) {
    const size_t length = block_length(row_.n, begin);
    const float* x = row_.block(begin);
    const Reference r(u, max_element(x, length));
    const Block block(u, r.shift, x, length);
    const Terms terms(u, r.e);
    double sum = 0;
    float w[kBlock];
    for (size_t j = 0; j < length; j += kLanes) {
      const size_t some = length - j < kLanes ? length - j : kLanes;
      store_first(w + j, terms(load_first(block.data() + j, some, -__builtin_inff())), some);
    }
    // What is masked has a tiny term, which is not to be drawn.
    for (size_t j = 0; j < length; ++j) sum += w[j] = x[j] >= -kMostLogit ? w[j] : 0;
    const double target = share * sum;
    double before = 0;
    size_t chosen = length;
    for (size_t j = 0; j < length; ++j) {
      if (w[j] == 0) continue;
      chosen = j;
      before += w[j];
      if (before > target) break;
    }
    if (chosen == length) return false;  // another thread is writing to x
    const double depth = (static_cast<double>(x[chosen]) - survey_.top) / u.temperature;
    out.put(place, static_cast<int32_t>(begin + chosen), depth - survey_.log_total);
    return true;
  }

  // The candidates are what may be drawn, and `total` is the sum of their weights.
  bool draw(const SampleResult& out) {
    const double log_total = c_.log_total();
    const auto put = [&](size_t i, size_t chosen) {
      out.put(i, c_.token[chosen], c_.shifted(chosen) - log_total);
    };
    if (s_[kMethod] != kGumbel && !distinct_) {
      for (size_t i = 0; i < out.draws; ++i) {
        const double target = random_.draw(i) * c_.total;
        double sum = 0;
        size_t chosen = 0;
        for (size_t j = 0; j < c_.n; ++j) {
          if (c_.w[j] == 0) continue;
          chosen = j;
          sum += c_.w[j];
          if (sum > target) break;
        }
        put(i, chosen);
      }
      return true;
    }
    // Gumbel: the largest of log p + noise, the first few of them without replacement. The noisy
    // values take the place of the weights.
    for (size_t j = 0; j < c_.n; ++j) c_.w[j] = c_.shifted(j) + random_.gumbel(c_.token[j]);
    for (size_t i = 0; i < out.draws; ++i) {
      size_t chosen = 0;
      for (size_t j = 1; j < c_.n; ++j) {
        if (c_.w[j] > c_.w[chosen]) chosen = j;
      }
      if (i < c_.n) {
        put(i, chosen);
        c_.w[chosen] = -__builtin_inf();
      } else {
        out.put(i, -1, -__builtin_inf());
      }
    }
    return true;
  }
};

}  // namespace
}  // namespace softlane
