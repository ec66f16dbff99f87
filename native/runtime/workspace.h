// Memory that threads work in.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "../rows/operator.h"

namespace softlane {

struct FreeBytes {
  void operator()(char* p) const { ::operator delete[](p, std::align_val_t{kStateAlignment}); }
};
using OwnBytes = std::unique_ptr<char[], FreeBytes>;

// Null when there is no memory.
inline OwnBytes allocate(size_t bytes) {
  return OwnBytes(
      static_cast<char*>(::operator new[](bytes, std::align_val_t{kStateAlignment}, std::nothrow)));
}

// This thread's scratch for kernels, or null when there is no memory for it.
inline float* scratch() {
  static thread_local OwnBytes memory;
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
    static thread_local OwnBytes kept;
    static thread_local size_t kept_bytes = 0;
    if (bytes > kKeptWorkspace) {
      own_ = allocate(bytes);
      data_ = own_.get();
      return;
    }
    if (kept == nullptr || bytes > kept_bytes) {
      kept_bytes = 0;
      kept.reset();
      kept = allocate(bytes);
      if (kept != nullptr) kept_bytes = bytes;
    }
    data_ = kept.get();
  }
  void* data() const { return data_; }

 private:
  OwnBytes own_;
  void* data_;
};

}  // namespace softlane
