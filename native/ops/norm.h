// Normalisations of a row by its own moments, with a weight and a bias a column. docs/norm.md.
#pragma once

#include "../rows/drivers.h"
#include "moments.h"

namespace softlane {
namespace {

// y = ((x - base) - offset) * scale. base is a float, so that x - base is exact where it is small
// beside x; offset is what base lacks.
struct Centring {
  double base, offset, scale;
  bool floats;  // nothing leaves the range of a float on the way
};

// What the normalisations share; an operator adds kName and centring(moments), of which the scale
// is 1 / sqrt(variance + epsilon) once its variance is set.
template <class Op>
struct Norm : NoShortcuts {
  static constexpr int kEpsilon = 3;  // the place in Call::params

  static constexpr const auto& kOperands = kColumnOperands;

  struct Context {
    double epsilon;
    ColumnArrays columns;
  };
  using State = MomentsTree;
  using Result = Centring;
  static bool valid(const Call& call) {
    return call.params[kEpsilon] >= 0 && call.params[kEpsilon] <= 0x1p100;
  }
  static Context context(const Call& call) {
    return {call.params[kEpsilon], column_arrays(call, kOperands, 0, 1)};
  }
  static bool needs_row_max(const Call&) { return false; }
  static Algorithm automatic(size_t) { return Algorithm::kOnline; }

  static void start(const Call&, State* state) { state->start({}); }
  static void append(State* state, const State& next) { state->append(next); }
  static Moments close(const State& state) { return state.total(); }
  static void reduce(const Call&, const Context&, float, const float* x, size_t n, State* state) {
    push_moments(x, n, state);
  }
  static void reduce_row(const Call& call, const Context& c, const float* x, float*, size_t n,
                         Result* result) {
    finish(call, c, moments_of_row(x, n), x, n, result);
  }
  static void finish(const Call&, const Context& c, const Moments& m, const float*, size_t n,
                     Result* result) {
    // Nothing is masked here: an infinity of either sign leaves no row.
    if (!has_moments(m) || m.count != static_cast<double>(n)) {
      *result = {0, 0, __builtin_nan(""), false};
      return;
    }
    double variance;
    const double base = Op::base(m, &variance);
    const float near = static_cast<float>(base);
    const double root = variance + c.epsilon;
    // Nothing to scale is 0, as it is for every epsilon but 0.
    const double scale = root > 0 ? 1 / __builtin_sqrt(root) : 0;
    const double size = m.most > -m.least ? m.most : -m.least;
    const bool floats = size < 0x1p100 && scale > 0x1p-100 && scale < 0x1p100;
    *result = {near, base == 0 ? 0 : (m.base - near) + m.offset, scale, floats};
  }
  static void map_row(const Call& call, const Context& c, const Result& r, const float* x, float* y,
                      size_t n) {
    map_range(call, c, r, x, y, 0, n);
  }
  static void map_range(const Call& call, const Context& c, const Result& r, const float* x,
                        float* y, size_t begin, size_t end) {
    if (r.scale != r.scale) return fill(y + begin, end - begin, __builtin_nanf(""));
    with_columns(c.columns, [&](const auto& columns) {
      if (r.floats) return map_floats(call, columns, r, x, y, begin, end);
      for (size_t i = begin; i < end; ++i) {
        const double t = ((x[i] - r.base) - r.offset) * r.scale;
        y[i] = static_cast<float>(columns.in_double(t, i));
      }
    });
  }

