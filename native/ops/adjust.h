// Logits that penalties and biases change: those of the tokens that the history or the bias names,
// a small share of a row. They are worked out once, and a row is read through them; or, where none
// can rise, for the candidates alone (gather.h).
#pragma once

#include "../rows/operator.h"
#include "../rows/state.h"
#include "sample_settings.h"

namespace softlane {
namespace {

struct Adjusted {
  int32_t token;
  int32_t seen, generated;  // how often in the history, and in the part that was generated
  int32_t match;            // the longest repeat that the token would continue
  bool banned, breaks;
  float value;
  double bias;
};

constexpr float kMostLogit = 0x1.fffffep127f;

// The arrays that a row's settings point into.
struct SampleArrays {
  const int32_t* history;
  const int32_t* bias_tokens;
  const float* bias_values;
  const int32_t* breakers;
};

// By token, in a table of open addressing.
class AdjustedTokens {
 public:
  static size_t slots(size_t tokens) {
    size_t n = 16;
    while (n < 2 * tokens) n *= 2;
    return n;
  }

  // list: room for the most tokens, slot: slots(most), matches: the longest history.
  AdjustedTokens(Adjusted* list, uint32_t* slot, int32_t* matches)
      : list_(list), slot_(slot), matches_(matches) {}

  size_t count() const { return count_; }
  const Adjusted& operator[](size_t i) const { return list_[i]; }

  // What the settings, which must stay there, say of a row x of n logits. False for a token beyond
  // the row.
  bool take(const Settings& s, const SampleArrays& arrays, const float* x, size_t n) {
    s_ = &s, arrays_ = arrays, x_ = x, n_ = static_cast<uint32_t>(n), count_ = 0;
    int count = 0;
    for (int i = 0; const int step = s.step(kAdjustOrder, i); ++i) {
      if (s.adjusts(step)) steps_[count++] = step;
    }
    steps_[count] = kNoAdjust;
    return are_inside(arrays.history, s.size(kHistoryBegin), s.size(kHistoryEnd)) &&
           are_inside(arrays.bias_tokens, s.size(kBiasBegin), s.size(kBiasEnd));
  }

  // Whether there are changes, of which none raises a logit or asks for more than how often a
  // token was seen.
  bool only_lower() const {
    if (s_ == nullptr || steps_[0] == kNoAdjust) return false;
    const Settings& s = *s_;
    constexpr double kLongEnough = 256;  // below, a table of them all costs less
    return s.history() >= kLongEnough && s.biases() == 0 && !s.on(kNoRepeatNgram, 0) &&
           !s.on(kDryMultiplier, 0) && s[kRepetitionPenalty] >= 1 && s[kFrequencyPenalty] >= 0 &&
           s[kPresencePenalty] >= 0;
  }

  // f(tokens, how many, whether they were generated) for the parts of the history.
  template <class F>
  void each_part(F f) const {
    const size_t begin = s_->size(kHistoryBegin), generated = s_->size(kHistoryGenerated);
    f(arrays_.history + begin, generated - begin, false);
    f(arrays_.history + generated, s_->size(kHistoryEnd) - generated, true);
  }

  // All changes at once; a row is read through them from here on.
  void work_out() {
    if (s_ == nullptr || s_->history() + s_->biases() == 0) return;
    const Settings& s = *s_;
    const size_t length = static_cast<size_t>(s.history());
    const size_t size = slots(length + static_cast<size_t>(s.biases()));
    bits_ = 0;
    while (size_t{1} << bits_ < size) ++bits_;
    for (size_t i = 0; i < size; ++i) slot_[i] = kFree;
    each_part([&](const int32_t* tokens, size_t count, bool generated) {
      for (size_t i = 0; i < count; ++i) {
        const int32_t token = tokens[i];
        // Another thread may have changed it since it was looked at.
        if (!is_inside(token)) continue;
        Adjusted* each = find_or_add(token);
        each->seen++;
        each->generated += generated;
      }
    });
    if (s.on(kNoRepeatNgram, 0) || s.on(kDryMultiplier, 0)) find_repeats(length);
    for (size_t i = s.size(kBiasBegin); i < s.size(kBiasEnd); ++i) {
      const int32_t token = arrays_.bias_tokens[i];
      if (is_inside(token)) find_or_add(token)->bias += arrays_.bias_values[i];
    }
    for (size_t i = 0; i < count_; ++i) list_[i].value = changed(list_[i], x_[list_[i].token]);
  }

  // The logit of such a token, in double and rounded once.
  float changed(const Adjusted& a, float raw) const { return changed(*s_, steps_, a, raw); }

  bool has(size_t token) const {
    return count_ > 0 && slot_[place(static_cast<int32_t>(token))] != kFree;
  }

 private:
  static constexpr uint32_t kFree = 0xffffffffu;

  const Settings* s_ = nullptr;
  SampleArrays arrays_ = {};
  const float* x_ = nullptr;
  uint32_t n_ = 0;
  int steps_[16];  // those that are on, 0 ends them
  Adjusted* list_;
  uint32_t* slot_;
  int32_t* matches_;
  size_t count_ = 0;
  int bits_ = 4;

