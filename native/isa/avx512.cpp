#define SOFTLANE_BACKEND "f32x16_avx512.h"
#include "isa.h"

namespace softlane {
extern constexpr Isa kAvx512 = table("avx512");
}
