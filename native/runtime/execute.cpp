#include "execute.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#include "../rows/order.h"
#include "file.h"
#include "pool.h"

namespace softlane {
namespace {

// Elements below which other threads are not asked: about as long as waking one takes.
constexpr size_t kSmall = size_t{1} << 16;

// Elements of a block of rows: the unit that a thread takes, and between two of which *cancel is
// read.
constexpr size_t kSmallestChunk = size_t{1} << 13;
constexpr size_t kLargestChunk = size_t{1} << 17;
constexpr size_t kChunksPerThread = 8;

// Ranges of one long row, in blocks: powers of two, so that the tree of state.h adds the same
// numbers in the same order as over the whole row.
constexpr size_t kSmallestRange = 16;
constexpr size_t kLargestRange = 256;
constexpr size_t kMostRanges = 1024;

size_t ceil_divide(size_t a, size_t b) { return a / b + (a % b != 0 ? 1 : 0); }

struct Free {
  void operator()(char* p) const { ::operator delete[](p, std::align_val_t{kStateAlignment}); }
};
using Block = std::unique_ptr<char[], Free>;

// Null when there is no memory.
Block allocate(size_t bytes) {
  return Block(
      static_cast<char*>(::operator new[](bytes, std::align_val_t{kStateAlignment}, std::nothrow)));
}

// This thread's scratch for kernels, or null when there is no memory for it.
float* scratch() {
  static thread_local Block memory;
  if (memory == nullptr) memory = allocate(kScratch * sizeof(float));
  return reinterpret_cast<float*>(memory.get());
}

// Memory for use while a kernel works: what fits into this much a thread keeps, for each use.
constexpr size_t kKeptWorkspace = size_t{1} << 20;

enum class Use { kKernel, kFloats, kFile };

template <Use>
class Workspace {
 public:
  explicit Workspace(size_t bytes) {
    static thread_local Block kept;
    static thread_local size_t kept_bytes = 0;
    if (bytes > kKeptWorkspace) {
      own_ = allocate(bytes);
      data_ = own_.get();
      return;
    }
    if (bytes > kept_bytes) {
      kept_bytes = 0;
      kept.reset();
      kept = allocate(bytes);
      if (kept != nullptr) kept_bytes = bytes;
    }
    data_ = kept.get();
  }
  void* data() const { return data_; }