  bool is_inside(int32_t token) const { return static_cast<uint32_t>(token) < n_; }
  bool are_inside(const int32_t* tokens, size_t begin, size_t end) const {
    uint32_t most = 0;
    for (size_t i = begin; i < end; ++i) {
      const uint32_t token = static_cast<uint32_t>(tokens[i]);
      most = token > most ? token : most;
    }
    return begin >= end || most < n_;
  }

  // The token's slot, or the free one where it would be. Another thread may change a token between
  // two looks at it, so that there may be more of them than was counted: then the last serves.
  size_t place(int32_t token) const {
    const size_t mask = (size_t{1} << bits_) - 1;
    size_t i = static_cast<uint32_t>(token) * 0x9e3779b1u >> (32 - bits_);
    while (slot_[i] != kFree && list_[slot_[i]].token != token) i = (i + 1) & mask;
    return i;
  }
  Adjusted* find_or_add(int32_t token) {
    const size_t i = place(token);
    if (slot_[i] == kFree) {
      slot_[i] = static_cast<uint32_t>(count_);
      list_[count_++] = {token, 0, 0, 0, false, false, 0, 0};
    }
    return list_ + slot_[i];
  }
  // Of a token of the history; null if another thread has changed it since it was counted.
  Adjusted* known(int32_t token) {
    const uint32_t i = slot_[place(token)];
    return i == kFree ? nullptr : list_ + i;
  }

  // What would repeat a run of n tokens is banned, and of what would continue a repeat that no
  // breaker is in, the longest is kept.
  void find_repeats(size_t length) {
    const Settings& s = *s_;
    const int32_t* history = arrays_.history + s.size(kHistoryBegin);
    const bool bans = s.on(kNoRepeatNgram, 0);
    const size_t before = bans ? s.size(kNoRepeatNgram) - 1 : 0;
    for (size_t i = s.size(kBreakersBegin); i < s.size(kBreakersEnd); ++i) {
      if (Adjusted* each = known(arrays_.breakers[i])) each->breaks = true;
    }
    const auto breaks = [&](int32_t token) {
      const Adjusted* each = known(token);
      return each != nullptr && each->breaks;
    };
    size_t unbroken = 0;
    if (s.on(kDryMultiplier, 0)) {
      while (unbroken < length && !breaks(history[length - 1 - unbroken])) ++unbroken;
    }
    each_repeat(history, length, [&](int32_t token, size_t repeat) {
      const bool is_banned = bans && repeat >= before;
      const size_t match = repeat < unbroken ? repeat : unbroken;
      Adjusted* next = is_banned || match > 0 ? known(token) : nullptr;
      if (next == nullptr) return;
      next->banned |= is_banned;
      if (static_cast<int32_t>(match) > next->match && !next->breaks)
        next->match = static_cast<int32_t>(match);
    });
  }

  // f(token, how many of the last tokens, backwards, are those before it) for each of the history.
  // By the Z algorithm over the reversed history.
  template <class F>
  void each_repeat(const int32_t* history, size_t length, F f) {
    const auto at = [=](size_t i) { return history[length - 1 - i]; };
    size_t begin = 0, end = 0;
    for (size_t i = 1; i <= length; ++i) {
      size_t z = 0;
      if (i < end) {
        z = static_cast<size_t>(matches_[i - begin]);
        if (z > end - i) z = end - i;
      }
      while (i + z < length && at(z) == at(i + z)) ++z;
      if (i + z > end) begin = i, end = i + z;
      if (i < length) matches_[i] = static_cast<int32_t>(z);
      f(at(i - 1), z);
    }
  }

  static double power(double base, size_t n) {
    double result = 1;
    for (; n > 0; n /= 2, base *= base) {
      if (n % 2 != 0) result *= base;
    }
    return result;
  }

  static float changed(const Settings& s, const int* steps, const Adjusted& a, float raw) {
    double x = raw;
    if (!is_finite(x)) return raw;
    for (; *steps != kNoAdjust; ++steps) {
      switch (*steps) {
        case kLogitBiasStep:
          x += a.bias;
          break;
        case kRepetitionStep:
          if (a.seen > 0) {
            // Both: which of them is taken cannot be predicted.
            const double less = x / s[kRepetitionPenalty], more = x * s[kRepetitionPenalty];
            x = x < 0 ? more : less;
          }
          break;
        case kFrequencyStep:
          x -= s[kFrequencyPenalty] * a.generated;
          break;
        case kPresenceStep:
          if (a.generated > 0) x -= s[kPresencePenalty];
          break;
        case kNgramStep:
          if (a.banned) return -__builtin_inff();
          break;
        case kDryStep: {
          const size_t match = static_cast<size_t>(a.match), allowed = s.size(kDryAllowedLength);
          if (match > 0 && match >= allowed)
            x -= s[kDryMultiplier] * power(s[kDryBase], match - allowed);
          break;
        }
        default:
          break;
      }
    }
    if (a.bias == -__builtin_inf()) return -__builtin_inff();
    return x > kMostLogit ? kMostLogit : x > -kMostLogit ? static_cast<float>(x) : -kMostLogit;
  }
};

}  // namespace
}  // namespace softlane
