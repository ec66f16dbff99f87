// The sampler as an operator: its operands, its memory, and each row through sampling.h.
#pragma once

#include "../rows/drivers.h"
#include "sampling.h"

namespace softlane {
namespace {

struct SampleWork {
  Adjusted* adjusted;
  uint32_t* slots;
  int32_t* matches;
  FilterWork filter;
  size_t bytes;

  SampleWork(const Call& call, void* memory) {
    MemoryParts all{static_cast<char*>(memory)};
    const size_t most = static_cast<size_t>(call.params[kMostAdjusted]);
    adjusted = all.take<Adjusted>(most);
    slots = all.take<uint32_t>(AdjustedTokens::slots(most));
    matches = all.take<int32_t>(static_cast<size_t>(call.params[kMostHistory]));
    filter.take(&all, call.cols, most, static_cast<size_t>(call.params[kCapacity]));
    bytes = all.used;
  }
};

struct Sample {
  static constexpr const char* kName = "sample";

  enum {
    kSettings,
    kHistory,
    kBiasTokens,
    kBiasValues,
    kBreakers,
    kAllowed,
    kTokens,
    kLogs,
    kRaw,
    kFiltered
  };

  template <int I>
  static size_t param(const Call& call) {
    return static_cast<size_t>(call.params[I]);
  }
  static size_t fields(const Call&) { return kSampleFields; }
  static size_t columns(const Call& call) { return call.cols; }
  static size_t mask_words(const Call& call) {
    return (call.cols + 31) / 32 * static_cast<size_t>(call.params[kMaskCount]);
  }
  static constexpr Operand kOperands[] = {
      {"settings", Element::kFloat64, false, false, false, fields},
      {"history", Element::kInt32, false, true, true, param<kHistoryLength>},
      {"biasTokens", Element::kInt32, false, true, true, param<kBiasLength>},
      {"biasValues", Element::kFloat32, false, true, true, param<kBiasLength>},
      {"breakers", Element::kInt32, false, true, true, param<kBreakersLength>},
      {"allowed", Element::kUint32, false, true, true, mask_words},
      {"tokens", Element::kInt32, true, false, false, param<kDraws>},
      {"logProbs", Element::kFloat32, true, false, false, param<kDraws>},
      {"rawLogProbs", Element::kFloat32, true, true, false, param<kDraws>},
      {"filtered", Element::kFloat32, true, true, false, columns},
  };

  static bool valid(const Call& call) {
    if (call.cols > INT32_MAX) return false;
    for (int i = 0; i <= kCapacity; ++i) {
      const double v = call.params[i];
      if (!(v >= 0 && v <= 0x1p31) || v != static_cast<double>(static_cast<int64_t>(v)))
        return false;
    }
    return call.params[kDraws] >= 1 && call.params[kReplacement] <= 1 && call.params[kMaskNaN] <= 1;
  }

  static size_t workspace_bytes(const Call& call) { return SampleWork(call, nullptr).bytes; }

  // Whether a row's candidates fit, and the arrays that it points to are there.
  static bool fits(const Call& call, const Settings& s) {
    const auto given = [&](int operand) { return call.operands[operand] != nullptr; };
    if (!s.valid(call.params)) return false;
    if (s.history() > 0 && !given(kHistory)) return false;
    if (s.biases() > 0 && (!given(kBiasTokens) || !given(kBiasValues))) return false;
    if (s[kBreakersEnd] > s[kBreakersBegin] && !given(kBreakers)) return false;
    if (s[kAllowedMask] >= 0 && !given(kAllowed)) return false;
    const bool many = call.params[kDraws] != 1, distinct = call.params[kReplacement] == 0;
    if (many && (s[kMethod] == kGreedy || (s[kMethod] == kGumbel && !distinct))) return false;
    const double n = static_cast<double>(call.cols);
    return call.params[kCapacity] >= n || call.params[kCapacity] >= candidates_needed(s, n);
  }

