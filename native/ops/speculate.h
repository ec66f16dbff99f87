// Verifying drafted tokens: which of them may stand, and what comes in the place of the first that
// may not, so that tokens are distributed as the target's alone would be. docs/decoding.md.
//
// Leviathan, Kalman and Matias, Fast Inference from Transformers via Speculative Decoding, 2023;
// Chen et al., Accelerating Large Language Model Decoding with Speculative Sampling, 2023.
#pragma once

#include <cstring>

#include "../rows/drivers.h"
#include "speculate_side.h"

namespace softlane {
namespace {

// What is verified. A line of tokens, each drafted after those before; several tokens for one
// place; or a line that was drawn from the target itself and turned out to be forbidden (back off).
enum SpeculateMode { kLine, kSeveral, kBackOff, kSpeculateModes };

// Places in Call::params.
enum SpeculateParam { kMode, kVocabulary, kDrafted, kAreProbabilities, kSpeculateCapacity };

class Speculation {
 public:
  // rest: an element for each token of the vocabulary.
  Speculation(const Call& call, const Settings& target, const Settings& draft, Side* p, Side* q,
              double* rest)
      : vocabulary_(static_cast<size_t>(call.params[kVocabulary])),
        drafted_(static_cast<size_t>(call.params[kDrafted])),
        given_(call.params[kAreProbabilities] != 0),
        settings_(target),
        draft_settings_(draft),
        p_(*p),
        q_(*q),
        rest_(rest),
        random_(target) {}

  struct Result {
    int32_t *accepted, *tokens;
    float* logs;
    size_t width;

    void put(size_t i, size_t token, double log) const {
      tokens[i] = static_cast<int32_t>(token);
      logs[i] = static_cast<float>(log);
    }
    void clear() const {
      for (size_t i = 0; i < width; ++i) tokens[i] = -1, logs[i] = __builtin_nanf("");
    }
  };

  bool tokens_fit(const int32_t* tokens) const {
    for (size_t i = 0; i < drafted_; ++i) {
      if (static_cast<uint32_t>(tokens[i]) >= vocabulary_) return false;
    }
    return true;
  }

  // A row of p and one of q for each token, and one of p more.
  bool line(const float* x, const float* y, const int32_t* tokens, const Result& out,
            Refusal* why) {
    for (size_t i = 0; i < drafted_; ++i) {
      const size_t token = static_cast<size_t>(tokens[i]);
      if (!both(x + i * vocabulary_, y + i * vocabulary_, why)) return false;
      const double p = p_.probability(token), q = q_.probability(token);
      *why = Refusal::kDrafted;
      if (!(q > 0)) return false;
      if (!(chance(i) * q < p)) {
        *out.accepted = static_cast<int32_t>(i);
        if (p_.is_row() && q_.is_row() && draw_from_row(i, out, true)) return true;
        begin();
        subtract(1);
        return draw(i, out);
      }
      out.put(i, token, p_.log_probability(token));
    }
    *out.accepted = static_cast<int32_t>(drafted_);
    if (!p_.read(settings_, x + drafted_ * vocabulary_, vocabulary_, given_, why)) return false;
    if (p_.is_row() && draw_from_row(drafted_, out, false)) return true;
    begin();
    return draw(drafted_, out);
  }

  // Tokens that were all drawn from the one row of q: each is tried on what those before have left
  // of p.
  bool several(const float* x, const float* y, const int32_t* tokens, const Result& out,
               Refusal* why) {
    *out.accepted = -1;
    if (!both(x, y, why)) return false;
    *why = Refusal::kDrafted;
    for (size_t i = 0; i < drafted_; ++i) {
      if (!(q_.probability(static_cast<size_t>(tokens[i])) > 0)) return false;
    }
    if (drafted_ == 0 && p_.is_row() && draw_from_row(0, out, false)) return true;
    begin();
    for (size_t i = 0; i < drafted_; ++i) {
      const size_t token = static_cast<size_t>(tokens[i]);
      const size_t place = p_.place_of(token);
      const double rest = place < p_.count() ? rest_[place] : 0;
      if (chance(i) * q_.probability(token) * total_ < rest) {
        *out.accepted = static_cast<int32_t>(i);
        out.put(0, token, p_.log_probability(token));
        return true;
      }
      subtract(total_);
    }
    return draw(drafted_, out, 0);
  }

