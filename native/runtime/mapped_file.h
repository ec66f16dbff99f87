// Part of a file as memory of the process, which takes half the time of reading it
// (docs/decisions/0095-files-are-mapped.md). A file that another process cuts off, or a disk that
// fails, then raises SIGBUS in the thread that looks: it sees zeros instead, and is told in the
// end.
#pragma once

#include <atomic>

#include "file.h"

namespace softlane {

class MappedFile {
 public:
  // Nothing where the system has no such memory, where the file is not what can be mapped or does
  // not have all of these bytes, or where they do not begin at a multiple of `alignment` in it.
  MappedFile(const FileRange& range, size_t bytes, size_t alignment);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // The first byte; null for nothing.
  const char* data() const { return data_; }

  // While it lives its thread may look at the bytes. One at a time.
  class Look {
   public:
    explicit Look(MappedFile& file);
    ~Look();
  };

  // After the last look: whether the file had all of the bytes.
  bool is_good() const;

  // For the signal's handler: zeros in place of all of it, if this address is in it.
  bool replace(const void* at);

 private:
  char* memory_ = nullptr;  // from the beginning of a page on
  size_t length_ = 0;
  const char* data_ = nullptr;
  FileRange range_;
  size_t bytes_;
  std::atomic<bool> replaced_{false};
};

}  // namespace softlane
