#include "execute.h"

#include "../rows/order.h"
#include "cpu.h"
#include "work.h"

namespace softlane {
namespace {

std::atomic<Stores> stores_wanted{Stores::kAuto};
std::atomic<Prefetch> prefetch_wanted{Prefetch::kAuto};

// Short rows begin and end in the middle of too many lines, which have to be stored as usual, and
// are done before what they store is; whole lines pay sooner
// (docs/decisions/0092-short-rows-out-of-cache.md).
bool is_short(const Call& call) { return call.cols < (call.cols % kLanes == 0 ? 512 : 768); }

bool past_the_cache(const Call& call) {
  const Stores wanted = stores_wanted.load(std::memory_order_relaxed);
  if (wanted != Stores::kAuto) return wanted == Stores::kStreaming;
  return !is_short(call) && call.rows * call.cols >= streaming().from_bytes / sizeof(float);
}

// What looks at each element by itself may take columns as they lie.
void straighten(const Operator& op, Call* call) {
  const size_t inner = call->layout.inner;
  if (inner > 1 && op.reduce == nullptr && op.map != nullptr && op.operand_count == 0) {
    call->rows /= inner;
    call->cols *= inner;
    call->x_stride = call->y_stride = call->cols;
    call->layout.inner = 0;
  }
}

// Whether rows are reached one by one: not where an array beside x has to be gathered too.
bool may_split(const Work& w) {
  if (!w.gathers()) return true;
  bool alone = !has_windows(w.call.layout);
  for (int i = 0; i < w.op.operand_count; i++) alone &= !lies_as_x(w.op.operands[i], w.call);
  return alone;
}

// Whether there is nothing to write: of rows of nothing any number may be asked for.
bool writes_nothing(const Work& w) {
  const Call& call = w.call;
  if (call.rows == 0) return true;
  if (call.cols > 0 || (w.op.output != Output::kRow && w.op.output != Output::kNone)) return false;
  for (int i = 0; i < w.op.operand_count; i++) {
    const Operand& operand = w.op.operands[i];
    if (operand.written && call.operands[i] != nullptr && operand.width(call) > 0) return false;
  }
  return true;
}

// False when *cancel became true before everything was done.
bool run(Work& w, const void* x, void* y) {
  const Call& call = w.call;
  if (writes_nothing(w)) return true;
  const bool few_rows = w.threads > 1 && call.rows < static_cast<size_t>(w.threads) &&
                        call.cols >= 2 * kSmallestRange * kBlock;
  // Columns side by side share lines of memory: one by one each line would be read for all.
  const bool stoppable = w.cancel != nullptr && call.cols > kLargestRange * kBlock && !w.gathers();
  return (few_rows || stoppable) && may_split(w) ? run_long_rows(w, x, y) : run_rows(w, x, y);
}

}  // namespace

void set_stores(Stores stores) { stores_wanted.store(stores, std::memory_order_relaxed); }
void set_prefetch(Prefetch wanted) { prefetch_wanted.store(wanted, std::memory_order_relaxed); }

Plan::Plan(Call& checked, const Operator& op) : call(checked) {
  straighten(op, &call);
  complete(op, &call);
  past_the_cache = op.output == Output::kRow && softlane::past_the_cache(call);
  if (past_the_cache && call.y_format == Format::kF32 && !is_gathered(call.layout)) {
    call.stream = {true, streaming().asks};
  }
  call.prefetch = prefetch_wanted.load(std::memory_order_relaxed);
}

Outcome execute(Call&& call, const Isa& isa, const void* x, void* y, int threads,
                const std::atomic<bool>* cancel) {
  Plan plan(call, isa.operators[call.op]);
  Work work = plan.work(isa, threads, cancel);
  return run(work, x, y) ? plan.outcome() : Outcome{Outcome::kStopped, 0};
}

}  // namespace softlane
