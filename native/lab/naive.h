// Softmax as its definition says it, without a maximum: the first algorithm of the
// online-normalizer paper, which nobody can use (a logit above 88 overflows) and everything is
// compared with. Two loads and one store an element. The perf lab's alone; its arithmetic is that
// of the product's kernels.
#pragma once

#include "../ops/softmax.h"

namespace softlane {
namespace {

inline void naive_softmax(const float* x, float* y, size_t rows, size_t cols) {
  const Units u(1.0);
  const Terms terms(u, kBias);  // e^x itself: no common exponent
  for (size_t r = 0; r < rows; ++r) {
    const float* from = x + r * cols;
    const double m = kOverGain * sum(from, cols, -__builtin_inff(), terms, NoSink());
    const Quotient quotient({m, 0, 0, 0}, kBias);
    map(from, y + r * cols, cols,
        [&](const auto& v) SOFTLANE_VECTOR { return quotient(terms(v)); });
  }
}

}  // namespace
}  // namespace softlane
