// The thread pool by itself, under all that may be done to it at once. Made for ThreadSanitizer,
// and useful without.
//
//   pool [--seconds 2] [--only SCENARIO] < calls
//
// Prints how often each scenario was played. One that hangs is killed by an alarm: it is the last
// that is named.
#include "runtime/pool.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <thread>

#include "operands.h"
#include "runtime/execute.h"

namespace softlane {
namespace testing {
namespace {

// A sanitizer with a runtime of its own can neither be forked among threads nor be short of memory.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kHasRuntime = true;
#else
constexpr bool kHasRuntime = false;
#endif

using Clock = std::chrono::steady_clock;

constexpr unsigned kHung = 60, kChildHung = 20;  // seconds, enough under ThreadSanitizer too
const char* scenario = "";
std::atomic<long> rounds{0};

void expect(bool right, const char* what) {
  if (!right) fail(std::string(scenario) + ": " + what);
}

// Runs f(i) on n threads until the time is up.
void callers(int n, double seconds, const std::function<void(int)>& f) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  std::vector<std::thread> threads;
  for (int i = 0; i < n; i++) {
    threads.emplace_back([=, &f] {
      for (; Clock::now() < end; rounds++) f(i);
    });
  }
  for (std::thread& t : threads) t.join();
}

template <class F>
bool each(size_t chunks, int threads, const std::atomic<bool>* cancel, F f) {
  const ChunkFunction call = [](void* context, size_t i) { (*static_cast<F*>(context))(i); };
  return parallel_for(chunks, threads, call, &f, cancel);
}

// A call whose chunks are counted in memory that is gone when it returns: plain, not atomic, so
// that ThreadSanitizer sees whether the end of a call is after all of its chunks.
void counted_call(size_t chunks, int threads) {
  std::vector<uint8_t> seen(chunks, 0);
  std::atomic<bool> over{false};
  const bool complete = each(chunks, threads, nullptr, [&](size_t i) {
    expect(!over.load(std::memory_order_relaxed), "a chunk after the call's end");
    seen[i]++;
  });
  over = true;
  expect(complete, "an incomplete call that nobody cancelled");
  for (const uint8_t times : seen) expect(times == 1, "a chunk that did not run once");
}

void several_callers(double seconds) {
  callers(4, seconds, [](int i) {
    static thread_local Random random(static_cast<uint64_t>(i));
    counted_call(1 + random.below(200), 1 + static_cast<int>(random.below(9)));
  });
}

void nested(double seconds) {
  callers(2, seconds, [](int) {
    std::atomic<int> inner{0};
    each(8, 4, nullptr, [&](size_t) { each(8, 4, nullptr, [&](size_t) { inner++; }); });
    expect(inner == 64, "a nested call that is not whole");
  });
}

void resized(double seconds) {
  callers(3, seconds, [](int i) {
    static thread_local Random random(static_cast<uint64_t>(i));
    if (i == 0) {
      set_default_threads(static_cast<int>(random.below(12)));
      expect(default_threads() >= 1, "no threads by default");
      std::this_thread::yield();
    } else {
      counted_call(1 + random.below(64), default_threads());
    }
  });
  set_default_threads(0);
}

void cancelled(double seconds) {
  callers(3, seconds, [](int i) {
    static thread_local Random random(static_cast<uint64_t>(i));
    std::atomic<bool> cancel{false};
    const size_t chunks = 1 + random.below(500), at = random.below(600);
    std::vector<uint8_t> seen(chunks, 0);
    const bool complete = each(chunks, 4, &cancel, [&](size_t chunk) {
      if (chunk == at) cancel = true;
      seen[chunk]++;
    });
    size_t ran = 0;
    for (const uint8_t times : seen) {
      expect(times <= 1, "a chunk that ran twice");
      ran += times;
    }
    expect(!complete || ran == chunks, "a call that says it is complete and is not");
    expect(complete || at < chunks, "a call that nobody cancelled");
  });
}

// A task on the heap that counts itself; some make calls of their own, as the binding's do.
struct CountedTask final : Task {
  CountedTask(std::atomic<int>* left, bool calls) : left_(left), calls_(calls) {}
  void run() override {
    if (calls_) counted_call(20, 3);
    std::atomic<int>* left = left_;
    delete this;  // the pool must not look at it again
    (*left)--;
  }