 private:
  Block own_;
  void* data_;
};

// Outputs of this many bytes are stored past the cache. Below, ordinary stores are ahead, though no
// cache keeps the output: the kernels are then bound by arithmetic and not by traffic
// (docs/benchmarks.md).
constexpr size_t kStreamedFrom = size_t{64} << 20;

std::atomic<Stores> stores_wanted{Stores::kAuto};
std::atomic<Prefetch> prefetch_wanted{Prefetch::kAuto};

bool past_the_cache(const Call& call) {
  const Stores wanted = stores_wanted.load(std::memory_order_relaxed);
  if (wanted != Stores::kAuto) return wanted == Stores::kStreaming;
  return call.rows * call.cols >= kStreamedFrom / sizeof(float);
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
  const Call& call;
  const Isa& isa;
  const Operator& op;
  int threads;
  const std::atomic<bool>* cancel;
  Findings& findings;
  bool past_the_cache;  // the output is

  const void* input_at(const void* x, size_t row) const {
    return static_cast<const char*>(x) + row * call.x_stride * size_of(call.x_format);
  }
  void* output_at(void* y, size_t row) const {
    if (op.output == Output::kNone) return nullptr;
    if (op.output != Output::kRow) return static_cast<char*>(y) + row * 4;
    return static_cast<char*>(y) + row * call.y_stride * size_of(call.y_format);
  }
  bool widens() const { return call.x_format != Format::kF32; }
  bool narrows() const { return call.y_format != Format::kF32; }

  // Elements begin to end of a row.
  void widen(const void* x, float* to, size_t begin, size_t end) const {
    isa.widen(call.x_format, static_cast<const uint16_t*>(x) + begin, to + begin, end - begin);
  }
  void narrow(const float* from, void* y, size_t begin, size_t end) const {
    isa.narrow(call.y_format, from + begin, static_cast<uint16_t*>(y) + begin, end - begin,
               past_the_cache);
  }

  // Calls f with the call as a kernel gets it that begins at this row.
  template <class F>
  void at_row(size_t row, F f) const {
    Call own = call;
    uint64_t refused = kNoneRefused;
    own.row = row;
    own.refused = &refused;
    f(own);
    if (refused != kNoneRefused) findings.refuse(refused);
  }
};

// `count` rows of floats, x and y at the first of them, which is the call's `row`-th.
void kernel_rows(const Work& w, const float* x, size_t x_stride, void* y, size_t y_stride,
                 size_t row, size_t count) {
  w.at_row(row, [&](Call& call) {
    call.x_stride = x_stride;
    call.y_stride = y_stride;
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

// Elements of rows of another format that are floats at a time: with their results they stay in L2.
constexpr size_t kFloatsAtATime = size_t{1} << 15;

// Some rows as floats in memory of this thread's own, where they are worked on in place. x is at
// the first of them, y the whole call's.
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
    const void* const first = w.input_at(x, r - begin);
    for (size_t i = 0; w.widens() && i < some; i++) {
      w.widen(w.input_at(first, i), floats + i * cols, 0, cols);
    }
    const float* from = w.widens() ? floats : static_cast<const float*>(first);
    void* to = w.narrows() ? floats : w.output_at(y, r);
    kernel_rows(w, from, w.widens() ? cols : w.call.x_stride, to,
                w.narrows() ? cols : w.call.y_stride, r, some);
    for (size_t i = 0; w.narrows() && i < some; i++) {
      w.narrow(floats + i * cols, w.output_at(y, r + i), 0, cols);
    }
  }
}

// The rows from one on; x is at the first of them, y the whole call's.
void rows(const Work& w, const void* x, void* y, size_t begin, size_t count) {
  if (w.widens() || w.narrows()) {
    converted_rows(w, x, y, begin, count);
  } else {
    kernel_rows(w, static_cast<const float*>(x), w.call.x_stride, w.output_at(y, begin),
                w.call.y_stride, begin, count);
  }
}

bool run_rows(const Work& w, const void* x, void* y) {
  const size_t count = w.call.rows, cols = std::max<size_t>(w.call.cols, 1);
  const bool shared = w.threads > 1 && count > 1 && count * cols >= kSmall;
  if (!shared && w.cancel == nullptr) {
    rows(w, x, y, 0, w.call.rows);
    return true;
  }
  size_t chunk = std::max<size_t>(kLargestChunk / cols, 1);
  if (shared) {
    const size_t even = ceil_divide(count, static_cast<size_t>(w.threads) * kChunksPerThread);
    chunk = std::min(chunk, std::max(even, ceil_divide(kSmallestChunk, cols)));
  }
  return each(ceil_divide(count, chunk), shared ? w.threads : 1, w.cancel, [&](size_t i) {
    const size_t begin = i * chunk;
    rows(w, w.input_at(x, begin), y, begin, std::min(chunk, count - begin));
  });
}

// Elements of a range of a row of n elements.
size_t range_length(size_t n, int threads) {
  const size_t blocks = ceil_divide(n, kBlock);
  const size_t enough = static_cast<size_t>(threads) * kChunksPerThread;
  size_t range = kSmallestRange;
  while (range < kLargestRange && ceil_divide(blocks, range) > enough) range *= 2;
  while (ceil_divide(blocks, range) > kMostRanges) range *= 2;
  return range * kBlock;
}

bool map_long_row(const Work& w, size_t row, const void* result, size_t range, const float* x,
                  void* y) {
  const size_t n = w.call.cols;
  return each(ceil_divide(n, range), w.threads, w.cancel, [&](size_t i) {
    const size_t begin = i * range;
    w.at_row(row, [&](const Call& call) {
      w.op.map(call, result, x, static_cast<float*>(y), begin, std::min(begin + range, n));
    });
  });
}

// One row: its maximum where the algorithm needs it, the ranges' states, their merged state, the
// map.
bool run_long_row(const Work& w, size_t row, char* states, size_t state_bytes, size_t range,
                  const float* x, void* y) {
  const size_t n = w.call.cols, ranges = ceil_divide(n, range);
  const auto begin = [=](size_t i) { return i * range; };
  const auto end = [=](size_t i) { return std::min(i * range + range, n); };
  float row_max = 0;
  if (w.op.needs_row_max != nullptr && w.op.needs_row_max(w.call)) {
    std::unique_ptr<float[]> maxima(new (std::nothrow) float[ranges]);
    if (maxima == nullptr) {
      row_max = w.isa.row_max(x, n, w.call.prefetch);
    } else {
      if (!each(ranges, w.threads, w.cancel, [&](size_t i) {
            maxima[i] = w.isa.row_max(x + begin(i), end(i) - begin(i), w.call.prefetch);
          })) {
        return false;
      }
      row_max = maxima[0];
      for (size_t i = 1; i < ranges; i++) row_max = row_max > maxima[i] ? row_max : maxima[i];
    }
  }
  const auto state = [&](size_t i) { return states + i * state_bytes; };
  if (!each(ranges, w.threads, w.cancel, [&](size_t i) {
        w.at_row(row, [&](const Call& call) {
          w.op.start(call, state(i));
          w.op.reduce(call, row_max, x, begin(i), end(i), state(i));
        });
      })) {
    return false;
  }
  alignas(std::max_align_t) char result[kResultBytes];
  w.at_row(row, [&](const Call& call) {
    for (size_t i = 1; i < ranges; i++) w.op.append(call, state(0), state(i));
    w.op.finish(call, state(0), x, n, result, y);
  });
  return w.op.map == nullptr || map_long_row(w, row, result, range, x, y);
}

}  // namespace

void set_stores(Stores stores) { stores_wanted.store(stores, std::memory_order_relaxed); }
void set_prefetch(Prefetch wanted) { prefetch_wanted.store(wanted, std::memory_order_relaxed); }

namespace {

// A long row, reduced or only mapped.
bool run_long_floats(const Work& w, size_t row, char* states, size_t state_bytes, size_t range,
                     const float* x, void* y) {
  return w.op.reduce == nullptr ? map_long_row(w, row, nullptr, range, x, y)
                                : run_long_row(w, row, states, state_bytes, range, x, y);
}

// The same of any format, by floats in memory for a whole row.
bool run_long_row_of(const Work& w, size_t row, char* states, size_t state_bytes, size_t range,
                     float* floats, const void* x, void* y) {
  const size_t n = w.call.cols, ranges = ceil_divide(n, range);
  const void* const from = w.input_at(x, row);
  void* const to = w.output_at(y, row);
  const auto end = [=](size_t i) { return std::min(i * range + range, n); };
  if (w.widens() && !each(ranges, w.threads, w.cancel,
                          [&](size_t i) { w.widen(from, floats, i * range, end(i)); })) {
    return false;
  }
  if (!run_long_floats(w, row, states, state_bytes, range,
                       w.widens() ? floats : static_cast<const float*>(from),
                       w.narrows() ? floats : to)) {
    return false;
  }
  return !w.narrows() || each(ranges, w.threads, w.cancel,
                              [&](size_t i) { w.narrow(floats, to, i * range, end(i)); });
}

// False when *cancel became true before everything was done.
bool run(const Work& w, const void* x, void* y) {
  const Call& call = w.call;
  const Operator& op = w.op;
  if (call.rows == 0 || (call.cols == 0 && op.output == Output::kRow)) return true;
  const bool few_rows = w.threads > 1 && call.rows < static_cast<size_t>(w.threads) &&
                        call.cols >= 2 * kSmallestRange * kBlock;
  const bool stoppable = w.cancel != nullptr && call.cols > kLargestRange * kBlock;
  if (!(few_rows || stoppable)) return run_rows(w, x, y);
  const size_t range = range_length(call.cols, w.threads);
  if (op.reduce == nullptr && op.map == nullptr) return run_rows(w, x, y);
  size_t bytes = 0;
  Block states, floats;
  if (op.reduce != nullptr) {
    bytes = ceil_divide(op.state_bytes(call), kStateAlignment) * kStateAlignment;
    states = allocate(ceil_divide(call.cols, range) * bytes);
    if (bytes == 0 || states == nullptr) return run_rows(w, x, y);
  }
  if (w.widens() || w.narrows()) {
    floats = allocate(call.cols * sizeof(float));
    if (floats == nullptr) return run_rows(w, x, y);
  }
  for (size_t row = 0; row < call.rows; row++) {
    if (!run_long_row_of(w, row, states.get(), bytes, range, reinterpret_cast<float*>(floats.get()),
                         x, y)) {
      return false;
    }
  }
  return true;
}

}  // namespace

namespace {

// A call as kernels get it, and what comes of it.
struct Planned {
  Call call;
  const Isa& isa;
  bool past_the_cache;
  Findings findings;

