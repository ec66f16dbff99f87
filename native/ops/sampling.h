// From a row of logits to tokens. docs/sampling.md has the definitions, and what is read how often.
#pragma once

#include "../rows/operator.h"
#include "../rows/philox.h"
#include "gather.h"

namespace softlane {
namespace {

// The random numbers of a row: block after block of Philox, keyed by seed, step and row.
struct Randomness {
  uint32_t key[2], counter[4];

  explicit Randomness(const Settings& s)
      : key{s.word(kSeedLow), s.word(kSeedHigh)},
        counter{s.word(kStepLow), s.word(kStepHigh), s.word(kRowNumber), 0} {}

  double unit(uint32_t block, int which) const {
    const uint32_t place[4] = {counter[0], counter[1], counter[2], block};
    const Philox p = philox(place, key);
    return open_unit(p.word[2 * which], p.word[2 * which + 1]);
  }
  double draw(size_t i) const { return unit(static_cast<uint32_t>(i), 0); }
  double coin() const { return unit(0, 1); }
  // -ln(-ln u), u of the token's own.
  double gumbel(int32_t token) const {
    const uint32_t t = static_cast<uint32_t>(token);
    const double u = unit(0x80000000u + t / 2, static_cast<int>(t % 2));
    return -log_double(-log_double(u, 0), 0);
  }
};

struct SampleResult {
  int32_t* tokens;
  float *log_probabilities, *raw, *filtered;  // the last two may be null
  size_t draws;

  void put(size_t i, int32_t token, double log_probability) const {
    tokens[i] = token;
    log_probabilities[i] = static_cast<float>(log_probability);
  }
};

class Sampling {
 public:
  // partials: one a block; distinct: no token is drawn twice.
  Sampling(const Settings& s, SampleRow& row, Kept* kept, Partial* partials, bool distinct)
      : s_(s), row_(row), c_(*kept), distinct_(distinct), random_(s) {
    survey_.blocks = partials;
  }

  // Fills the result; or says why there is none.
  bool run(const SampleResult& out, Refusal* why) {
    *why = Refusal::kMasked;
    int i = 0;
    double temperature = 1;
    const bool is_greedy = s_[kMethod] == kGreedy;
    const int first = is_greedy ? kNoCut : next_cut(&i, &temperature);
    if (first != kTopKStep) row_.prepare();
    if (is_greedy) return greedy(out, why);
    if (first == kTopKStep) {
      Met met;
      gather_largest(row_, s_.size(kTopK), &c_, &met);
      if (!usable(met, why)) return false;
      c_.weigh(temperature);
    } else {
      const Units u(temperature);
      bool empty = false;
      if (!survey_.read(row_, u, &empty)) return refused(empty, why);
      const bool whole = first == kNoCut && s_[kMethod] == kMultinomial && !distinct_;
      if (whole) return write_row(temperature, out), draw_from_row(u, out);
      Met met;
      gather_above(row_, limit_of(first, u), &c_, &met);
      if (c_.n == 0) return false;  // another thread is writing to x
      c_.weigh_in(survey_.top, temperature);
      c_.total = survey_.total;
      cut(first, true);
    }
    for (int step; (step = next_cut(&i, &temperature)) != kNoCut;) {
      if (temperature != c_.temperature) c_.weigh(temperature);
      cut(step, false);
    }
    if (temperature != c_.temperature || !(c_.total > 1e-200)) c_.weigh(temperature);
    c_.add_up();
    write_kept(out);
    return draw(out);
  }

 private:
  const Settings& s_;
  SampleRow& row_;
  Kept& c_;
  const bool distinct_;
  const Randomness random_;
  Survey survey_;

  bool refused(bool empty, Refusal* why) const {
    if (!empty) *why = Refusal::kNaN;
    return false;
  }
  bool usable(const Met& met, Refusal* why) const {
    if (met.nan || (c_.n > 0 && c_.x[c_.place_of_top()] == __builtin_inff())) {
      return refused(false, why);
    }
    return c_.n > 0;
  }

  bool cuts(int step) const {
    return s_.cuts(step, row_.n) && (step != kXtcStep || random_.coin() < s_[kXtcProbability]);
  }

