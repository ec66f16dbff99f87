// The sampler's cuts as operators: a row of logits to the same row with what is cut at -inf. What
// is kept is what the sampler's step keeps, by the same code.
#pragma once

#include "../rows/drivers.h"
#include "filter.h"

namespace softlane {
namespace {

constexpr int kMaskTemperature = 0, kMaskLimit = 2, kMaskNaNs = 4;  // places in Call::params

inline bool valid_mask(const Call& call) {
  return call.params[kMaskNaNs] == 0 || call.params[kMaskNaNs] == 1;
}

// What a row with a NaN gives where that is an error.
inline void refuse_nan(const Call& call, float* y, size_t n) {
  refuse(call, 0, Refusal::kNaN);
  fill(y, n, __builtin_nanf(""));
}

// A function of f32x16 as one of V.
template <class F>
struct EachVector {
  F f;
  SOFTLANE_VECTOR f32x16 operator()(const f32x16& v) const { return f(v); }
  template <size_t N>
  SOFTLANE_VECTOR wide<N> operator()(const wide<N>& v) const {
    return in_step<N>(f, v);
  }
};
template <class F>
inline void map_vectors(const Call& call, const float* x, float* y, size_t n, F f) {
  map(x, y, n, call.stream, EachVector<F>{f});
}

// One step of the sampler with one number. Op has kName, kStep, kField, and the least and the most
// of the number.
template <class Op>
struct Mask {
  static bool valid(const Call& call) {
    const double limit = call.params[kMaskLimit];
    return valid_mask(call) && call.cols <= INT32_MAX && valid_temperature(Op::temperature(call)) &&
           limit >= Op::kLeast && limit <= Op::kMost;
  }
  static double temperature(const Call& call) { return call.params[kMaskTemperature]; }

  static size_t take(const Call& call, void* memory, FilterWork* work) {
    MemoryParts all{static_cast<char*>(memory)};
    work->take(&all, call.cols, 0, call.cols);
    return all.used;
  }
  static size_t workspace_bytes(const Call& call) {
    FilterWork work;
    return take(call, nullptr, &work);
  }

  static void row(const Call& call, const float* x, float* y, size_t n) {
    FilterWork work;
    take(call, call.workspace, &work);
    Settings s;
    s.v[kTemperatureOf] = Op::temperature(call);
    s.v[Op::kField] = call.params[kMaskLimit];
    s.v[kCutOrder] = kTemperatureStep + 16 * Op::kStep;
    AdjustedTokens none(nullptr, nullptr, nullptr);
    const bool masked = call.params[kMaskNaNs] != 0;
    SampleRow row = work.row(x, n, none, nullptr, masked);
    Filter filter(s, row, &work);
    Refusal why;
    if (!filter.run(true, &why)) {
      if (why == Refusal::kMasked) return fill(y, n, -__builtin_inff());
      if (masked || !any_nan(x, n)) return fill(y, n, __builtin_nanf(""));  // a +inf
      return refuse_nan(call, y, n);
    }
    if (filter.whole()) {
      const splat nothing = set1(-__builtin_inff());
      return map_vectors(call, x, y, n,
                         [=](f32x16 v) SOFTLANE_VECTOR { return select(is_nan(v), nothing, v); });
    }
    const Kept& kept = filter.kept();
    fill(y, n, -__builtin_inff());
    for (size_t i = 0; i < kept.n; ++i) y[kept.token[i]] = kept.x[i];
  }
};

struct TopP : Mask<TopP> {
  static constexpr const char* kName = "topP";
  static constexpr int kStep = kTopPStep, kField = kTopP;
  static constexpr double kLeast = 0x1p-1000, kMost = 1;
};
struct MinP : Mask<MinP> {
  static constexpr const char* kName = "minP";
  static constexpr int kStep = kMinPStep, kField = kMinP;
  static constexpr double kLeast = 0, kMost = 1;
};
struct TypicalP : Mask<TypicalP> {
  static constexpr const char* kName = "typicalP";
  static constexpr int kStep = kTypicalStep, kField = kTypicalP;
  static constexpr double kLeast = 0x1p-1000, kMost = 1;
};
struct TopNSigma : Mask<TopNSigma> {
  static constexpr const char* kName = "topNSigma";
  static constexpr int kStep = kTopNSigmaStep, kField = kTopNSigma;
  static constexpr double kLeast = 0, kMost = 0x1p100;
  static double temperature(const Call&) { return 1; }  // none changes what is kept
};
struct EpsilonCutoff : Mask<EpsilonCutoff> {
  static constexpr const char* kName = "epsilonCutoff";
  static constexpr int kStep = kEpsilonStep, kField = kEpsilon;
  static constexpr double kLeast = 0, kMost = 1;
};
struct EtaCutoff : Mask<EtaCutoff> {
  static constexpr const char* kName = "etaCutoff";
  static constexpr int kStep = kEtaStep, kField = kEta;
  static constexpr double kLeast = 0, kMost = 1;
};

// Keeps what is not below the q-quantile of the elements that are not masked: of m of them in
// ascending order the one at ceil(q (m - 1)), counted from 0, and what is not less. The order alone
// decides, so nothing is rounded.
struct QuantileCutoff {
  static constexpr const char* kName = "quantileCutoff";

  static bool valid(const Call& call) {
    const double q = call.params[kMaskLimit];
    return valid_mask(call) && q >= 0 && q <= 1;
  }

  static void row(const Call& call, const float* x, float* y, size_t n) {
    if (call.params[kMaskNaNs] == 0 && any_nan(x, n)) return refuse_nan(call, y, n);
    const size_t count = at_least(x, n, value_key(-kMostLogit));
    if (count == 0) return fill(y, n, -__builtin_inff());
    const double place = call.params[kMaskLimit] * static_cast<double>(count - 1);
    size_t below = static_cast<size_t>(place);
    below += static_cast<double>(below) < place;
    // The highest key that as many elements reach as are to be kept.
    uint32_t low = value_key(-kMostLogit), high = value_key(__builtin_inff()) + 1;
    while (high - low > 1) {
      const uint32_t middle = low + (high - low) / 2;
      (at_least(x, n, middle) >= count - below ? low : high) = middle;
    }
    const splat least = set1(value_of_key(low)), nothing = set1(-__builtin_inff());
    map_vectors(call, x, y, n,
                [=](f32x16 v) SOFTLANE_VECTOR { return select(v >= least, v, nothing); });
  }

 private:
  static size_t at_least(const float* x, size_t n, uint32_t key) {
    return count_at_least(x, n, value_of_key(key));
  }
};

}  // namespace
}  // namespace softlane
