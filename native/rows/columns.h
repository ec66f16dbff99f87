// What follows a normalisation: y = t weight + bias, with a weight and a bias for each column, of
// which either may be absent. They are operands.
#pragma once

#include "map.h"
#include "operator.h"

namespace softlane {
namespace {

constexpr Operand per_column(const char* name) {
  return {name, Element::kFloat32, false, true, true, one_a_column};
}

// The first two operands of an operator that has them.
constexpr Operand kColumnOperands[] = {per_column("weight"), per_column("bias")};

// Null where it is absent.
struct ColumnArrays {
  const float* weight;
  const float* bias;
};

inline ColumnArrays column_arrays(const Call& call, const Operand* list, int weight, int bias) {
  return {operand_at<const float>(call, list, weight), operand_at<const float>(call, list, bias)};
}

template <bool kWeight, bool kBias>
struct Columns {
  ColumnArrays a;

  // t is at column i.
  template <class V>
  SOFTLANE_VECTOR V operator()(const V& t, size_t i, size_t count) const {
    if constexpr (kWeight && kBias) {
      return fma(t, load_like(t, a.weight + i, count), load_like(t, a.bias + i, count));
    } else if constexpr (kWeight) {
      return t * load_like(t, a.weight + i, count);
    } else if constexpr (kBias) {
      return t + load_like(t, a.bias + i, count);
    } else {
      return t;
    }
  }
  double in_double(double t, size_t i) const {
    if constexpr (kWeight) t *= a.weight[i];
    if constexpr (kBias) t += a.bias[i];
    return t;
  }
};

// f(columns), whose type says which of the two there are.
template <class F>
inline void with_columns(const ColumnArrays& a, F f) {
  if (a.weight != nullptr) {
    a.bias != nullptr ? f(Columns<true, true>{a}) : f(Columns<true, false>{a});
  } else {
    a.bias != nullptr ? f(Columns<false, true>{a}) : f(Columns<false, false>{a});
  }
}

}  // namespace
}  // namespace softlane