  // The next step that cuts; temperatures on the way are taken along.
  int next_cut(int* i, double* temperature) const {
    while (const int step = s_.step(kCutOrder, (*i)++)) {
      if (step == kTemperatureStep) *temperature = s_[kTemperatureOf];
      if (cuts(step)) return step;
    }
    --*i;
    return kNoCut;
  }

  static double log_of(double share) { return share > 0 ? log_double(share, 0) : -1e300; }

  // ln of eta's least probability, of a distribution with this entropy.
  double eta_limit(double entropy) const {
    const double log = log_of(s_[kEta]), other = log / 2 - entropy;
    return log < other ? log : other;
  }

  double sigma_limit(double variance) const {
    return -s_[kTopNSigma] * __builtin_sqrt(variance > 0 ? variance : 0);
  }

  // A logit below which the first cut keeps nothing: first as (x - top) / T.
  float limit_of(int step, const Units& u) {
    const double log_total = survey_.log_total;
    // All tokens below this one together have less than `share`.
    const auto rest = [&](double share) {
      return log_of(share) + log_total - log_double(static_cast<double>(row_.n), 0);
    };
    double depth = -1e300;
    switch (step) {
      case kTopNSigmaStep:
        depth_ = sigma_limit(variance(row_, survey_.top)) / u.temperature;
        depth = depth_;
        break;
      case kTopPStep:
        depth = rest(1 - s_[kTopP]);
        break;
      case kMinPStep:
        depth = log_of(s_[kMinP]);
        break;
      case kTypicalStep: {
        entropy_ = log_total + survey_.mean_depth(row_, u);
        // What is less likely than e^(-2 entropy) comes after all that is likelier than e^-entropy.
        const double far = log_total - 2 * entropy_, low = rest(1 - s_[kTypicalP]);
        depth = far < low ? far : low;
        break;
      }
      case kEpsilonStep:
        depth = log_of(s_[kEpsilon]) + log_total;
        break;
      case kEtaStep:
        entropy_ = log_total + survey_.mean_depth(row_, u);
        depth = eta_limit(entropy_) + log_total;
        break;
      default:
        break;
    }
    if (depth > 0) depth = 0;
    // Somewhat lower, as this is rounded and the cut itself is not.
    const double lowest = survey_.top + depth * u.temperature * (1 + 1e-6) -
                          1e-6 * (survey_.top < 0 ? -survey_.top : survey_.top) - 1e-30;
    return lowest > -kMostLogit ? static_cast<float>(lowest) : -kMostLogit;
  }
  double depth_ = 0, entropy_ = 0;

  // One cut of the candidates: of the whole row's distribution, of which they are the likely part,
  // or of their own.
  void cut(int step, bool whole) {
    switch (step) {
      case kTopNSigmaStep:
        return c_.cut_below(whole ? depth_ : sigma_limit(c_.variance()) / c_.temperature);
      case kTopKStep:
        return c_.cut_count(s_.size(kTopK));
      case kTopPStep:
        return c_.cut_mass(s_[kTopP], [&](size_t i) { return c_.x[i]; });
      case kMinPStep:
        return c_.cut_below(log_of(s_[kMinP]) + c_.shifted(c_.place_of_top()));
      case kTypicalStep: {
        const double usual = (whole ? entropy_ : c_.entropy()) - c_.log_total();
        return c_.cut_mass(s_[kTypicalP], [&](size_t i) {
          const double away = -c_.shifted(i) - usual;
          return static_cast<float>(away < 0 ? away : -away);
        });
      }
      case kEpsilonStep:
        return c_.cut_below(log_of(s_[kEpsilon]) + c_.log_total());
      case kEtaStep:
        return c_.cut_below(eta_limit(whole ? entropy_ : c_.entropy()) + c_.log_total());
      case kXtcStep:
        return c_.cut_top_choices(s_[kXtcThreshold]);
      default:
        return;
    }
  }

  bool greedy(const SampleResult& out, Refusal* why) {
    bool empty = false;
    if (!survey_.read(row_, Units(1), &empty)) return refused(empty, why);
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
