// The order of addition. These numbers are interface: changing one changes the bits of results.
#pragma once

#include <cstddef>

namespace softlane {

// Element i of a row is in lane i % 16, counted from the row's start, whatever its address.
constexpr size_t kLanes = 16;

// Vectors 2k and 2k + 1 are added to each other, then to the block's compensated lane sums
// (reduce.h).

// Elements of a block. A block has its own exponent reference and one partial sum; partial sums are
// merged along a binary tree over the blocks (state.h). 16 KiB, so that a block read twice is read
// from L1 the second time.
constexpr size_t kBlock = 4096;

// Rows up to this length are reduced with a row a lane where there are enough of them; changes no
// bits.
constexpr size_t kShortRow = 2 * kLanes;

// Of the block of a row of n elements that begins at i.
constexpr size_t block_length(size_t n, size_t i) { return n - i < kBlock ? n - i : kBlock; }

}  // namespace softlane
