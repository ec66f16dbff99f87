// Which memory traffic the perf lab asks for.
#pragma once

#include <cstddef>
#include <cstdint>

namespace softlane {

enum class MemoryWork : int32_t { kRead, kWrite, kWriteStreaming, kCopy, kCopyStreaming, kScale };
constexpr int kMemoryWorks = 6;
constexpr const char* kMemoryWorkNames[kMemoryWorks] = {"read", "write",          "write-streaming",
                                                        "copy", "copy-streaming", "scale"};

struct Traffic {
  MemoryWork work;
  size_t streams;  // 1, 2, 4 or 8 pages side by side
  size_t ahead;    // elements by which a stream is prefetched by software; 0: not at all
};

}  // namespace softlane
