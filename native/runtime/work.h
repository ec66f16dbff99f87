// A call as the parts of the runtime hand it to each other.
#pragma once

#include <algorithm>
#include <atomic>

#include "execute.h"
#include "pool.h"

namespace softlane {

// Ranges of one long row, in blocks: powers of two, so that the tree of state.h adds the same
// numbers in the same order as over the whole row.
constexpr size_t kSmallestRange = 16;
constexpr size_t kLargestRange = 256;

// Pieces of work that each thread is to find.
constexpr size_t kChunksPerThread = 8;

inline size_t ceil_divide(size_t a, size_t b) { return a / b + (a % b != 0 ? 1 : 0); }

template <class F>
bool each(size_t chunks, int threads, const std::atomic<bool>* cancel, F f) {
  const ChunkFunction call = [](void* context, size_t chunk) {
    (*static_cast<F*>(context))(chunk);
  };
  return parallel_for(chunks, threads, call, &f, cancel);
}

// What the threads of a call find out beside its results.
struct Findings {
  std::atomic<uint64_t> refused{kNoneRefused};
  std::atomic<bool> no_memory{false};

  void refuse(uint64_t code) {
    uint64_t known = refused.load(std::memory_order_relaxed);
    while (code < known && !refused.compare_exchange_weak(known, code)) continue;
  }
};

struct Work {
  Call& call;
  const Isa& isa;
  const Operator& op;
  int threads;
  const std::atomic<bool>* cancel;
  Findings& findings;
  bool past_the_cache;  // the output is
  bool alone = false;   // no other thread sees this call

  const void* input_at(const void* x, size_t row) const {
    return static_cast<const char*>(x) + row * call.x_stride * size_of(call.x_format);
  }
  void* output_at(void* y, size_t row) const {
    if (op.output == Output::kNone) return nullptr;
    if (op.output != Output::kRow) return static_cast<char*>(y) + row * 4;
    return static_cast<char*>(y) + row * call.y_stride * size_of(call.y_format);
  }
  bool gathers() const { return is_gathered(call.layout); }
  // Whether rows are read from floats of a thread's own, and written to such.
  bool widens() const { return call.x_format != Format::kF32 || gathers(); }
  bool narrows() const {
    return call.y_format != Format::kF32 || (op.output == Output::kRow && gathers());
  }

  // Elements begin to end of a row, to or from floats that are the whole row.
  void widen(const void* x, size_t row, float* to, size_t begin, size_t end) const {
    if (call.layout.inner > 1) {
      const Panel panel = {call.x_format, call.layout.inner, end - begin, 1, end - begin};
      const char* from = static_cast<const char*>(x) + offset(call.x_format, row, begin);
      isa.columns_to_rows(panel, from, to + begin);
    } else {
      const auto* from = static_cast<const uint16_t*>(input_at(x, row));
      isa.widen(call.x_format, from + begin, to + begin, end - begin);
    }
  }
  void narrow(const float* from, size_t row, void* y, size_t begin, size_t end) const {
    if (call.layout.inner > 1) {
      const Panel panel = {call.y_format, call.layout.inner, end - begin, 1, end - begin};
      char* to = static_cast<char*>(y) + offset(call.y_format, row, begin);
      isa.rows_to_columns(panel, from + begin, to);
    } else {
      auto* to = static_cast<uint16_t*>(output_at(y, row));
      isa.narrow(call.y_format, from + begin, to + begin, end - begin, past_the_cache);
    }
  }

  // Calls f with the call as a kernel gets it that begins at this row.
  template <class F>
  void at_row(size_t row, F f) const {
    // A copy waits for what has just been written to the original, a tenth of a short row.
    if (alone && !widens() && !narrows()) return begin_at(&call, row, f);
    Call own = call;
    begin_at(&own, row, f);
  }

 private:
  template <class F>
  void begin_at(Call* own, size_t row, F f) const {
    uint64_t refused = kNoneRefused;
    own->row = row;
    own->refused = &refused;
    f(*own);
    if (refused != kNoneRefused) findings.refuse(refused);
  }

  // Of an element of rows side by side, in bytes.
  size_t offset(Format format, size_t row, size_t i) const {
    const size_t inner = call.layout.inner;
    return ((row / inner * call.cols + i) * inner + row % inner) * size_of(format);
  }
};

// What a checked call lacks for kernels beside its row: an algorithm, and memory of nobody's yet.
inline void complete(const Operator& op, Call* call) {
  call->stream = Stream();
  call->prefetch = Prefetch::kAuto;
  call->scratch = nullptr;
  call->workspace = nullptr;
  call->first = 0;
  if (call->algorithm == Algorithm::kAuto && op.automatic != nullptr) {
    call->algorithm = op.automatic(call->cols);
  }
}

// A checked call, of which it makes what kernels get.
struct Plan {
  Call& call;
  bool past_the_cache;
  Findings findings;

  Plan(Call& checked, const Operator& op);
  Work work(const Isa& isa, int threads, const std::atomic<bool>* cancel) {
    const Operator& op = isa.operators[call.op];
    return {call, isa, op, std::max(threads, 1), cancel, findings, past_the_cache};
  }
  Outcome outcome() const {
    if (findings.no_memory) return {Outcome::kNoMemory, 0};
    const uint64_t refused = findings.refused;
    return {refused == kNoneRefused ? Outcome::kDone : Outcome::kRefused, refused};
  }
};

// Rows by rows (rows.cpp) and ranges of rows (long_rows.cpp). False when *cancel became true before
// everything was done. x and y are the whole call's.
bool run_rows(Work& w, const void* x, void* y);
bool run_long_rows(Work& w, const void* x, void* y);

// `count` rows of floats, x and y at the first of them, which is the call's `row`-th. `operands`
// begin at `first`.
void kernel_rows(const Work& w, const float* x, size_t x_stride, void* y, size_t y_stride,
                 size_t row, size_t count, void* const* operands, size_t first);

// Some rows of which the elements are not neighbours (gathered.cpp).
void gathered_rows(const Work& w, const void* x, void* y, size_t begin, size_t count);

}  // namespace softlane
