// A block of native memory: copies that asynchronous work reads and writes, states of a row.
#pragma once

#include <cstddef>
#include <cstdlib>

#if defined(_WIN32)
#include <malloc.h>
#endif

namespace softlane {

class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { release(); }

  // False when there is none to be had. Aligned to a cache line.
  bool allocate(size_t bytes) {
    release();
    if (bytes > static_cast<size_t>(-1) - kAlignment) return false;
    const size_t rounded = bytes == 0 ? kAlignment : (bytes + kAlignment - 1) & ~(kAlignment - 1);
#if defined(_WIN32)
    data_ = _aligned_malloc(rounded, kAlignment);
#else
    if (posix_memalign(&data_, kAlignment, rounded) != 0) data_ = nullptr;
#endif
    return data_ != nullptr;
  }

  void release() {
#if defined(_WIN32)
    _aligned_free(data_);
#else
    std::free(data_);
#endif
    data_ = nullptr;
  }

  void* data() const { return data_; }

 private:
  static constexpr size_t kAlignment = 64;
  void* data_ = nullptr;
};

}  // namespace softlane
