// Calls over rows of a file, which each thread reads as it works.
#include <memory>
#include <new>

#include "mapped_file.h"
#include "work.h"
#include "workspace.h"

namespace softlane {
namespace {

// Bytes of a file that a thread takes at a time: they stay in its L2 until every call has seen
// them, and are enough to make little of what the system asks for a read.
constexpr size_t kReadAtATime = size_t{1} << 18;

// `count` rows without gaps, x at the first of them, which is the call's `begin`-th; y is the whole
// call's.
void rows_at(const Work& w, const void* x, void* y, size_t begin, size_t count) {
  const size_t cols = w.call.cols;
  const float* from = static_cast<const float*>(x);
  const bool widens = w.call.x_format != Format::kF32;
  const Workspace<Use::kFloats> memory(widens ? count * cols * sizeof(float) : 0);
  if (widens) {
    float* const floats = static_cast<float*>(memory.data());
    if (floats == nullptr) {
      w.findings.no_memory = true;
      return;
    }
    w.isa.widen(w.call.x_format, x, floats, count * cols);
    from = floats;
  }
  kernel_rows(w, from, cols, w.output_at(y, begin), w.call.y_stride, begin, count, w.call.operands,
              0);
}

}  // namespace

void execute_from(const FileRange& file, Step* steps, size_t count, int threads,
                  const std::atomic<bool>* cancel) {
  const Call& shape = steps[0].call;
  const size_t row_bytes = shape.cols * size_of(shape.x_format);
  const size_t together =
      std::min(std::max<size_t>(kReadAtATime / std::max<size_t>(row_bytes, 1), 1), shape.rows);
  const OwnBytes plan_memory = allocate(count * sizeof(Plan));
  Plan* const plans = reinterpret_cast<Plan*>(plan_memory.get());
  std::atomic<bool> unread{false}, no_memory{plans == nullptr};
  for (size_t k = 0; k < count && plans != nullptr; k++) {
    new (plans + k) Plan(steps[k].call, steps[k].isa->operators[steps[k].call.op]);
  }
  MappedFile mapped(file, shape.rows * row_bytes, size_of(shape.x_format));
  const auto take = [&](const void* x, size_t begin, size_t rows_here) {
    for (size_t k = 0; k < count; k++) {
      rows_at(plans[k].work(*steps[k].isa, 1, nullptr), x, steps[k].y, begin, rows_here);
    }
  };
  const auto some = [&](size_t i) {
    const size_t begin = i * together, rows_here = std::min(together, shape.rows - begin);
    if (unread.load(std::memory_order_relaxed) || no_memory.load(std::memory_order_relaxed)) return;
    if (mapped.data() != nullptr) {
      const MappedFile::Look look(mapped);
      return take(mapped.data() + begin * row_bytes, begin, rows_here);
    }
    const Workspace<Use::kFile> memory(together * row_bytes);
    if (memory.data() == nullptr) {
      no_memory = true;
    } else if (!read_at(file.fd, file.offset + begin * row_bytes, memory.data(),
                        rows_here * row_bytes)) {
      unread = true;
    } else {
      take(memory.data(), begin, rows_here);
    }
  };
  const bool done = shape.rows == 0 || row_bytes == 0 ||
                    each(ceil_divide(shape.rows, together), threads, cancel, some);
  if (mapped.data() != nullptr && !mapped.is_good()) unread = true;
  for (size_t k = 0; k < count; k++) {
    steps[k].outcome = !done       ? Outcome{Outcome::kStopped, 0}
                       : unread    ? Outcome{Outcome::kUnread, 0}
                       : no_memory ? Outcome{Outcome::kNoMemory, 0}
                                   : plans[k].outcome();
  }
}

}  // namespace softlane
