// Memory that shows whoever goes beyond it: it ends where a protected page begins, or begins where
// one ends, and is full of canaries around what was asked for.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <memory>

#include "program.h"

namespace softlane {
namespace testing {

// A NaN that no kernel makes: where an element beside a row is read, the result shows it.
constexpr uint32_t kCanary = 0x7fb1a5ed;

// Untouchable bytes on either side: farther than any kernel looks ahead of itself.
constexpr size_t kProtected = size_t{1} << 20;

// Where in memory: before a protected page, after one, or what malloc gives for exactly this many
// bytes, which AddressSanitizer and valgrind watch.
enum class Place { kBeforePage, kAfterPage, kHeap };
constexpr const char* kPlaceNames[] = {"before a protected page", "after a protected page",
                                       "on the heap"};

class Buffer {
 public:
  // Room for `most` elements of four bytes at a time.
  explicit Buffer(size_t most) {
    constexpr size_t kPage = 4096;
    bytes_ = (most * sizeof(uint32_t) + kPage - 1) / kPage * kPage;
    void* all =
        mmap(nullptr, bytes_ + 2 * kProtected, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) fail("no memory to map");
    base_ = static_cast<char*>(all) + kProtected;
    if (mprotect(base_, bytes_, PROT_READ | PROT_WRITE) != 0) fail("mprotect failed");
    pattern_.assign(bytes_ / sizeof(uint32_t), kCanary);
    std::memcpy(base_, pattern_.data(), bytes_);
  }
  Buffer(const Buffer&) = delete;
  ~Buffer() { munmap(base_ - kProtected, bytes_ + 2 * kProtected); }

  // Memory for `length` elements; what was placed before is gone.
  template <class T>
  T* place(Place place, size_t length, size_t alignment = alignof(T)) {
    restore();
    length_ = length * sizeof(T);
    if (length_ > bytes_) fail("a buffer is too small");
    place_ = place;
    if (place == Place::kHeap) {
      // Not zeroed: valgrind then sees what a kernel forgets to write.
      void* fresh = nullptr;
      if (posix_memalign(&fresh, std::max(alignment, sizeof(void*)), length_) != 0)
        fail("no memory");
      heap_.reset(fresh);
      at_ = static_cast<char*>(fresh);
    } else {
      at_ = place == Place::kAfterPage ? base_ : base_ + bytes_ - length_;
    }
    return reinterpret_cast<T*>(at_);
  }

  // Whether every canary outside is as it was.
  bool untouched() const {
    if (place_ == Place::kHeap) return true;
    const size_t before = static_cast<size_t>(at_ - base_);
    const char* end = at_ + length_;
    const size_t after = bytes_ - before - length_;
    return std::memcmp(base_, pattern_.data(), before) == 0 &&
           std::memcmp(end, pattern_.data(), after) == 0;
  }

  // How an address lies to what was placed, for reports of faults.
  bool has(const void* address) const {
    const char* a = static_cast<const char*>(address);
    return a >= base_ - kProtected && a < base_ + bytes_ + kProtected;
  }
  long offset(const void* address) const { return static_cast<const char*>(address) - at_; }
  size_t length() const { return length_; }

 private:
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };

  void restore() {
    if (at_ != nullptr && place_ != Place::kHeap) {
      // Lengths are not always whole canaries: from the pattern's same place.
      const size_t before = static_cast<size_t>(at_ - base_);
      std::memcpy(at_, reinterpret_cast<const char*>(pattern_.data()) + before, length_);
    }
    heap_.reset();
  }

  size_t bytes_ = 0, length_ = 0;
  char* base_ = nullptr;
  char* at_ = nullptr;
  Place place_ = Place::kHeap;
  std::unique_ptr<void, Free> heap_;
  std::vector<uint32_t> pattern_;
};

// A buffer that becomes as large as it must.
class Room {
 public:
  void* place(Place place, size_t bytes, size_t alignment) {
    bytes = (bytes + alignment - 1) / alignment * alignment;
    if (buffer_ == nullptr || bytes > room_) {
      room_ = 2 * bytes + 4096;
      buffer_ = std::make_unique<Buffer>(room_ / sizeof(uint32_t));
    }
    return buffer_->place<char>(place, bytes, alignment);
  }
  bool untouched() const { return buffer_ == nullptr || buffer_->untouched(); }
  const Buffer* buffer() const { return buffer_.get(); }

 private:
  std::unique_ptr<Buffer> buffer_;
  size_t room_ = 0;
};

}  // namespace testing
}  // namespace softlane
