// Operators that pick elements of a row.
#pragma once

#include "../rows/drivers.h"
#include "../rows/reduce.h"

namespace softlane {
namespace {

// The index of the largest element, the lowest of equals; -1 for an empty row or one with a NaN.
struct ArgMax {
  static constexpr const char* kName = "argMax";

  static bool valid(const Call& call) { return call.cols <= INT32_MAX; }

  // Only the block that holds the maximum is read twice, from L1 where it was the last to win.
  static void row(const Call&, const float* x, int32_t* y, size_t n) {
    *y = -1;
    float best = -__builtin_inff();
    size_t where = 0;
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t length = block_length(n, i);
      if (any_nan(x + i, length)) return;
      const float m = max_element(x + i, length);
      if (m > best) best = m, where = i;
    }
    const size_t k = where + find(x + where, n - where, best);
    if (k < n) *y = static_cast<int32_t>(k);  // always, unless another thread is writing to x
  }
};

}  // namespace
}  // namespace softlane
