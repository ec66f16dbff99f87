#include "file.h"

#if !defined(_WIN32)
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#endif

namespace softlane {

#if defined(_WIN32)

// Descriptors are those of Node's C library, which this one may not share.
bool read_at(int, uint64_t, void*, size_t) { return false; }
int duplicate(int) { return -1; }
void close_file(int) {}

#else

bool read_at(int fd, uint64_t offset, void* to, size_t bytes) {
  constexpr size_t kMost = size_t{1} << 30;  // what every system takes at once
  char* next = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t got = pread(fd, next, std::min(bytes, kMost), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    next += got;
    offset += static_cast<uint64_t>(got);
    bytes -= static_cast<size_t>(got);
  }
  return true;
}

int duplicate(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 0); }
void close_file(int fd) { close(fd); }

#endif

}  // namespace softlane
