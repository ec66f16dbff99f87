#define SOFTLANE_BACKEND "f32x16_neon.h"
#include "isa.h"

namespace softlane {
extern constexpr Isa kNeon = table("neon");
}
