#include "pieces.h"

#include <algorithm>
#include <new>

#include "../rows/order.h"
#include "work.h"

namespace softlane {
namespace {

// Of a range that a thread takes, in elements.
constexpr size_t kRange = kSmallestRange * kBlock;
constexpr size_t kMostPiece = 64 * kRange;

bool is_power_of_two(size_t n) { return n > 0 && (n & (n - 1)) == 0; }

}  // namespace

RowInPieces::RowInPieces(const Call& call, const Isa& isa, int threads)
    : call_(call), op_(isa.operators[call.op]), threads_(std::max(threads, 1)) {
  complete(op_, &call_);
  call_.row = 0;
  call_.refused = &refused_;
}

std::unique_ptr<RowInPieces> RowInPieces::open(const Call& call, const Isa& isa, int threads) {
  std::unique_ptr<RowInPieces> row(new (std::nothrow) RowInPieces(call, isa, threads));
  if (row == nullptr || !row->op_.in_pieces || call.rows != 1) return nullptr;
  if (row->op_.reduce == nullptr) return row;
  const auto needs_max = row->op_.needs_row_max;
  if (needs_max != nullptr && needs_max(row->call_)) return nullptr;
  const size_t bytes = row->op_.state_bytes(row->call_);
  row->state_bytes_ = (bytes + kStateAlignment - 1) / kStateAlignment * kStateAlignment;
  const bool fits = bytes > 0 && row->result_.allocate(kResultBytes) &&
                    row->states_.allocate((1 + kMostPiece / kRange) * row->state_bytes_);
  if (!fits) return nullptr;
  row->op_.start(row->call_, row->state(0));
  return row;
}

bool RowInPieces::reduce(const float* x, size_t n) {
  const size_t left = call_.cols - place_;
  if (op_.reduce == nullptr || n > left || n > kMostPiece) return false;
  const bool is_whole = n % kBlock == 0 && is_power_of_two(n / kBlock) && place_ % n == 0;
  if (n != left && !is_whole) return false;
  const size_t ranges = (n + kRange - 1) / kRange;
  each(ranges, threads_, nullptr, [&](size_t i) {
    const size_t begin = i * kRange, length = std::min(kRange, n - begin);
    op_.start(call_, state(1 + i));
    op_.reduce(call_, 0, x + begin, 0, length, state(1 + i));
  });
  for (size_t i = 0; i < ranges; i++) op_.append(call_, state(0), state(1 + i));
  place_ += n;
  return true;
}

bool RowInPieces::finish(float* y) {
  if (op_.reduce == nullptr || place_ != call_.cols || is_finished_) return false;
  op_.finish(call_, state(0), nullptr, call_.cols, result_.data(), y);
  is_finished_ = refused_ == kNoneRefused;
  return is_finished_;
}

bool RowInPieces::map(const float* x, float* y, size_t n) {
  if (op_.map == nullptr || (op_.reduce != nullptr && !is_finished_)) return false;
  const size_t ranges = (n + kRange - 1) / kRange;
  return each(ranges, threads_, nullptr, [&](size_t i) {
    const size_t begin = i * kRange;
    op_.map(call_, result_.data(), x, y, begin, std::min(begin + kRange, n));
  });
}

}  // namespace softlane
