// A call row by row: each thread takes some rows, and converts those of another format.
#include "../rows/order.h"
#include "work.h"
#include "workspace.h"

namespace softlane {
namespace {

// Elements below which other threads are not asked: about as long as waking one takes.
constexpr size_t kSmall = size_t{1} << 16;

// Elements of a block of rows: the unit that a thread takes, and between two of which *cancel is
// read.
constexpr size_t kSmallestChunk = size_t{1} << 13;
constexpr size_t kLargestChunk = size_t{1} << 17;

// Elements of rows of another format that are floats at a time: with their results they stay in L2.
constexpr size_t kFloatsAtATime = size_t{1} << 15;

// Some rows as floats in memory of this thread's own, where they are worked on in place.
void converted_rows(const Work& w, const void* x, void* y, size_t begin, size_t count) {
  const size_t cols = w.call.cols;
  const size_t together =
      std::min(std::max(kFloatsAtATime / std::max<size_t>(cols, 1), size_t{1}), count);
  const Workspace<Use::kFloats> memory(together * cols * sizeof(float));
  float* const floats = static_cast<float*>(memory.data());
  if (floats == nullptr) {
    w.findings.no_memory = true;
    return;
  }
  for (size_t r = begin; r < begin + count; r += together) {
    const size_t some = std::min(together, begin + count - r);
    for (size_t i = 0; w.widens() && i < some; i++) w.widen(x, r + i, floats + i * cols, 0, cols);
    const float* from = w.widens() ? floats : static_cast<const float*>(w.input_at(x, r));
    void* to = w.narrows() ? floats : w.output_at(y, r);
    kernel_rows(w, from, w.widens() ? cols : w.call.x_stride, to,
                w.narrows() ? cols : w.call.y_stride, r, some, w.call.operands, 0);
    for (size_t i = 0; w.narrows() && i < some; i++) {
      w.narrow(floats + i * cols, r + i, y, 0, cols);
    }
  }
}

// The rows from one on.
void rows(const Work& w, const void* x, void* y, size_t begin, size_t count) {
  if (w.gathers()) {
    gathered_rows(w, x, y, begin, count);
  } else if (w.widens() || w.narrows()) {
    converted_rows(w, x, y, begin, count);
  } else {
    kernel_rows(w, static_cast<const float*>(w.input_at(x, begin)), w.call.x_stride,
                w.output_at(y, begin), w.call.y_stride, begin, count, w.call.operands, 0);
  }
}

}  // namespace

void kernel_rows(const Work& w, const float* x, size_t x_stride, void* y, size_t y_stride,
                 size_t row, size_t count, void* const* operands, size_t first) {
  w.at_row(row, [&](Call& call) {
    call.x_stride = x_stride;
    call.y_stride = y_stride;
    call.operands = operands;
    call.first = first;
    call.scratch = call.stream ? scratch() : nullptr;
    if (w.op.workspace_bytes == nullptr) {
      w.op.rows(call, x, y, count);
      return;
    }
    const Workspace<Use::kKernel> workspace(w.op.workspace_bytes(call));
    call.workspace = workspace.data();
    if (call.workspace == nullptr) {
      w.findings.no_memory = true;
    } else {
      w.op.rows(call, x, y, count);
    }
  });
}

bool run_rows(Work& w, const void* x, void* y) {
  const size_t count = w.call.rows, cols = std::max<size_t>(w.call.cols, 1);
  const bool shared = w.threads > 1 && count > 1 && count * cols >= kSmall;
  if (!shared && w.cancel == nullptr) {
    w.alone = true;
    rows(w, x, y, 0, w.call.rows);
    return true;
  }
  size_t chunk = std::max<size_t>(kLargestChunk / cols, 1);
  if (shared) {
    const size_t even = ceil_divide(count, static_cast<size_t>(w.threads) * kChunksPerThread);
    chunk = std::min(chunk, std::max(even, ceil_divide(kSmallestChunk, cols)));
  }
  if (w.gathers()) chunk = ceil_divide(chunk, kLanes) * kLanes;
  return each(ceil_divide(count, chunk), shared ? w.threads : 1, w.cancel, [&](size_t i) {
    const size_t begin = i * chunk;
    rows(w, x, y, begin, std::min(chunk, count - begin));
  });
}

}  // namespace softlane