  // A line that was drawn from p and is forbidden as a whole: where to leave it, in the proportion
  // in which lines that are allowed do, and by which token. e, the probability of what is left of
  // the line, falls from its end to its start.
  bool back_off(const float* x, const int32_t* tokens, const Result& out, Refusal* why) {
    // The chance to leave at a place is e after it times what its other tokens have.
    double e = 1, total = 0;
    for (size_t i = drafted_; i-- > 0;) {
      if (!p_.read(settings_, x + i * vocabulary_, vocabulary_, given_, why)) return false;
      const size_t token = static_cast<size_t>(tokens[i]);
      *why = Refusal::kDrafted;
      if (!(p_.probability(token) > 0)) return false;
      out.put(i, token, p_.log_probability(token));
      total += e * others(out.logs[i]);
      e *= exp_double(out.logs[i]);
    }
    *why = Refusal::kMasked;
    if (!(total > 0)) return false;
    double left = chance(0) * total;
    size_t place = drafted_;
    e = 1;
    for (size_t i = drafted_; i-- > 0;) {
      const double share = e * others(out.logs[i]);
      if (share > 0) place = i;
      if (left < share) break;
      left -= share;
      e *= exp_double(out.logs[i]);
    }
    if (place == drafted_) return false;
    for (size_t i = place; i < out.width; ++i) {
      out.tokens[i] = -1, out.logs[i] = __builtin_nanf("");
    }
    *out.accepted = static_cast<int32_t>(place);
    if (!p_.read(settings_, x + place * vocabulary_, vocabulary_, given_, why)) return false;
    begin();
    rest_[p_.place_of(static_cast<size_t>(tokens[place]))] = 0;
    add_up();
    return draw(place, out);
  }

 private:
  const size_t vocabulary_, drafted_;
  const bool given_;
  const Settings &settings_, &draft_settings_;
  Side &p_, &q_;
  double* rest_;      // what is left of p at each of its places, not normalised
  double total_ = 0;  // the sum of it
  const Randomness random_;

  // Blocks of random numbers that no sampler takes: a draft of the same seed, row and step is
  // independent of its verification.
  static constexpr uint32_t kBlocks = 0x40000000u;
  double chance(size_t i) const { return random_.unit(kBlocks + static_cast<uint32_t>(i), 0); }
  double draw_number(size_t i) const { return random_.unit(kBlocks + static_cast<uint32_t>(i), 1); }

  // 1 - p
  static double others(double log_p) { return -expm1_double(log_p < 0 ? log_p : 0); }

  bool both(const float* x, const float* y, Refusal* why) {
    return p_.read(settings_, x, vocabulary_, given_, why) &&
           q_.read(draft_settings_, y, vocabulary_, given_, why);
  }

  void begin() {
    for (size_t i = 0; i < p_.count(); ++i) rest_[i] = p_.probability_at(i);
    add_up();
  }
  // max(0, rest - share q)
  void subtract(double share) {
    const auto take = [&](size_t i, double q) {
      const double left = rest_[i] - share * q;
      rest_[i] = left > 0 ? left : 0;
    };
    if (!p_.is_list() && q_.is_list()) {
      for (size_t i = 0; i < q_.count(); ++i) take(q_.token_at(i), q_.probability_at(i));
    } else {
      for (size_t i = 0; i < p_.count(); ++i) take(i, q_.probability(p_.token_at(i)));
    }
    add_up();
    // p and q are equal but for rounding: any other draw from p is as good.
    if (!(total_ > 0)) begin();
  }
  void add_up() {
    double lane[kLanes] = {};
    for (size_t i = 0; i < p_.count(); ++i) lane[i % kLanes] += rest_[i];
    total_ = tree_sum(lane);
  }

