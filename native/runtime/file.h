// Reading a file at a place.
#pragma once

#include <cstddef>
#include <cstdint>

namespace softlane {

struct FileRange {
  int fd;
  uint64_t offset;
};

// Fills all of it. False where the system reports an error, or the file ends before.
bool read_at(int fd, uint64_t offset, void* to, size_t bytes);

// Another descriptor of the same file, which stays good when the first is closed; -1 for none.
int duplicate(int fd);
void close_file(int fd);

}  // namespace softlane
