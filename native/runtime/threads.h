// The few things about threads that the C++ library cannot do: a stack size, a signal mask, fork,
// and keeping the library in memory while its threads live.
#pragma once

#include <atomic>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace softlane {

// What `find` gives, more than 0, kept from its first use on; several threads may find it at once.
// A static of a function would have a guard, at which a child that is forked while another thread
// is inside would wait for ever.
inline int found_once(std::atomic<int>* kept, int (*find)()) {
  int value = kept->load(std::memory_order_relaxed);
  if (value > 0) return value;
  value = find();
  kept->store(value, std::memory_order_relaxed);
  return value;
}

// Starts a detached thread with a small stack and all signals blocked. False when the system
// refuses; nothing is thrown.
bool start_thread(void (*body)(void*), void* argument);

// Calls `function` in the child after every fork; it must be safe in a signal handler.
void at_fork_in_child(void (*function)());

// Keeps this library loaded when the last environment that uses it goes. On Linux the linker's
// -z nodelete does it.
void pin_library();

inline void pause_thread() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
  __asm__ volatile("yield");
#endif
}

}  // namespace softlane
