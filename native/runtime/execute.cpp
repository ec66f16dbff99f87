#include "execute.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#include "../rows/order.h"
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

template <class F>
bool each(size_t chunks, int threads, const std::atomic<bool>* cancel, F f) {
  const ChunkFunction call = [](void* context, size_t chunk) {
    (*static_cast<F*>(context))(chunk);
  };
  return parallel_for(chunks, threads, call, &f, cancel);
}

// This thread's scratch for kernels, or null when there is no memory for it.
float* scratch() {
  struct Free {
    void operator()(float* p) const { ::operator delete[](p, std::align_val_t{64}); }
  };
  static thread_local std::unique_ptr<float, Free> memory;
  if (memory == nullptr) {
    memory.reset(static_cast<float*>(
        ::operator new[](kScratch * sizeof(float), std::align_val_t{64}, std::nothrow)));
  }
  return memory.get();
}

// Outputs of this many bytes are stored past the cache. Below, ordinary stores are ahead, though no
// cache keeps the output: the kernels are then bound by arithmetic and not by traffic
// (docs/benchmarks.md).
constexpr size_t kStreamedFrom = size_t{64} << 20;

std::atomic<Stores> stores_wanted{Stores::kAuto};

bool past_the_cache(const Call& call) {
  const Stores wanted = stores_wanted.load(std::memory_order_relaxed);
  if (wanted != Stores::kAuto) return wanted == Stores::kStreaming;
  return call.rows * call.cols >= kStreamedFrom / sizeof(float);
}

struct Work {
  const Call& call;
  const Isa& isa;
  const Operator& op;
  int threads;
  const std::atomic<bool>* cancel;

  void* output_at(void* y, size_t row) const {
    const size_t element = op.output == Output::kRow ? row * call.y_stride : row;
    return static_cast<char*>(y) + element * 4;
  }
};

void rows(const Work& w, const float* x, void* y, size_t count) {
  Call call = w.call;
  call.scratch = call.stream ? scratch() : nullptr;
  w.op.rows(call, x, y, count);
}

bool run_rows(const Work& w, const float* x, void* y) {
  const size_t count = w.call.rows, cols = std::max<size_t>(w.call.cols, 1);
  const bool shared = w.threads > 1 && count > 1 && count * cols >= kSmall;
  if (!shared && w.cancel == nullptr) {
    rows(w, x, y, w.call.rows);
    return true;
  }
  size_t chunk = std::max<size_t>(kLargestChunk / cols, 1);
  if (shared) {
    const size_t even = ceil_divide(count, static_cast<size_t>(w.threads) * kChunksPerThread);
    chunk = std::min(chunk, std::max(even, ceil_divide(kSmallestChunk, cols)));
  }
  return each(ceil_divide(count, chunk), shared ? w.threads : 1, w.cancel, [&](size_t i) {
    const size_t begin = i * chunk;
    rows(w, x + begin * w.call.x_stride, w.output_at(y, begin), std::min(chunk, count - begin));
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

bool map_long_row(const Work& w, const void* result, size_t range, const float* x, void* y) {
  const size_t n = w.call.cols;
  return each(ceil_divide(n, range), w.threads, w.cancel, [&](size_t i) {
    const size_t begin = i * range;
    w.op.map(w.call, result, x, static_cast<float*>(y), begin, std::min(begin + range, n));
  });
}

// One row: its maximum where the algorithm needs it, the ranges' states, their merged state, the
// map.
bool run_long_row(const Work& w, char* states, size_t range, const float* x, void* y) {
  const size_t n = w.call.cols, ranges = ceil_divide(n, range);
  const auto length = [=](size_t i) { return std::min(range, n - i * range); };
  float row_max = 0;
  if (w.op.needs_row_max(w.call)) {
    std::unique_ptr<float[]> maxima(new (std::nothrow) float[ranges]);
    if (maxima == nullptr) {
      row_max = w.isa.row_max(x, n);
    } else {
      if (!each(ranges, w.threads, w.cancel,
                [&](size_t i) { maxima[i] = w.isa.row_max(x + i * range, length(i)); })) {
        return false;
      }
      row_max = maxima[0];
      for (size_t i = 1; i < ranges; i++) row_max = row_max > maxima[i] ? row_max : maxima[i];
    }
  }
  const auto state = [&](size_t i) { return states + i * w.op.state_bytes; };
  if (!each(ranges, w.threads, w.cancel, [&](size_t i) {
        w.op.start(w.call, state(i));
        w.op.reduce(w.call, row_max, x + i * range, length(i), state(i));
      })) {
    return false;
  }
  for (size_t i = 1; i < ranges; i++) w.op.append(state(0), state(i));
  alignas(std::max_align_t) char result[kResultBytes];
  w.op.finish(w.call, state(0), x, n, result, y);
  return w.op.map == nullptr || map_long_row(w, result, range, x, y);
}

}  // namespace

void set_stores(Stores stores) { stores_wanted.store(stores, std::memory_order_relaxed); }

bool execute(const Call& checked, const Isa& isa, const float* x, void* y, int threads,
             const std::atomic<bool>* cancel) {
  const Operator& op = isa.operators[checked.op];
  Call call = checked;
  call.stream = op.output == Output::kRow && past_the_cache(call);
  call.scratch = nullptr;
  if (call.algorithm == Algorithm::kAuto && op.automatic != nullptr) {
    call.algorithm = op.automatic(call.cols);
  }
  const Work w{call, isa, op, std::max(threads, 1), cancel};
  if (call.rows == 0 || (call.cols == 0 && op.output == Output::kRow)) return true;
  const bool few_rows = w.threads > 1 && call.rows < static_cast<size_t>(w.threads) &&
                        call.cols >= 2 * kSmallestRange * kBlock;
  const bool stoppable = cancel != nullptr && call.cols > kLargestRange * kBlock;
  const bool splittable = op.reduce != nullptr || op.map != nullptr;
  if (!splittable || !(few_rows || stoppable)) return run_rows(w, x, y);
  const size_t range = range_length(call.cols, w.threads);
  if (op.reduce == nullptr) {
    for (size_t row = 0; row < call.rows; row++) {
      const float* from = x + row * call.x_stride;
      if (!map_long_row(w, nullptr, range, from, w.output_at(y, row))) return false;
    }
    return true;
  }
  const size_t ranges = ceil_divide(call.cols, range);
  std::unique_ptr<char[]> states(new (std::nothrow) char[ranges * op.state_bytes]);
  if (states == nullptr) return run_rows(w, x, y);
  for (size_t row = 0; row < call.rows; row++) {
    if (!run_long_row(w, states.get(), range, x + row * call.x_stride, w.output_at(y, row)))
      return false;
  }
  return true;
}

}  // namespace softlane
