// What JavaScript says of each row that is to be sampled: a line of doubles. The same names and
// places in lib/sampling/settings.ts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../rows/state.h"

namespace softlane {
namespace {

enum SampleField {
  kMethod,  // SampleMethod
  kTemperatureOf,
  kTopK,  // 0: off; so with the others that have a value at which they cut nothing
  kTopP,
  kMinP,
  kTypicalP,
  kTopNSigma,  // below 0: off
  kEpsilon,
  kEta,
  kXtcThreshold,
  kXtcProbability,
  kRepetitionPenalty,
  kFrequencyPenalty,
  kPresencePenalty,
  kNoRepeatNgram,
  kDryMultiplier,
  kDryBase,
  kDryAllowedLength,
  kSeedLow,
  kSeedHigh,
  kRowNumber,
  kStepLow,
  kStepHigh,
  kHistoryBegin,
  kHistoryGenerated,  // where the tokens begin that frequency and presence count
  kHistoryEnd,
  kBiasBegin,
  kBiasEnd,
  kBreakersBegin,
  kBreakersEnd,
  kAllowedMask,  // which of them; below 0: none
  kAdjustOrder,  // hexadecimal digits, the first step lowest; 0 ends it
  kCutOrder,
  kSampleFields
};

enum SampleMethod { kMultinomial, kGumbel, kGreedy };

enum AdjustStep {
  kNoAdjust,
  kLogitBiasStep,
  kRepetitionStep,
  kFrequencyStep,
  kPresenceStep,
  kNgramStep,
  kDryStep
};

enum CutStep {
  kNoCut,
  kTemperatureStep,
  kTopNSigmaStep,
  kTopKStep,
  kTopPStep,
  kMinPStep,
  kTypicalStep,
  kEpsilonStep,
  kEtaStep,
  kXtcStep
};

// Places in Call::params.
enum SampleParam {
  kHistoryLength,
  kBiasLength,
  kBreakersLength,
  kMaskCount,
  kDraws,         // tokens a row
  kReplacement,   // whether a token may be drawn more than once
  kMaskNaN,       // a NaN is a masked token, not an error
  kMostAdjusted,  // tokens that a row's history and bias name, at most
  kMostHistory,
  kCapacity  // candidates that are kept of a row, at most
};

// A row's settings, copied, as somebody else may write to the array.
struct Settings {
  double v[kSampleFields];

  // Those that do nothing.
  Settings() : v() {
    v[kTemperatureOf] = v[kTopP] = v[kTypicalP] = v[kRepetitionPenalty] = v[kXtcThreshold] = 1;
    v[kTopNSigma] = v[kAllowedMask] = -1;
  }
  explicit Settings(const double* from) { std::memcpy(v, from, sizeof v); }
  double operator[](SampleField field) const { return v[field]; }

  bool on(SampleField field, double off) const { return v[field] != off; }

  size_t size(SampleField field) const { return static_cast<size_t>(v[field]); }
  uint32_t word(SampleField field) const { return static_cast<uint32_t>(v[field]); }

  // Step i of an order, counted from 0.
  int step(SampleField order, int i) const {
    return i > 12 ? 0 : static_cast<int>(static_cast<uint64_t>(v[order]) >> (4 * i) & 15);
  }

  // Whether a step would change a logit.
  bool adjusts(int step) const {
    switch (step) {
      case kLogitBiasStep:
        return biases() > 0;
      case kRepetitionStep:
        return on(kRepetitionPenalty, 1);
      case kFrequencyStep:
        return on(kFrequencyPenalty, 0);
      case kPresenceStep:
        return on(kPresencePenalty, 0);
      case kNgramStep:
        return on(kNoRepeatNgram, 0);
      case kDryStep:
        return on(kDryMultiplier, 0);
      default:
        return false;
    }
  }

  // Whether a step would cut anything of n tokens; of XTC, whether it might.
  bool cuts(int step, size_t n) const {
    switch (step) {
      case kTopNSigmaStep:
        return v[kTopNSigma] >= 0;
      case kTopKStep:
        return v[kTopK] > 0 && v[kTopK] < static_cast<double>(n);
      case kTopPStep:
        return v[kTopP] < 1;
      case kMinPStep:
        return v[kMinP] > 0;
      case kTypicalStep:
        return v[kTypicalP] < 1;
      case kEpsilonStep:
        return v[kEpsilon] > 0;
      case kEtaStep:
        return v[kEta] > 0;
      case kXtcStep:
        return v[kXtcProbability] > 0;
      default:
        return false;
    }
  }

  // Whether every field is one that the code below can work with; its meaning was checked before.
  bool valid(const double* params) const {
    for (const double each : v) {
      if (!is_finite(each)) return false;
    }
    const auto within = [&](SampleField field, double low, double high) {
      return v[field] >= low && v[field] <= high;
    };
    const auto range = [&](SampleField begin, SampleField end, SampleParam length) {
      return within(begin, 0, v[end]) && within(end, 0, params[length]);
    };
    for (int f = kSeedLow; f <= kStepHigh; ++f) {
      if (!within(static_cast<SampleField>(f), 0, 0xffffffffu)) return false;
    }
    // Whole numbers: those that count or name something.
    const auto whole = [&](SampleField field) {
      return within(field, -1, 0x1p53) &&
             v[field] == static_cast<double>(static_cast<int64_t>(v[field]));
    };
    constexpr SampleField kCounts[] = {kMethod, kTopK, kNoRepeatNgram, kDryAllowedLength};
    for (const SampleField f : kCounts) {
      if (!whole(f) || v[f] < 0) return false;
    }
    for (int f = kHistoryBegin; f < kSampleFields; ++f) {
      if (!whole(static_cast<SampleField>(f))) return false;
    }
    if (v[kAdjustOrder] < 0 || v[kCutOrder] < 0) return false;
    return within(kMethod, kMultinomial, kGreedy) && valid_temperature(v[kTemperatureOf]) &&
           v[kRepetitionPenalty] > 0 && within(kTopP, 0x1p-1000, 1) && within(kMinP, 0, 1) &&
           within(kTypicalP, 0x1p-1000, 1) && within(kEpsilon, 0, 1) && within(kEta, 0, 1) &&
           within(kXtcProbability, 0, 1) && within(kXtcThreshold, 0x1p-1000, 1) &&
           range(kHistoryBegin, kHistoryEnd, kHistoryLength) &&
           within(kHistoryGenerated, v[kHistoryBegin], v[kHistoryEnd]) &&
           range(kBiasBegin, kBiasEnd, kBiasLength) &&
           range(kBreakersBegin, kBreakersEnd, kBreakersLength) &&
           within(kAllowedMask, -1, params[kMaskCount] - 1) && history() <= params[kMostHistory] &&
           history() + biases() <= params[kMostAdjusted];
  }
  double history() const { return v[kHistoryEnd] - v[kHistoryBegin]; }
  double biases() const { return v[kBiasEnd] - v[kBiasBegin]; }
};

}  // namespace
}  // namespace softlane
