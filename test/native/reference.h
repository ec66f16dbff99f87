// The truth about exp and log of a float.
#pragma once

namespace softlane {
namespace testing {

enum class Function { kExp, kLog };

// The C library's double, good to about 2^-29 ULP of a float: enough wherever the truth is not next
// to the middle of two floats.
double in_double(Function f, double x);

// Whether the truth could be on either side of such a middle, as far as the double can tell.
bool in_doubt(double value);

// One ULP of float in the binade of the value, and that of the smallest normal below.
double ulp_of(double value);

// Distance of a result from the truth in ULP; infinite where no rounding explains it.
double distance(float result, double truth);

// What is to be computed: gain e^x 2^-scale, or gain ln x.
struct Wanted {
  Function function;
  double gain;
  int scale;
};

// The same by MPFR with 160 bits.
struct Arbiter {
  static const bool kPresent;
  float rounded;    // the float next to the truth
  double distance;  // of the result from the truth, in ULP
  double library;   // of the C library's double from the truth, in ULP of a double
};
Arbiter arbitrate(const Wanted& wanted, float x, float result, double by_library);

}  // namespace testing
}  // namespace softlane
