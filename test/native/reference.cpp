#include "reference.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#ifdef SOFTLANE_MPFR
#include <mpfr.h>
#endif

namespace softlane {
namespace testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// ULP of a float: the double is known to 2^-29, so this leaves a margin of 2^9.
constexpr double kDoubt = 0x1p-20;

int exponent_of(double value) {
  uint64_t b;
  std::memcpy(&b, &value, sizeof b);
  const int e = static_cast<int>(b >> 52 & 0x7ff) - 1023;
  return e < -126 ? -126 : e;
}

double power_of_two(int n) {
  const uint64_t b = static_cast<uint64_t>(n + 1023) << 52;
  double value;
  std::memcpy(&value, &b, sizeof value);
  return value;
}

}  // namespace

double in_double(Function f, double x) { return f == Function::kExp ? std::exp(x) : std::log(x); }

double ulp_of(double value) { return power_of_two(exponent_of(value) - 23); }

bool in_doubt(double value) {
  if (!(std::fabs(value) < 0x1p129)) return false;
  // The truth in units of half an ULP: odd numbers are the middles.
  const double halves = std::fabs(value) * power_of_two(24 - exponent_of(value));
  const double nearest = 2 * std::floor(halves / 2) + 1;
  return std::fabs(halves - nearest) < 2 * kDoubt;
}

double distance(float result, double truth) {
  if (truth != truth || result != result) return truth != truth && result != result ? 0 : kInfinity;
  if (result == 0 && std::signbit(result) && !std::signbit(truth)) return kInfinity;
  const float rounded = static_cast<float>(truth);
  if (std::isinf(rounded) || std::isinf(result)) return rounded == result ? 0 : kInfinity;
  return std::fabs(static_cast<double>(result) - truth) / ulp_of(truth);
}

#ifdef SOFTLANE_MPFR

const bool Arbiter::kPresent = true;

Arbiter arbitrate(const Wanted& wanted, float x, float result, double by_library) {
  mpfr_t truth, difference;
  mpfr_init2(truth, 160);
  mpfr_init2(difference, 160);
  mpfr_set_flt(truth, x, MPFR_RNDN);
  if (wanted.function == Function::kExp) {
    mpfr_exp(truth, truth, MPFR_RNDN);
    mpfr_mul_2si(truth, truth, -wanted.scale, MPFR_RNDN);
  } else {
    mpfr_log(truth, truth, MPFR_RNDN);
  }
  mpfr_mul_d(truth, truth, wanted.gain, MPFR_RNDN);
  Arbiter answer = {};
  answer.rounded = mpfr_get_flt(truth, MPFR_RNDN);
  const double near = mpfr_get_d(truth, MPFR_RNDN);
  mpfr_set_flt(difference, result, MPFR_RNDN);
  mpfr_sub(difference, difference, truth, MPFR_RNDN);
  answer.distance = std::fabs(mpfr_get_d(difference, MPFR_RNDN)) / ulp_of(near);
  mpfr_set_d(difference, by_library, MPFR_RNDN);
  mpfr_sub(difference, difference, truth, MPFR_RNDN);
  const double ulp = std::ldexp(1, std::ilogb(near) - 52);
  answer.library = std::fabs(mpfr_get_d(difference, MPFR_RNDN)) / ulp;
  mpfr_clear(truth);
  mpfr_clear(difference);
  return answer;
}

#else

const bool Arbiter::kPresent = false;

Arbiter arbitrate(const Wanted&, float, float, double) { return {}; }

#endif

}  // namespace testing
}  // namespace softlane
