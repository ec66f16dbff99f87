// One row that is longer than memory: it comes piece by piece, once to be reduced and, where it
// becomes a row, once more to be mapped.
#pragma once

#include <memory>

#include "../isa/table.h"
#include "memory.h"

namespace softlane {

class RowInPieces {
 public:
  // Null where the operator, or this way of it, needs the row as a whole, or without memory. The
  // call has one row.
  static std::unique_ptr<RowInPieces> open(const Call& call, const Isa& isa, int threads);

  // Elements from the place on where the last piece ended. All pieces but the last are a power of
  // two of blocks. False for a piece that does not fit.
  bool reduce(const float* x, size_t n);
  // After the last of them: the row's number, which is in y, or what map needs.
  bool finish(float* y);
  bool map(const float* x, float* y, size_t n);

 private:
  RowInPieces(const Call& call, const Isa& isa, int threads);
  void* state(size_t i) const { return static_cast<char*>(states_.data()) + i * state_bytes_; }

  Call call_;
  const Operator& op_;
  int threads_;
  uint64_t refused_ = kNoneRefused;
  size_t place_ = 0;
  size_t state_bytes_ = 0;
  bool is_finished_ = false;
  Memory states_;  // the row's, then those of the ranges of a piece
  Memory result_;
};

}  // namespace softlane