  // From p, or from max(0, p - q), of rows that no step has cut: the block by the sums of all, and
  // the token by the numbers of the block. False where nothing is left.
  bool draw_from_row(size_t place, const Result& out, bool less_q) {
    const RowTerms p = p_.terms(), q = less_q ? q_.terms() : p;
    double total = 0;
    for (size_t i = 0; i < vocabulary_; i += kBlock) {
      const size_t n = block_length(vocabulary_, i);
      rest_[i / kBlock] = p.block(i, n, [&](const float* x, const auto& of_x) {
        const auto nothing = [](f32x16) SOFTLANE_VECTOR { return set1(0.0f); };
        if (!less_q) return sum_beyond(x, of_x, x, nothing, n);
        return q.block(i, n, [&](const float* y, const auto& of_y) {
          return sum_beyond(x, of_x, y, of_y, n);
        });
      });
      total += rest_[i / kBlock];
    }
    if (!(total > 0)) return false;
    double left = draw_number(place) * total;
    size_t begin = vocabulary_;
    double here = 0;
    for (size_t b = 0; b * kBlock < vocabulary_; ++b) {
      if (!(rest_[b] > 0)) continue;
      if (begin < vocabulary_) left -= here;
      begin = b * kBlock;
      here = rest_[b];
      if (left < here) break;
    }
    const double share = left / here;
    const size_t n = block_length(vocabulary_, begin);
    const auto rest = [&](size_t i) {
      const double r = p_.probability_at(i) - (less_q ? q_.probability_at(i) : 0);
      return r > 0 ? r : 0;
    };
    double inside = 0, before = 0;
    for (size_t i = begin; i < begin + n; ++i) inside += rest_[i - begin] = rest(i);
    size_t chosen = vocabulary_;
    for (size_t i = begin; i < begin + n; ++i) {
      if (!(rest_[i - begin] > 0)) continue;
      chosen = i;
      before += rest_[i - begin];
      if (before > share * inside) break;
    }
    if (chosen == vocabulary_) return false;
    out.put(place, chosen, p_.log_probability(chosen));
    return true;
  }

  template <class P, class Q>
  static double sum_beyond(const float* x, const P& p, const float* y, const Q& q, size_t n) {
    const splat zero = set1(0.0f);
    LaneSums sums;
    for (size_t i = 0; i < n; i += 2 * kLanes) {
      f32x16 pair[2];
      for (size_t j = 0; j < 2; ++j) {
        const size_t at = i + j * kLanes, left = at < n ? n - at : 0;
        const bool whole = left >= kLanes;
        const float masked = -__builtin_inff();
        pair[j] = max(zero, p(whole ? load(x + at) : load_first(x + at, left, masked)) -
                                q(whole ? load(y + at) : load_first(y + at, left, masked)));
      }
      sums.add(pair[0] + pair[1]);
    }
    return sums.total();
  }

  bool draw(size_t place, const Result& out) { return draw(place, out, place); }
  // The first token up to which what is left adds up to more than the number.
  bool draw(size_t place, const Result& out, size_t at) {
    const double target = draw_number(place) * total_;
    double sum = 0;
    size_t chosen = p_.count();
    for (size_t i = 0; i < p_.count(); ++i) {
      if (!(rest_[i] > 0)) continue;
      chosen = i;
      sum += rest_[i];
      if (sum > target) break;
    }
    if (chosen == p_.count()) return false;
    const size_t token = p_.token_at(chosen);
    out.put(at, token, p_.log_probability(token));
    return true;
  }
};

struct Speculate {
  static constexpr const char* kName = "speculate";

  enum {
    kTargetSettings,
    kDraftSettings,
    kDraftRows,
    kDraftTokens,
    kAccepted,
    kOutTokens,
    kOutLogs
  };

  static size_t param(const Call& call, SpeculateParam p) {
    return static_cast<size_t>(call.params[p]);
  }
  static size_t fields(const Call&) { return kSampleFields; }
  static size_t drafted(const Call& call) { return param(call, kDrafted); }
  static size_t draft_rows(const Call& call) {
    const size_t rows = call.params[kMode] == kLine ? drafted(call) : 1;
    return rows * param(call, kVocabulary);
  }
  static size_t results(const Call& call) {
    return call.params[kMode] == kLine      ? drafted(call) + 1
           : call.params[kMode] == kSeveral ? 1
                                            : drafted(call);
  }
  static constexpr Operand kOperands[] = {
      {"settings", Element::kFloat64, false, false, false, fields},
      {"draftSettings", Element::kFloat64, false, false, false, fields},
      {"draft", Element::kFloat32, false, true, false, draft_rows},
      {"drafted", Element::kInt32, false, false, false, drafted},
      {"accepted", Element::kInt32, true, false, false, one_a_row},
      {"tokens", Element::kInt32, true, false, false, results},
      {"logProbs", Element::kFloat32, true, false, false, results},
  };

