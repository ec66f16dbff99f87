#include "mapped_file.h"

#if defined(__linux__)
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#endif

namespace softlane {

#if !defined(__linux__)

MappedFile::MappedFile(const FileRange& range, size_t bytes, size_t)
    : range_(range), bytes_(bytes) {}
MappedFile::~MappedFile() = default;
bool MappedFile::is_good() const { return true; }
MappedFile::Look::Look(MappedFile&) {}
MappedFile::Look::~Look() = default;
bool MappedFile::replace(const void*) { return false; }

#else

namespace {

// What this thread looks at. The signal is delivered to the thread that raised it.
thread_local MappedFile* looked_at = nullptr;

struct sigaction before;

void on_bus_error(int number, siginfo_t* info, void* context) {
  if (info->si_code == BUS_ADRERR && looked_at != nullptr && looked_at->replace(info->si_addr))
    return;
  if ((before.sa_flags & SA_SIGINFO) != 0) return before.sa_sigaction(number, info, context);
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
    return before.sa_handler(number);
  // As if nobody had asked: what raised it does so again.
  sigaction(SIGBUS, &before, nullptr);
}

enum class Handler { kNone, kComing, kThere };
std::atomic<Handler> handler{Handler::kNone};

// From the first mapping on. No function-local static, whose guard a fork may leave taken: who
// comes meanwhile reads.
bool handles_bus_errors() {
  Handler state = Handler::kNone;
  if (!handler.compare_exchange_strong(state, Handler::kComing)) return state == Handler::kThere;
  struct sigaction own = {};
  own.sa_sigaction = on_bus_error;
  own.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&own.sa_mask);
  if (sigaction(SIGBUS, nullptr, &before) != 0 || sigaction(SIGBUS, &own, nullptr) != 0)
    return false;
  handler = Handler::kThere;
  return true;
}

bool has(const struct stat& about, const FileRange& range, size_t bytes) {
  const uint64_t size = static_cast<uint64_t>(about.st_size);
  return range.offset <= size && bytes <= size - range.offset;
}

// Holes would be filled with memory, where files are in memory alone (tmpfs).
bool has_holes(const struct stat& about) {
  return static_cast<uint64_t>(about.st_blocks) * 512 < static_cast<uint64_t>(about.st_size);
}

}  // namespace

MappedFile::MappedFile(const FileRange& range, size_t bytes, size_t alignment)
    : range_(range), bytes_(bytes) {
  struct stat about;
  if (bytes == 0 || range.offset % alignment != 0 || fstat(range.fd, &about) != 0) return;
  if (!S_ISREG(about.st_mode) || !has(about, range, bytes) || has_holes(about)) return;
  if (!handles_bus_errors()) return;
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const size_t before_data = static_cast<size_t>(range.offset % page);
  const off_t begin = static_cast<off_t>(range.offset - before_data);
  void* memory = mmap(nullptr, before_data + bytes, PROT_READ, MAP_SHARED, range.fd, begin);
  if (memory == MAP_FAILED) return;
  memory_ = static_cast<char*>(memory);
  length_ = before_data + bytes;
  data_ = memory_ + before_data;
}

MappedFile::~MappedFile() {
  if (memory_ != nullptr) munmap(memory_, length_);
}

// Behind the end of a file that was cut off there are zeros up to the end of the page, without a
// signal.
bool MappedFile::is_good() const {
  struct stat about;
  return !replaced_.load(std::memory_order_relaxed) && fstat(range_.fd, &about) == 0 &&
         has(about, range_, bytes_);
}

MappedFile::Look::Look(MappedFile& file) { looked_at = &file; }
MappedFile::Look::~Look() { looked_at = nullptr; }

// All of it at once, as Wayland's library treats the buffers of its clients: the thread goes on
// where it was.
bool MappedFile::replace(const void* at) {
  if (reinterpret_cast<uintptr_t>(at) - reinterpret_cast<uintptr_t>(memory_) >= length_)
    return false;
  const int error = errno;
  const void* zeros =
      mmap(memory_, length_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  errno = error;
  if (zeros == MAP_FAILED) return false;
  replaced_.store(true, std::memory_order_relaxed);
  return true;
}

#endif

}  // namespace softlane
