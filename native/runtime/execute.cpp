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

// Memory for a kernel's own use while it works: what fits into this much a thread keeps.
constexpr size_t kKeptWorkspace = size_t{1} << 20;

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

  void* output_at(void* y, size_t row) const {
    if (op.output == Output::kNone) return nullptr;
    const size_t element = op.output == Output::kRow ? row * call.y_stride : row;
    return static_cast<char*>(y) + element * 4;
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

// The rows from one on; x and y are the whole call's.
void rows(const Work& w, const float* x, void* y, size_t begin, size_t count) {
  w.at_row(begin, [&](Call& call) {
    call.scratch = call.stream ? scratch() : nullptr;
    x += begin * call.x_stride;
    y = w.output_at(y, begin);
    if (w.op.workspace_bytes == nullptr) {
      w.op.rows(call, x, y, count);
      return;
    }
    const Workspace workspace(w.op.workspace_bytes(call));
    call.workspace = workspace.data();
    if (call.workspace == nullptr) {
      w.findings.no_memory = true;
    } else {
      w.op.rows(call, x, y, count);
    }
  });
}

bool run_rows(const Work& w, const float* x, void* y) {
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
    rows(w, x, y, begin, std::min(chunk, count - begin));
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

// False when *cancel became true before everything was done.
bool run(const Work& w, const float* x, void* y) {
  const Call& call = w.call;
  const Operator& op = w.op;
  if (call.rows == 0 || (call.cols == 0 && op.output == Output::kRow)) return true;
  const bool few_rows = w.threads > 1 && call.rows < static_cast<size_t>(w.threads) &&
                        call.cols >= 2 * kSmallestRange * kBlock;
  const bool stoppable = w.cancel != nullptr && call.cols > kLargestRange * kBlock;
  if (!(few_rows || stoppable)) return run_rows(w, x, y);
  const size_t range = range_length(call.cols, w.threads);
  if (op.reduce == nullptr) {
    if (op.map == nullptr) return run_rows(w, x, y);
    for (size_t row = 0; row < call.rows; row++) {
      const float* from = x + row * call.x_stride;
      if (!map_long_row(w, row, nullptr, range, from, w.output_at(y, row))) return false;
    }
    return true;
  }
  const size_t bytes = ceil_divide(op.state_bytes(call), kStateAlignment) * kStateAlignment;
  const Block states = allocate(ceil_divide(call.cols, range) * bytes);
  if (bytes == 0 || states == nullptr) return run_rows(w, x, y);
  for (size_t row = 0; row < call.rows; row++) {
    const float* from = x + row * call.x_stride;
    if (!run_long_row(w, row, states.get(), bytes, range, from, w.output_at(y, row))) return false;
  }
  return true;
}

}  // namespace

Outcome execute(const Call& checked, const Isa& isa, const float* x, void* y, int threads,
                const std::atomic<bool>* cancel) {
  const Operator& op = isa.operators[checked.op];
  Call call = checked;
  call.stream = op.output == Output::kRow && past_the_cache(call);
  call.prefetch = prefetch_wanted.load(std::memory_order_relaxed);
  call.scratch = nullptr;
  call.workspace = nullptr;
  if (call.algorithm == Algorithm::kAuto && op.automatic != nullptr) {
    call.algorithm = op.automatic(call.cols);
  }
  Findings findings;
  if (!run({call, isa, op, std::max(threads, 1), cancel, findings}, x, y)) {
    return {Outcome::kStopped, 0};
  }
  if (findings.no_memory) return {Outcome::kNoMemory, 0};
  const uint64_t refused = findings.refused;
  return {refused == kNoneRefused ? Outcome::kDone : Outcome::kRefused, refused};
}

}  // namespace softlane
