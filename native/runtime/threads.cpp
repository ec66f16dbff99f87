#include "threads.h"

#if defined(_WIN32)
#include <windows.h>

#include <thread>
#else
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>

#include <cstddef>
#include <new>
#endif

namespace softlane {

#if defined(_WIN32)

bool start_thread(void (*body)(void*), void* argument) {
  try {
    std::thread(body, argument).detach();
    return true;
  } catch (...) {
    return false;
  }
}

void at_fork_in_child(void (*)()) {}

void pin_library() {
  HMODULE module;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                     reinterpret_cast<LPCWSTR>(&start_thread), &module);
}

#else

namespace {

struct Start {
  void (*body)(void*);
  void* argument;
};

void* enter(void* given) {
  const Start start = *static_cast<Start*>(given);
  delete static_cast<Start*>(given);
  start.body(start.argument);
  return nullptr;
}

}  // namespace

bool start_thread(void (*body)(void*), void* argument) {
  // Kernels use up to 64 KiB of stack; musl's default of 128 KiB would be close.
  constexpr size_t kStack = 1u << 20;
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStack);
  Start* start = new (std::nothrow) Start{body, argument};
  bool ok = false;
  if (start != nullptr) {
    // A thread inherits its creator's mask: signals are the business of Node's own threads, but for
    // the one that a mapped file raises where it is read (mapped_file.h).
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    ok = pthread_create(&thread, &attributes, &enter, start) == 0;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!ok) delete start;
  }
  pthread_attr_destroy(&attributes);
  return ok;
}

void at_fork_in_child(void (*function)()) { pthread_atfork(nullptr, nullptr, function); }

void pin_library() {
#if defined(__APPLE__)
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&start_thread), &info) != 0 && info.dli_fname != nullptr)
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}

#endif

}  // namespace softlane