 private:
  template <class C>
  static void map_floats(const Call& call, const C& columns, const Result& r, const float* x,
                         float* y, size_t begin, size_t end) {
    const float scale = static_cast<float>(r.scale), offset = static_cast<float>(r.offset);
    const splat base = set1(static_cast<float>(r.base)), offset_hi = set1(offset);
    const splat offset_lo = set1(static_cast<float>(r.offset - offset));
    const splat hi = set1(scale), lo = set1(static_cast<float>(r.scale - scale));
    map_places(x + begin, y + begin, end - begin, call.stream,
               [&](const auto& v, size_t i, size_t count) SOFTLANE_VECTOR {
                 const auto d = Op::centred(v, base, offset_hi, offset_lo);
                 return columns(fma(d, hi, d * lo), begin + i, count);
               });
  }
};

// (x - mean) / sqrt(variance + epsilon), the variance over n. At most 4 ULP (docs/norm.md).
struct LayerNorm : Norm<LayerNorm> {
  static constexpr const char* kName = "layerNorm";
  static double base(const Moments& m, double* variance) {
    *variance = m.squares > 0 ? m.squares / m.count : 0;
    return mean(m);
  }
  template <class V>
  SOFTLANE_VECTOR static V centred(const V& v, const splat& base, const splat& hi,
                                   const splat& lo) {
    return ((v - base) - hi) - lo;
  }
};

// x / sqrt(mean of squares + epsilon). At most 3 ULP (docs/norm.md).
struct RmsNorm : Norm<RmsNorm> {
  static constexpr const char* kName = "rmsNorm";
  // Both parts of the mean of squares are positive: nothing cancels.
  static double base(const Moments& m, double* variance) {
    const double spread = m.squares > 0 ? m.squares / m.count : 0;
    *variance = spread + mean(m) * mean(m);
    return 0;
  }
  template <class V>
  SOFTLANE_VECTOR static V centred(const V& v, const splat&, const splat&, const splat&) {
    return v;
  }
};

// The norm of x + residual, which is rounded to a float before: that sum, if it is asked for, and
// the norm of its elements, which has the bits of the norm of the sum on its own.
template <class Norm>
struct AddNorm {
  enum { kResidual, kWeight, kBias, kNormalised, kSum, kCount };
  static constexpr Operand kOperands[kCount] = {
      {"residual", Element::kFloat32, false, false, false, one_a_column},
      per_column("weight"),
      per_column("bias"),
      {"normalised", Element::kFloat32, true, false, false, one_a_column},
      {"sum", Element::kFloat32, true, true, false, one_a_column},
  };
  using Context = typename Norm::Context;
  using State = typename Norm::State;
  using Result = typename Norm::Result;

  static bool valid(const Call& call) { return Norm::valid(call); }
  static Context context(const Call& call) {
    return {call.params[Norm::kEpsilon], column_arrays(call, kOperands, kWeight, kBias)};
  }
  static void start(const Call& call, const Context&, State* state) { Norm::start(call, state); }
  static void append(State* state, const State& next) { Norm::append(state, next); }

  // The sums stand where the norms will, unless they are wanted themselves.
  static float* sums(const Call& call) {
    return operand_at<float>(call, kOperands, call.operands[kSum] == nullptr ? kNormalised : kSum);
  }
  static void reduce(const Call& call, const Context& c, const float* x, size_t begin, size_t end,
                     State* state) {
    const float* residual = operand_at<const float>(call, kOperands, kResidual);
    float* to = sums(call);
    for (size_t i = begin; i < end; i += kBlock) {
      const size_t n = block_length(end, i);
      map_places(x + i, to + i, n, Stream(),
                 [=](const auto& v, size_t at, size_t count)
                     SOFTLANE_VECTOR { return v + load_like(v, residual + i + at, count); });
      Norm::reduce(call, c, 0, to + i, n, state);
    }
  }
  static void finish(const Call& call, const Context& c, const State& state, size_t n,
                     Result* result) {
    Norm::finish(call, c, Norm::close(state), nullptr, n, result);
  }
  static void map_range(const Call& call, const Context& c, const Result& r, size_t begin,
                        size_t end) {
    float* normalised = operand_at<float>(call, kOperands, kNormalised);
    Norm::map_range(call, c, r, sums(call), normalised, begin, end);
  }
};

struct AddLayerNorm : AddNorm<LayerNorm> {
  static constexpr const char* kName = "addLayerNorm";
};
struct AddRmsNorm : AddNorm<RmsNorm> {
  static constexpr const char* kName = "addRmsNorm";
};

}  // namespace
}  // namespace softlane