 private:
  std::atomic<int>* left_;
  const bool calls_;
};

void tasks(double seconds) {
  callers(3, seconds, [](int i) {
    std::atomic<int> left{50};
    for (int task = 0; task < 50; task++) {
      Task* made = new CountedTask(&left, task % 5 == 0);
      if (!enqueue(made)) made->run();
    }
    if (i == 0) counted_call(100, 4);
    while (left > 0) std::this_thread::yield();
  });
}

// The runtime's own calls: rows and long rows, some aborted, all with the bits of one thread.
void executed(double seconds, const std::vector<TestCall>& calls) {
  const Isa& isa = isa_at(current_isa());
  constexpr size_t kRow = 40 * 4096 + 5;
  std::vector<float> x(kRow);
  Random random(1);
  fill_row(0, random, x.data(), kRow);
  callers(3, seconds, [&](int i) {
    static thread_local Random choice(static_cast<uint64_t>(i));
    const TestCall& test = calls[choice.below(calls.size())];
    const Operator& op = test.of(isa);
    const bool row = op.output == Output::kRow;
    Call call = test.call;
    const bool single = choice.below(2) == 0;
    call.rows = single ? 1 : 1000, call.cols = single ? kRow : kRow / 1000;
    call.x_stride = call.y_stride = call.cols;
    if (!op.valid(call)) return;
    const Operands one(op, call, 1), other(op, call, 1);
    const size_t length = row ? call.rows * call.cols : call.rows;
    std::vector<float> alone(length), shared(length);
    call.operands = one.at();
    const Outcome whole = execute(Call(call), isa, x.data(), alone.data(), 1, nullptr);
    call.operands = other.at();
    std::atomic<bool> cancel{choice.below(4) == 0};
    const Outcome outcome = execute(Call(call), isa, x.data(), shared.data(), 4, &cancel);
    const bool complete = outcome.kind != Outcome::kStopped;
    expect(complete != cancel, "an abort that was not answered");
    if (!complete) return;
    expect(outcome.kind == whole.kind && outcome.refused == whole.refused, "another outcome");
    if (whole.kind != Outcome::kDone) return;
    const size_t bytes = length * sizeof(float);
    expect(std::memcmp(alone.data(), shared.data(), bytes) == 0, "other bits");
    for (size_t k = 0; k < one.arrays().size(); k++) {
      expect(one.arrays()[k].bytes == other.arrays()[k].bytes, "other bits of an operand");
    }
  });
}

// Runs f in a child, which must end by itself and well, and is not to outlive this process.
template <class F>
void in_child(const char* otherwise, F f) {
  const pid_t pid = fork();
  expect(pid >= 0, "no fork");
  if (pid == 0) {
    alarm(kChildHung);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    f();
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (status != 0)
    fail(std::string(scenario) + ": " + otherwise + ", status " + std::to_string(status));
}

// A pool that works, whatever the parent's was doing.
void use_in_child() {
  in_child("a child that did not end well", [] {
    counted_call(100, 4);
    std::atomic<int> left{3};
    for (int i = 0; i < 3; i++) {
      Task* task = new CountedTask(&left, true);
      if (!enqueue(task)) task->run();
    }
    while (left > 0) usleep(100);
    expect(pool_threads() > 0, "a child without threads");
    expect(isa_usable(current_isa()), "a child without instructions");
  });
}

void forked(double seconds) {
  callers(3, seconds, [](int i) {
    if (i == 0) {
      use_in_child();
    } else {
      counted_call(300, 4);
    }
  });
}

// Calls f in fresh processes until the time is up.
template <class F>
void children(double seconds, const char* otherwise, F f) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  for (; Clock::now() < end; rounds++) in_child(otherwise, f);
}

// Processes whose pool does not exist yet, or is just being made, when they are forked; likewise
// what is found out about the machine, in any order.
void forked_at_first_use(double seconds) {
  children(seconds, "a parent that did not end well", [] {
    std::thread first([] {
      if (rounds % 2 == 0) default_threads();
      counted_call(10, 3);
      current_isa();
      default_threads();
    });
    for (volatile long wait = rounds * 3701 % 200000; wait > 0;) wait = wait - 1;
    use_in_child();
    first.join();
  });
}

// The process ends while threads are at work, as under process.exit().
void ended_at_work(double seconds) {
  children(seconds, "an exit that went wrong", [] {
    static std::atomic<int> left{1 << 20};
    for (int i = 0; i < 20; i++) {
      Task* task = new CountedTask(&left, true);
      if (!enqueue(task)) task->run();
    }
    std::exit(0);
  });
}

// The system gives no thread: the caller does all of the work.
void refused() {
  in_child("a pool without threads", [] {
    long pages = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    expect(file != nullptr && std::fscanf(file, "%ld", &pages) == 1, "no statm");
    std::fclose(file);
    // Room for the heap, none for a stack.
    const rlim_t most = static_cast<rlim_t>(pages) * 4096 + (1 << 18);
    const rlimit limit = {most, most};
    expect(setrlimit(RLIMIT_AS, &limit) == 0, "no limit");
    counted_call(100, 4);
    std::atomic<int> left{1};
    CountedTask* task = new CountedTask(&left, true);
    const bool taken = enqueue(task);
    if (!taken) task->run();
    expect(!taken && left == 0 && pool_threads() == 0, "a thread where there is none");
  });
  rounds++;
}

int run(int count, char** values) {
  const double seconds = std::strtod(argument(count, values, "seconds", "2").c_str(), nullptr);
  const std::string only = argument(count, values, "only", "");
  const std::vector<TestCall> calls = read_calls();
  const struct {
    const char* name;
    bool possible;
    std::function<void()> play;
  } scenarios[] = {
      // First: stacks of threads that have ended would be used again.
      {"refused", !kHasRuntime, &refused},
      // Before this process has a pool.
      {"ended at work", true, [&] { ended_at_work(seconds); }},
      {"forked at first use", !kHasRuntime, [&] { forked_at_first_use(seconds); }},
      {"forked", !kHasRuntime, [&] { forked(seconds); }},
      {"several callers", true, [&] { several_callers(seconds); }},
      {"nested", true, [&] { nested(seconds); }},
      {"resized", true, [&] { resized(seconds); }},
      {"cancelled", true, [&] { cancelled(seconds); }},
      {"tasks", true, [&] { tasks(seconds); }},
      {"executed", true, [&] { executed(seconds, calls); }},
  };
  bool first = true;
  std::printf("{");
  for (const auto& [name, possible, play] : scenarios) {
    if (!possible || (!only.empty() && only != name)) continue;
    std::printf("%s\"%s\":", first ? "" : ",", name);
    std::fflush(stdout);
    scenario = name, first = false, rounds = 0;
    alarm(kHung);
    play();
    std::printf("%ld", rounds.load());
    std::fflush(stdout);
  }
  std::printf("}\n");
  if (first) fail("expected a scenario of this build, received " + only);
  return 0;
}

}  // namespace
}  // namespace testing
}  // namespace softlane

int main(int count, char** values) { return softlane::testing::run(count, values); }
