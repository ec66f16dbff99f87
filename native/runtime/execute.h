// Runs a checked call: on the caller's thread, or split over the pool by rows, or, for one long
// row, by ranges of blocks. How the work is split never changes a bit of the result.
#pragma once

#include <atomic>

#include "../isa/table.h"

namespace softlane {

// How outputs of rows are stored: as their size says, or always in one way. Process-wide, for
// measuring; changes no bits.
enum class Stores : int32_t { kAuto, kOrdinary, kStreaming };
constexpr int kStoresCount = 3;
void set_stores(Stores stores);

// False when *cancel became true before everything was done; y is then partly written. cancel may
// be null. threads: at least 1, the caller's included.
bool execute(const Call& call, const Isa& isa, const float* x, void* y, int threads,
             const std::atomic<bool>* cancel);

}  // namespace softlane