  static void row(const Call& call, SampleWork* work, const float* x, size_t r) {
    const auto at = [&](auto* kind, int operand) {
      using T = std::remove_pointer_t<decltype(kind)>;
      T* p = operand_at<T>(call, kOperands, operand);
      return p == nullptr || kOperands[operand].shared ? p : p + r * kOperands[operand].width(call);
    };
    const size_t draws = static_cast<size_t>(call.params[kDraws]), n = call.cols;
    const SampleResult out{
        at(static_cast<int32_t*>(nullptr), kTokens), at(static_cast<float*>(nullptr), kLogs),
        at(static_cast<float*>(nullptr), kRaw), at(static_cast<float*>(nullptr), kFiltered), draws};
    Refusal why = Refusal::kSettings;
    if (!one(call, work, Settings(at(static_cast<double*>(nullptr), kSettings)), x, n, out, &why)) {
      for (size_t i = 0; i < draws; ++i) out.put(i, -1, __builtin_nan(""));
      refuse(call, r, why);
    }
    if (out.raw == nullptr) return;
    const double log = log_sum(call, *work, x);
    for (size_t i = 0; i < draws; ++i) {
      // Somebody else may have written to the array, so it is looked at as if it were given.
      const size_t token = static_cast<uint32_t>(out.tokens[i]);
      out.raw[i] = token < n ? static_cast<float>(x[token] - log) : out.log_probabilities[i];
    }
  }

  // Of the logits as they came, but for a NaN that is masked.
  static double log_sum(const Call& call, const SampleWork& work, const float* x) {
    const size_t n = call.cols;
    if (call.params[kMaskNaN] == 0) {
      const Partial raw = row_sum(Units(1), {automatic_sum(n)}, x, n);
      return raw.shift + log_unshifted(raw);
    }
    AdjustedTokens none(work.adjusted, work.slots, work.matches);
    SampleRow row = work.filter.row(x, n, none, nullptr, true);
    row.prepare();
    Survey survey;
    survey.blocks = work.filter.partials;
    bool empty;
    return survey.read(row, Units(1), &empty) ? survey.sum.shift + log_unshifted(survey.sum)
                                              : __builtin_nan("");
  }

  static bool one(const Call& call, SampleWork* work, const Settings& s, const float* x, size_t n,
                  const SampleResult& out, Refusal* why) {
    if (!fits(call, s)) return false;
    const SampleArrays arrays{static_cast<const int32_t*>(call.operands[kHistory]),
                              static_cast<const int32_t*>(call.operands[kBiasTokens]),
                              static_cast<const float*>(call.operands[kBiasValues]),
                              static_cast<const int32_t*>(call.operands[kBreakers])};
    AdjustedTokens tokens(work->adjusted, work->slots, work->matches);
    *why = Refusal::kToken;
    if (!tokens.take(s, arrays, x, n)) return false;
    const uint32_t* allowed = static_cast<const uint32_t*>(call.operands[kAllowed]);
    if (s[kAllowedMask] < 0) {
      allowed = nullptr;
    } else {
      allowed += s.size(kAllowedMask) * ((n + 31) / 32);
    }
    SampleRow row = work->filter.row(x, n, tokens, allowed, call.params[kMaskNaN] != 0);
    const bool distinct = call.params[kReplacement] == 0;
    return Sampling(s, row, &work->filter, distinct).run(out, why);
  }

  static void rows(const Call& call, const float* x, void*, size_t count) {
    SampleWork work(call, call.workspace);
    for (size_t r = 0; r < count; ++r) row(call, &work, x + r * call.x_stride, r);
  }

  static constexpr Operator entry() {
    Operator op = Listed<Sample>::entry({kName, Output::kNone, valid, nullptr, rows, nullptr,
                                         nullptr, nullptr, nullptr, nullptr, nullptr, nullptr});
    op.workspace_bytes = workspace_bytes;
    return op;
  }
};

}  // namespace
}  // namespace softlane
