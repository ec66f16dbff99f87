// Runs a checked call: on the caller's thread, or split over the pool by rows, or, for one long
// row, by ranges of blocks. How the work is split never changes a bit of the result.
#pragma once

#include <atomic>

#include "../isa/table.h"
#include "file.h"

namespace softlane {

// How outputs of rows are stored: as their size says, or always in one way. Process-wide, for
// measuring; changes no bits.
enum class Stores : int32_t { kAuto, kOrdinary, kStreaming };
constexpr int kStoresCount = 3;
void set_stores(Stores stores);

// What passes over memory ask for before they read it (rows/prefetch.h), likewise.
void set_prefetch(Prefetch wanted);

// kStopped: *cancel became true before everything was done; outputs are then partly written.
// kRefused: a row has no result; `refused` says which and why (rows/operator.h), every other row
// has its own. kUnread: the file that the rows are in could not be read, or ended before them.
struct Outcome {
  enum Kind { kDone, kStopped, kNoMemory, kRefused, kUnread } kind;
  uint64_t refused;
};

// The call is used up: what kernels are told is written into it, as a copy of its 400 bytes takes a
// tenth of a short row. cancel may be null. threads: at least 1, the caller's included. x and rows
// of y are of the call's formats.
Outcome execute(Call&& call, const Isa& isa, const void* x, void* y, int threads,
                const std::atomic<bool>* cancel);

// A call over rows of a file. All steps of one have the same rows, columns and format of x, and no
// gap between rows.
struct Step {
  Call call;
  const Isa* isa;
  void* y;
  Outcome outcome;
};

// Runs them all over rows that lie one after another from a byte of the file on, and says for each
// what came of it. A thread reads some rows into memory of its own that stays in its cache, and
// takes every step through them before it reads more. Their calls are used up.
void execute_from(const FileRange& file, Step* steps, size_t count, int threads,
                  const std::atomic<bool>* cancel);

}  // namespace softlane
