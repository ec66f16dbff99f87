// Builds the table of the backend that the translation unit has chosen.
#pragma once

#include "../lab/memory.h"
#include "../lab/naive.h"
#include "../ops/activation.h"
#include "../ops/decoding.h"
#include "../ops/distance.h"
#include "../ops/divergence.h"
#include "../ops/ensemble.h"
#include "../ops/log_softmax.h"
#include "../ops/loss.h"
#include "../ops/masks.h"
#include "../ops/norm.h"
#include "../ops/overlap.h"
#include "../ops/pooling.h"
#include "../ops/sample.h"
#include "../ops/scores.h"
#include "../ops/select.h"
#include "../ops/sets.h"
#include "../ops/speculate.h"
#include "../ops/stats.h"
#include "../ops/top_k.h"
#include "../ops/variants.h"
#include "../ops/variants_exp.h"
#include "../rows/convert.h"
#include "../rows/panel.h"
#include "table.h"

namespace softlane {
namespace {

// One line an operator. The order is that of the numbers the binding hands out; names are what the
// catalogue in lib/ knows them by.
// clang-format off
constexpr Operator kOperators[] = {
    ReduceMapDriver<Softmax>::entry(),
    ReduceMapDriver<LogSoftmax>::entry(),
    ReduceDriver<LogSumExp>::entry(),
    SelectDriver<ArgMax>::entry(),
    MapDriver<Silu>::entry(),
    RecordDriver<TopK>::entry(),
    ReduceDriver<Entropy>::entry(),
    ReduceDriver<MaxProbability>::entry(),
    ReduceDriver<LeastConfidence>::entry(),
    ReduceDriver<Margin>::entry(),
    ReduceDriver<Energy>::entry(),
    ReduceDriver<MaxLogit>::entry(),
    ReduceDriver<MaxLogitPNorm>::entry(),
    MapDriver<Gelu>::entry(),
    MapDriver<GeluTanh>::entry(),
    ScaledMapDriver<Dyt>::entry(),
    RecordDriver<RowStats>::entry(),
    FoldDriver<CrossEntropy>::entry(),
    FoldDriver<FocalLoss>::entry(),
    FoldDriver<CompSumLoss>::entry(),
    FoldDriver<ZLoss>::entry(),
    PairDriver<Divergence>::entry(),
    ReduceMapDriver<LayerNorm>::entry(),
    ReduceMapDriver<RmsNorm>::entry(),
    RowDriver<StableMax>::entry(),
    RowDriver<Projected<Sparsemax>>::entry(),
    RowDriver<Projected<Entmax15>>::entry(),
    FoldDriver<El2n>::entry(),
    PairDriver<ZScoreLoss>::entry(),
    PairDriver<DecoupledCrossEntropy>::entry(),
    PairDriver<NkdLoss>::entry(),
    PairDriver<EnsembleKdLoss>::entry(),
    PairDriver<SetProbability>::entry(),
    RecordDriver<EnsembleStats>::entry(),
    RecordMapDriver<AddLayerNorm>::entry(),
    RecordMapDriver<AddRmsNorm>::entry(),
    RowDriver<Softpick>::entry(),
    RowDriver<SelfAdjustSoftmax>::entry(),
    RowDriver<AdaptiveTemperatureSoftmax>::entry(),
    RowDriver<TopP>::entry(),
    RowDriver<MinP>::entry(),
    RowDriver<TypicalP>::entry(),
    RowDriver<TopNSigma>::entry(),
    RowDriver<EpsilonCutoff>::entry(),
    RowDriver<EtaCutoff>::entry(),
    RowDriver<QuantileCutoff>::entry(),
    RowDriver<GumbelSoftmax>::entry(),
    RowDriver<GuidedLogits>::entry(),
    PairDriver<AcceptanceLimit>::entry(),
    ReduceDriver<SoftPool>::entry(),
    PairDriver<SpladeMax>::entry(),
    PairDriver<SpladeSum>::entry(),
    PairDriver<Threshold<Sparsemax>>::entry(),
    PairDriver<Threshold<Entmax15>>::entry(),
    FoldDriver<TverskyLoss>::entry(),
    PairDriver<SelfConsistency>::entry(),
    Sample::entry(),
    Speculate::entry(),
    ClassDistance::entry(),
};
// clang-format on

// Operators at the end that the catalogue does not list.
constexpr int kUnlisted = 3;

inline void state_push(State* state, const float* x, size_t n) {
  push_range(Units(state->temperature), {automatic_sum(n)}, x, n, state);
}
inline double state_finish(const State& state) {
  const Partial sum = total(state);
  return sum.shift / state.temperature + log_unshifted(sum);
}

template <class F>
inline void each_vector(size_t n, F f) {
  for (size_t i = 0; i < n; i += kLanes) f(i, n - i < kLanes ? n - i : kLanes);
}
inline void exp_array(const float* x, float* y, size_t n) {
  each_vector(n, [=](size_t i, size_t count) {
    store_first(y + i, exp(load_first(x + i, count, 0.0f)), count);
  });
}
inline void log_array(const float* x, float* y, size_t n) {
  each_vector(n, [=](size_t i, size_t count) {
    store_first(y + i, log(load_first(x + i, count, 1.0f)), count);
  });
}
inline void ext_exp_array(const float* x, float* mantissa, float* exponent, size_t n) {
  const ExtExp k(exp_constants(kWithGain, 1.0), 0);
  each_vector(n, [=](size_t i, size_t count) {
    const f32x16 v = load_first(x + i, count, 0.0f);
    const f32x16 z = k.round(v);
    const f32x16 whole = floor_eighths(z) - k.magic;
    store_first(mantissa + i, k.power(z - whole, k.tail(v, z)), count);
    store_first(exponent + i, whole * set1(0.125f), count);
  });
}

constexpr Isa table(const char* name) {
  return {name,
          kOperators,
          sizeof kOperators / sizeof *kOperators - kUnlisted,
          kUnlisted,
          row_max,
          state_push,
          state_finish,
          widen,
          narrow,
          columns_to_rows,
          rows_to_columns,
          exp_array,
          log_array,
          ext_exp_array,
          memory_traffic,
          naive_softmax};
}

}  // namespace
}  // namespace softlane
