// How much of the machine this process may use: the CPUs of its affinity mask and the share that a
// control group grants it. A container on a large host sees all of the host's CPUs but may be
// allowed two; threads beyond the share are throttled and slow the call down.
#pragma once

#include <string>

namespace softlane {

constexpr int kMaxThreads = 1024;

// CPUs in this process's affinity mask, at least 1.
int affinity_count();

// The smallest CPU quota (in CPUs, 1.5 say) of the process's control groups, v1 or v2; 0 for none.
// `root` is put before every path that is read, so that a test can bring its own files.
double cpu_quota(const std::string& root);

// min(affinity, quota rounded up), within 1 and kMaxThreads; read once.
int available_threads();

bool read_file(const std::string& path, std::string* text);

}  // namespace softlane
