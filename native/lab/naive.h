// Softmax as its definition says it, without a maximum: the first algorithm of the
// online-normalizer paper, which nobody can use (a logit above 88 overflows) and everything is
// compared with. Two loads and one store an element. The perf lab's alone; it shares exp and the
// sums with the others.
#pragma once

#include "../rows/map.h"
#include "../rows/reduce.h"
#include "../simd/math.h"

namespace softlane {
namespace {

inline void naive_softmax(const float* x, float* y, size_t rows, size_t cols) {
  const ExtExp k(exp_constants(1.0), 0);
  const f32x16 low = set1(-150.0f);
  const auto scaled = [=](f32x16 v, f32x16 factor) {
    const f32x16 c = max(low, v);
    const f32x16 z = k.round(c);
    return scale_or_zero(k.mantissa(c, z) * factor, z);
  };
  const f32x16 one = set1(1.0f);
  for (size_t r = 0; r < rows; ++r) {
    const float* from = x + r * cols;
    const auto term = [=](f32x16 v) { return scaled(v, one); };
    const double total = sum(from, cols, -__builtin_inff(), term, NoSink());
    const f32x16 inverse = set1(static_cast<float>(1 / total));
    map(from, y + r * cols, cols, false, [=](f32x16 v) { return scaled(v, inverse); });
  }
}

}  // namespace
}  // namespace softlane