  Planned(const Call& checked, const Isa& isa) : call(checked), isa(isa) {
    past_the_cache = op().output == Output::kRow && softlane::past_the_cache(call);
    call.stream = past_the_cache && call.y_format == Format::kF32;
    call.prefetch = prefetch_wanted.load(std::memory_order_relaxed);
    call.scratch = nullptr;
    call.workspace = nullptr;
    if (call.algorithm == Algorithm::kAuto && op().automatic != nullptr) {
      call.algorithm = op().automatic(call.cols);
    }
  }
  const Operator& op() const { return isa.operators[call.op]; }
  Work work(int threads, const std::atomic<bool>* cancel) {
    return {call, isa, op(), std::max(threads, 1), cancel, findings, past_the_cache};
  }
  Outcome outcome() const {
    if (findings.no_memory) return {Outcome::kNoMemory, 0};
    const uint64_t refused = findings.refused;
    return {refused == kNoneRefused ? Outcome::kDone : Outcome::kRefused, refused};
  }
};

// Bytes of a file that a thread reads at a time: they stay in its L2 until every call has seen
// them, and are enough to make little of what the system asks for a read.
constexpr size_t kReadAtATime = size_t{1} << 18;

}  // namespace

Outcome execute(const Call& checked, const Isa& isa, const void* x, void* y, int threads,
                const std::atomic<bool>* cancel) {
  Planned plan(checked, isa);
  if (!run(plan.work(threads, cancel), x, y)) return {Outcome::kStopped, 0};
  return plan.outcome();
}

void execute_from(const FileRange& file, Step* steps, size_t count, int threads,
                  const std::atomic<bool>* cancel) {
  const Call& shape = steps[0].call;
  const size_t row_bytes = shape.cols * size_of(shape.x_format);
  const size_t together =
      std::min(std::max<size_t>(kReadAtATime / std::max<size_t>(row_bytes, 1), 1), shape.rows);
  const Block plan_memory = allocate(count * sizeof(Planned));
  Planned* const plans = reinterpret_cast<Planned*>(plan_memory.get());
  std::atomic<bool> unread{false}, no_memory{plans == nullptr};
  for (size_t k = 0; k < count && plans != nullptr; k++) {
    new (plans + k) Planned(steps[k].call, *steps[k].isa);
  }
  const auto some = [&](size_t i) {
    const size_t begin = i * together, rows_here = std::min(together, shape.rows - begin);
    if (unread.load(std::memory_order_relaxed) || no_memory.load(std::memory_order_relaxed)) return;
    const Workspace<Use::kFile> memory(together * row_bytes);
    if (memory.data() == nullptr) {
      no_memory = true;
    } else if (!read_at(file.fd, file.offset + begin * row_bytes, memory.data(),
                        rows_here * row_bytes)) {
      unread = true;
    } else {
      for (size_t k = 0; k < count; k++) {
        rows(plans[k].work(1, nullptr), memory.data(), steps[k].y, begin, rows_here);
      }
    }
  };
  const bool done = shape.rows == 0 || row_bytes == 0 ||
                    each(ceil_divide(shape.rows, together), threads, cancel, some);
  for (size_t k = 0; k < count; k++) {
    steps[k].outcome = !done       ? Outcome{Outcome::kStopped, 0}
                       : unread    ? Outcome{Outcome::kUnread, 0}
                       : no_memory ? Outcome{Outcome::kNoMemory, 0}
                                   : plans[k].outcome();
  }
}

}  // namespace softlane
