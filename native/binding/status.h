// What a function of the addon returns; the same numbers in lib/spec.ts.
#pragma once

#include <cstdint>

namespace softlane {

enum class Status : int32_t {
  kOk = 0,
  kBadSpec = 1,    // no Float64Array of the right length, or a field out of range
  kBadInput = 2,   // x: not a Float32Array, too short, or its memory is gone
  kBadOutput = 3,  // y: the same
  kOverlap = 4,    // x and y overlap, and not as an in-place call does
  kUnsupportedIsa = 5,
  kOutOfMemory = 6,
  kAborted = 7,
  kBadState = 8,
  kUnknownTicket = 9,
  kBadOperand = 10,  // an array beside x and y: not of its type, too short, missing, or gone
  kUnread = 11,      // a file that rows are in could not be read, or ended before them
  // From 16 on: why a row was refused, with 256 times the row (rows/operator.h).
};

}  // namespace softlane
