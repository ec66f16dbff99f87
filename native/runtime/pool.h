// The addon's own threads. libuv's four are left to the file system and DNS.
//
// All state is made with new and never destroyed: at exit glibc would wait in the destructor of a
// condition variable that still has waiters, and a thread may still be computing. Threads start at
// the first use, block every signal, spin briefly for more work and then sleep. A forked child,
// which has none of its parent's threads, gets a fresh pool at its first use.
#pragma once

#include <atomic>
#include <cstddef>

namespace softlane {

// A piece of work that runs on one of the pool's threads. The pool does not own it: run() is called
// once and is the last thing that the pool does with it.
class Task {
 public:
  virtual void run() = 0;

 protected:
  ~Task() = default;

 private:
  friend class Pool;
  Task* next_ = nullptr;
};

using ChunkFunction = void (*)(void* context, size_t chunk);

// The process-wide default number of threads per call: the CPU share unless it was set.
int default_threads();
void set_default_threads(int threads);  // 0: back to the CPU share

// Calls function(context, chunk) for every chunk in [0, chunks), on the caller's thread and at most
// threads - 1 others. Returns when all calls have returned. After *cancel becomes true, chunks that
// have not begun are left out; the answer is then false.
bool parallel_for(size_t chunks, int threads, ChunkFunction function, void* context,
                  const std::atomic<bool>* cancel);

// Queues the task for a pool thread. False when no thread can be had: the caller then runs it.
bool enqueue(Task* task);

// Threads started so far in this process.
int pool_threads();

}  // namespace softlane