  static bool valid(const Call& call) {
    for (int i = 0; i <= kSpeculateCapacity; ++i) {
      const double v = call.params[i];
      if (!(v >= 0 && v <= 0x1p31) || v != static_cast<double>(static_cast<int64_t>(v)))
        return false;
    }
    const double mode = call.params[kMode], drafts = call.params[kDrafted];
    if (mode >= kSpeculateModes || drafts > 0x1p24 || (mode == kBackOff && drafts < 1))
      return false;
    const double rows = mode == kLine ? drafts + 1 : mode == kSeveral ? 1 : drafts;
    return call.params[kVocabulary] <= INT32_MAX && call.params[kAreProbabilities] <= 1 &&
           static_cast<double>(call.cols) == rows * call.params[kVocabulary];
  }

  struct Work {
    Side target, draft;
    double* rest;
    int32_t* drafted;
    size_t bytes;

    Work(const Call& call, void* memory) {
      MemoryParts all{static_cast<char*>(memory)};
      const size_t n = param(call, kVocabulary), capacity = param(call, kSpeculateCapacity);
      target.work.take(&all, n, 0, capacity);
      draft.work.take(&all, n, 0, capacity);
      rest = all.take<double>(n);
      drafted = all.take<int32_t>(param(call, kDrafted));
      bytes = all.used;
    }
  };
  static size_t workspace_bytes(const Call& call) { return Work(call, nullptr).bytes; }

  // Whether the settings are such as the filter can work with, in the memory that there is.
  static bool fits(const Call& call, const Settings& s) {
    constexpr double kNothing[kCapacity + 1] = {};
    const double n = call.params[kVocabulary], room = call.params[kSpeculateCapacity];
    return s.valid(kNothing) && s[kMethod] == kMultinomial && s[kXtcProbability] == 0 &&
           (room >= n || room >= candidates_needed(s, n));
  }

  static bool one(const Call& call, const float* x, Speculation* speculation, const int32_t* tokens,
                  const float* draft, const Speculation::Result& out, Refusal* why) {
    *why = Refusal::kToken;
    if (!speculation->tokens_fit(tokens)) return false;
    *why = Refusal::kSettings;
    if (call.params[kMode] == kBackOff) return speculation->back_off(x, tokens, out, why);
    if (draft == nullptr) return false;
    return call.params[kMode] == kLine ? speculation->line(x, draft, tokens, out, why)
                                       : speculation->several(x, draft, tokens, out, why);
  }

  static void rows(const Call& call, const float* x, void*, size_t count) {
    Work work(call, call.workspace);
    Call row = call;
    for (size_t r = 0; r < count; ++r) {
      row.row = call.row + r;
      const Settings target(operand_at<const double>(row, kOperands, kTargetSettings));
      const Settings draft(operand_at<const double>(row, kOperands, kDraftSettings));
      const Speculation::Result out{operand_at<int32_t>(row, kOperands, kAccepted),
                                    operand_at<int32_t>(row, kOperands, kOutTokens),
                                    operand_at<float>(row, kOperands, kOutLogs), results(call)};
      out.clear();
      // Copied, as settings are: somebody else may write to the array.
      std::memcpy(work.drafted, operand_at<const int32_t>(row, kOperands, kDraftTokens),
                  drafted(call) * sizeof *work.drafted);
      Refusal why = Refusal::kSettings;
      if (fits(call, target) && fits(call, draft)) {
        Speculation speculation(call, target, draft, &work.target, &work.draft, work.rest);
        if (one(call, x + r * call.x_stride, &speculation, work.drafted,
                operand_at<const float>(row, kOperands, kDraftRows), out, &why)) {
          continue;
        }
      }
      out.clear();
      *out.accepted = -1;
      refuse(row, 0, why);
    }
  }

  static constexpr Operator entry() {
    return Worked<Speculate>::entry(
        Listed<Speculate>::entry({kName, Output::kNone, valid, nullptr, rows, nullptr, nullptr,
                                  nullptr, nullptr, nullptr, nullptr, nullptr}));
  }
};

}  // namespace
}  // namespace softlane
