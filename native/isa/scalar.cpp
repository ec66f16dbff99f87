#define SOFTLANE_BACKEND "f32x16_scalar.h"
#include "isa.h"

namespace softlane {
extern constexpr Isa kScalar = table("scalar");
}
