// What the steps that cut leave of a row of logits. docs/sampling.md has the definitions, and what
// is read how often.
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
  Randomness(double seed, double step, uint32_t row)
      : key{low(seed), high(seed)}, counter{low(step), high(step), row, 0} {}

  double unit(uint32_t block, int which) const {
    const uint32_t place[4] = {counter[0], counter[1], counter[2], block};
    const Philox p = philox(place, key);
    return open_unit(p.word[2 * which], p.word[2 * which + 1]);
  }
  // Of an integer below 2^53.
  static uint32_t low(double v) { return static_cast<uint32_t>(static_cast<uint64_t>(v)); }
  static uint32_t high(double v) { return static_cast<uint32_t>(static_cast<uint64_t>(v) >> 32); }

  double draw(size_t i) const { return unit(static_cast<uint32_t>(i), 0); }
  double coin() const { return unit(0, 1); }
  // -ln(-ln u), u of the token's own.
  double gumbel(int32_t token) const {
    const uint32_t t = static_cast<uint32_t>(token);
    const double u = unit(0x80000000u + t / 2, static_cast<int>(t % 2));
    return -log_double(-log_double(u, 0), 0);
  }
};

// Arrays at the ends of each other in a workspace; with a null base, how long it has to be.
struct MemoryParts {
  char* base;
  size_t used = 0;

  template <class T>
  T* take(size_t count) {
    T* p = reinterpret_cast<T*>(base + used);
    used += (count * sizeof(T) + 63) / 64 * 64;
    return p;
  }
};

// The memory that a row of n logits is filtered in.
struct FilterWork {
  uint32_t *blocks, *next;
  float* copy;
  Partial* partials;
  Kept kept;

  void take(MemoryParts* all, size_t n, size_t adjusted, size_t capacity) {
    const size_t block_count = n / kBlock + 1;
    next = all->take<uint32_t>(adjusted);
    blocks = all->take<uint32_t>(block_count);
    copy = all->take<float>(kBlock);
    partials = all->take<Partial>(block_count);
    kept.capacity = capacity + 64;
    kept.x = all->take<float>(kept.capacity);
    kept.token = all->take<int32_t>(kept.capacity);
    kept.w = all->take<double>(kept.capacity);
    kept.keys = all->take<uint64_t>(kept.capacity);
    kept.spare = all->take<uint64_t>(kept.capacity);
    kept.n = 0;
  }

  SampleRow row(const float* x, size_t n, AdjustedTokens& tokens, const uint32_t* allowed,
                bool mask_nan) const {
    return SampleRow(x, n, tokens, allowed, mask_nan, blocks, next, copy);
  }
};

// Candidates beside which none are ever kept; the same in lib/sampling/settings.ts.
inline double candidates_needed(const Settings& s, double n) {
  if (s[kMethod] == kGreedy) return 0;
  for (int i = 0; const int step = s.step(kCutOrder, i); ++i) {
    if (!s.cuts(step, static_cast<size_t>(n))) continue;
    if (step != kTopKStep) break;
    return static_cast<double>(room_for_largest(s.size(kTopK))) + s.history() + s.biases();
  }
  return n;
}

class Filter {
 public:
  Filter(const Settings& s, SampleRow& row, FilterWork* work)
      : s_(s), row_(row), c_(work->kept), random_(s) {
    survey_.blocks = work->partials;
  }

  // Cuts; false, and why, where nothing is there to be cut. Where no step cuts, and `may_stay` says
  // so, the row stays as it is (whole), with its survey instead of candidates.
  bool run(bool may_stay, Refusal* why) {
    *why = Refusal::kMasked;
    int i = 0;
    double temperature = 1;
    const int first = next_cut(&i, &temperature);
    whole_ = false;
    if (first == kTopKStep) {
      Met met;
      gather_largest(row_, s_.size(kTopK), &c_, &met);
      if (!usable(met, why)) return false;
      c_.weigh(temperature);
    } else {
      row_.prepare();
      if (!survey(temperature, why)) return false;
      if (first == kNoCut && may_stay) return whole_ = true;
      Met met;
      gather_above(row_, limit_of(first, Units(temperature)), &c_, &met);
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
    return true;
  }

  // The sum of exponentials of the row as it is; row().prepare() comes first.
  bool survey(double temperature, Refusal* why) {
    temperature_ = temperature;
    bool empty = false;
    return survey_.read(row_, Units(temperature), &empty) || refused(empty, why);
  }

  // After run: whether the row stays whole, and then at which temperature.
  bool whole() const { return whole_; }
  double temperature() const { return whole_ ? temperature_ : c_.temperature; }
  const Survey& survey() const { return survey_; }
  const Kept& kept() const { return c_; }
  Kept& kept() { return c_; }
  SampleRow& row() const { return row_; }
  const Randomness& random() const { return random_; }

 private:
  const Settings& s_;
  SampleRow& row_;
  Kept& c_;
  const Randomness random_;
  Survey survey_;
  bool whole_ = false;
  double temperature_ = 1;

  bool refused(bool empty, Refusal* why) const {
    if (!empty) *why = Refusal::kNaN;
    return false;
  }
  bool usable(const Met& met, Refusal* why) const {
    if (met.nan || (c_.n > 0 && c_.largest() == __builtin_inff())) {
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

  static double log_of(double share) { return share > 0 ? log_positive(share) : -1e300; }

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
        return c_.cut_below_largest(whole ? depth_ : sigma_limit(c_.variance()) / c_.temperature);
      case kTopKStep:
        return c_.cut_count(s_.size(kTopK));
      case kTopPStep:
        return c_.cut_mass(s_[kTopP], [&](size_t i) { return c_.x[i]; });
      case kMinPStep:
        return c_.cut_below_largest(log_of(s_[kMinP]));
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
        return c_.add_up();
    }
  }
};

}  // namespace
}  // namespace softlane
