// Rows that lead kernels along each of their ways, the same on every machine.
#pragma once

#include <cmath>
#include <limits>

#include "program.h"

namespace softlane {
namespace testing {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2654435769u + 1) {}
  uint32_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 33);
  }
  size_t below(size_t n) { return next() % n; }
  float uniform(float low, float high) {
    return low + (high - low) * static_cast<float>(next() & 0xffffff) * 0x1p-24f;
  }

 private:
  uint64_t state_;
};

constexpr const char* kRowNames[] = {"ordinary",    "wide",      "one dominant",  "normalised",
                                     "huge",        "masked",    "mostly masked", "a NaN",
                                     "an infinity", "subnormals"};
constexpr size_t kRowKinds = sizeof kRowNames / sizeof *kRowNames;

inline void fill_row(size_t kind, Random& random, float* x, size_t n) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < n; i++) {
    switch (kind) {
      case 1:
        x[i] = random.uniform(-150, 150);
        break;
      case 3:
        x[i] = -std::log(static_cast<float>(n));
        break;
      case 4:
        x[i] = i % 2 == 0 ? 3e38f : -3e38f;
        break;
      case 5:
        x[i] = -infinity;
        break;
      case 6:
        x[i] = random.below(8) == 0 ? random.uniform(-5, 5) : -infinity;
        break;
      case 9:
        x[i] = float_of(random.next() & 0x807fffff);
        break;
      default:
        x[i] = random.uniform(-5, 5);
    }
  }
  if (n == 0) return;
  if (kind == 2) x[random.below(n)] = 60;
  if (kind == 7) x[random.below(n)] = float_of(0x7fc12345);
  if (kind == 8) x[random.below(n)] = infinity;
}

}  // namespace testing
}  // namespace softlane
