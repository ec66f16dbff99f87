#include "pool.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>

#include "limits.h"
#include "threads.h"

namespace softlane {
namespace {

// How long a thread that has run out of work looks for more before it sleeps: about as long as
// waking it takes, so that a run of calls does not pay for a wake-up each.
constexpr auto kSpin = std::chrono::microseconds(20);

std::atomic<int> chosen_threads{0};
std::atomic<int> cpus{0};

// One parallel_for. Lives on its caller's stack: `helpers` says how many others still look at it,
// and it changes under the pool's mutex only.
struct Job {
  ChunkFunction function;
  void* context;
  size_t chunks;
  const std::atomic<bool>* cancel;
  int limit;  // helpers at one time
  std::atomic<size_t> next{0};
  std::atomic<int> helpers{0};
  std::condition_variable left;
  Job* after = nullptr;

  bool open() const { return next.load(std::memory_order_relaxed) < chunks; }

  bool cancelled() const { return cancel != nullptr && cancel->load(std::memory_order_relaxed); }

  bool run_one() {
    if (!open() || cancelled()) return false;
    const size_t chunk = next.fetch_add(1, std::memory_order_relaxed);
    if (chunk >= chunks) return false;
    function(context, chunk);
    return true;
  }
};

template <typename Condition>
bool spin_until(Condition condition) {
  if (found_once(&cpus, &affinity_count) == 1) return condition();
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 16; i++) {
      if (condition()) return true;
      pause_thread();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace

class Pool {
 public:
  // Null when there is no memory for it.
  static Pool* instance();

  int threads() const { return started_.load(std::memory_order_relaxed); }

  void share(Job* job) {
    std::unique_lock<std::mutex> lock(mutex_);
    start(static_cast<int>(std::min<size_t>(job->limit, job->chunks - 1)));
    append(job);
    announce(static_cast<int>(std::min<size_t>(job->limit, job->chunks - 1)));
    lock.unlock();
    while (job->run_one()) {
    }
    lock.lock();
    remove(job);
    if (job->helpers == 0) return;
    lock.unlock();
    // The count can reach zero while the last helper is still inside the mutex: take it again
    // before the job goes out of scope.
    spin_until([job] { return job->helpers.load(std::memory_order_acquire) == 0; });
    lock.lock();
    job->left.wait(lock, [job] { return job->helpers == 0; });
  }

  bool add(Task* task) {
    std::unique_lock<std::mutex> lock(mutex_);
    start(std::min(default_threads(), running_ + queued_ + 1));
    if (started_ == 0) return false;
    task->next_ = nullptr;
    if (last_task_ != nullptr)
      last_task_->next_ = task;
    else
      first_task_ = task;
    last_task_ = task;
    queued_++;
    announce(1);
    return true;
  }

 private:
  // Mutex held. Brings the number of threads up to `wanted` as far as the system allows.
  void start(int wanted) {
    wanted = std::min(wanted, kMaxThreads);
    while (started_ < wanted && start_thread(&Pool::enter, this)) started_++;
  }

  static void enter(void* pool) { static_cast<Pool*>(pool)->work(); }

  // Mutex held. Those who spin see the news themselves.
  void announce(int wanted) {
    news_.fetch_add(1, std::memory_order_release);
    for (int wake = std::min(wanted - spinning_, sleeping_); wake > 0; wake--) wake_.notify_one();
  }

  void append(Job* job) {
    Job** end = &jobs_;
    while (*end != nullptr) end = &(*end)->after;
    job->after = nullptr;
    *end = job;
    job_count_++;
  }

  void remove(Job* job) {
    for (Job** at = &jobs_; *at != nullptr; at = &(*at)->after) {
      if (*at != job) continue;
      *at = job->after;
      job_count_--;
      return;
    }
  }

  bool wants_help(const Job* job) const {
    return job->open() && !job->cancelled() && job->helpers < job->limit;
  }

  bool task_ready() const { return first_task_ != nullptr && running_ < default_threads(); }

  bool has_work() const {
    if (task_ready()) return true;
    for (const Job* job = jobs_; job != nullptr; job = job->after)
      if (wants_help(job)) return true;
    return false;
  }

  // The job whose turn it is; it goes to the end of the line, so that jobs share the threads.
  Job* take_job() {
    Job* job = jobs_;
    while (job != nullptr && !wants_help(job)) job = job->after;
    if (job == nullptr) return nullptr;
    remove(job);
    append(job);
    job->helpers++;
    return job;
  }

  Task* take_task() {
    if (!task_ready()) return nullptr;
    Task* task = first_task_;
    first_task_ = task->next_;
    if (first_task_ == nullptr) last_task_ = nullptr;
    queued_--;
    running_++;
    return task;
  }

  void help(Job* job, std::unique_lock<std::mutex>* lock) {
    lock->unlock();
    // Others in line: one chunk each in turn. Alone: as many as there are.
    while (job->run_one() && !crowded_.load(std::memory_order_relaxed)) {
    }
    lock->lock();
    if (--job->helpers == 0) job->left.notify_one();
  }

  void perform(Task* task, std::unique_lock<std::mutex>* lock) {
    lock->unlock();
    task->run();
    lock->lock();
    running_--;
  }

  void work() {
    std::unique_lock<std::mutex> lock(mutex_);
    bool tasks_first = false;
    for (;;) {
      crowded_.store(job_count_ + (queued_ > 0 ? 1 : 0) > 1, std::memory_order_relaxed);
      tasks_first = !tasks_first;
      Task* task = tasks_first ? take_task() : nullptr;
      Job* job = task == nullptr ? take_job() : nullptr;
      if (task == nullptr && job == nullptr) task = take_task();
      // One spinning thread may have been counted on for several pieces of work: pass the word on.
      if (sleeping_ > 0 && spinning_ == 0 && has_work()) wake_.notify_one();
      if (job != nullptr)
        help(job, &lock);
      else if (task != nullptr)
        perform(task, &lock);
      else
        rest(&lock);
    }
  }

  void rest(std::unique_lock<std::mutex>* lock) {
    const unsigned seen = news_.load(std::memory_order_relaxed);
    spinning_++;
    lock->unlock();
    spin_until([this, seen] { return news_.load(std::memory_order_acquire) != seen; });
    lock->lock();
    spinning_--;
    sleeping_++;
    wake_.wait(*lock, [this] { return has_work(); });
    sleeping_--;
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<unsigned> news_{0};     // changes whenever there may be something to take
  std::atomic<bool> crowded_{false};  // a hint: more than one job or task in line
  std::atomic<int> started_{0};
  int spinning_ = 0;
  int sleeping_ = 0;
  int running_ = 0;  // tasks
  int queued_ = 0;
  int job_count_ = 0;
  Job* jobs_ = nullptr;
  Task* first_task_ = nullptr;
  Task* last_task_ = nullptr;
};

namespace {

std::atomic<Pool*> current{nullptr};

void forget_pool() { current.store(nullptr, std::memory_order_relaxed); }

// At load: a fork between the making of a pool and this would leave the child a pool without
// threads, which it would wait for for ever.
[[maybe_unused]] const bool watching_forks = (at_fork_in_child(&forget_pool), true);

}  // namespace

Pool* Pool::instance() {
  Pool* pool = current.load(std::memory_order_acquire);
  if (pool != nullptr) return pool;
  Pool* fresh = new (std::nothrow) Pool;
  if (fresh == nullptr) return nullptr;
  if (current.compare_exchange_strong(pool, fresh)) {
    pin_library();
    return fresh;
  }
  delete fresh;  // another thread was first; this one has no threads yet
  return pool;
}

int default_threads() {
  const int chosen = chosen_threads.load(std::memory_order_relaxed);
  return chosen > 0 ? chosen : available_threads();
}

void set_default_threads(int threads) {
  chosen_threads.store(std::min(std::max(threads, 0), kMaxThreads), std::memory_order_relaxed);
}

bool parallel_for(size_t chunks, int threads, ChunkFunction function, void* context,
                  const std::atomic<bool>* cancel) {
  Job job;
  job.function = function;
  job.context = context;
  job.chunks = chunks;
  job.cancel = cancel;
  job.limit = std::min(threads, kMaxThreads) - 1;
  Pool* pool = job.limit > 0 && chunks > 1 ? Pool::instance() : nullptr;
  if (pool != nullptr) {
    pool->share(&job);
  } else {
    while (job.run_one()) {
    }
  }
  return job.next.load(std::memory_order_relaxed) >= chunks;
}

bool enqueue(Task* task) {
  Pool* pool = Pool::instance();
  return pool != nullptr && pool->add(task);
}

int pool_threads() {
  const Pool* pool = current.load(std::memory_order_acquire);
  return pool == nullptr ? 0 : pool->threads();
}

}  // namespace softlane
