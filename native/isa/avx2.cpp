#define SOFTLANE_BACKEND "f32x16_avx2.h"
#include "isa.h"

namespace softlane {
extern constexpr Isa kAvx2 = table("avx2");
}
