#include "limits.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "threads.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace softlane {
namespace {

double lesser(double a, double b) {
  if (a <= 0) return b;
  if (b <= 0) return a;
  return std::min(a, b);
}

double ratio(const std::string& quota, const std::string& period) {
  const double q = std::strtod(quota.c_str(), nullptr);  // "max" and "-1" mean no limit
  const double p = std::strtod(period.c_str(), nullptr);
  return q > 0 && p > 0 ? q / p : 0;
}

// One group directory, cgroup v2: "QUOTA PERIOD" or "max PERIOD".
double quota_v2(const std::string& directory) {
  std::string text, quota, period;
  if (!read_file(directory + "/cpu.max", &text)) return 0;
  std::istringstream words(text);
  words >> quota >> period;
  return ratio(quota, period);
}

double quota_v1(const std::string& directory) {
  std::string quota, period;
  if (!read_file(directory + "/cpu.cfs_quota_us", &quota)) return 0;
  if (!read_file(directory + "/cpu.cfs_period_us", &period)) return 0;
  return ratio(quota, period);
}

struct Mount {
  std::string root;   // the group that is mounted
  std::string point;  // where it is mounted
};

bool list_has(const std::string& list, const std::string& item) {
  std::istringstream in(list);
  std::string word;
  while (std::getline(in, word, ','))
    if (word == item) return true;
  return false;
}

// Finds the mount of cgroup2 (v2) or of the v1 hierarchy that holds the cpu controller.
bool find_mount(const std::string& mountinfo, bool v2, Mount* mount) {
  std::istringstream lines(mountinfo);
  std::string text;
  while (std::getline(lines, text)) {
    const size_t dash = text.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream head(text.substr(0, dash)), tail(text.substr(dash + 3));
    std::string skip, type, source, options;
    Mount found;
    head >> skip >> skip >> skip >> found.root >> found.point;
    tail >> type >> source >> options;
    if (v2 ? type == "cgroup2" : (type == "cgroup" && list_has(options, "cpu"))) {
      *mount = found;
      return true;
    }
  }
  return false;
}

// The path of this process in the v2 hierarchy ("0::PATH") or in that of the cpu controller.
bool find_group(const std::string& groups, bool v2, std::string* path) {
  std::istringstream lines(groups);
  std::string text;
  while (std::getline(lines, text)) {
    const size_t first = text.find(':');
    if (first == std::string::npos) continue;
    const size_t second = text.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = text.substr(first + 1, second - first - 1);
    if (v2 ? (controllers.empty() && text.compare(0, first, "0") == 0)
           : list_has(controllers, "cpu")) {
      *path = text.substr(second + 1);
      return true;
    }
  }
  return false;
}

std::atomic<int> available{0};

// A limit on any ancestor binds the group too, so the walk goes up to the mount point.
double smallest_quota(const std::string& root, const Mount& mount, std::string path, bool v2) {
  // Without a cgroup namespace the path starts at the host's root and the mount at the container's.
  const size_t length = mount.root.size();
  const bool begins_so = mount.root != "/" && path.compare(0, length, mount.root) == 0;
  if (begins_so && (path.size() == length || path[length] == '/')) path.erase(0, length);
  if (path.find("..") != std::string::npos) path.clear();
  double quota = 0;
  for (;;) {
    const std::string directory = root + mount.point + path;
    quota = lesser(quota, v2 ? quota_v2(directory) : quota_v1(directory));
    const size_t slash = path.find_last_of('/');
    if (path == "/" || slash == std::string::npos) return quota;
    path.erase(slash);
  }
}

}  // namespace

bool read_file(const std::string& path, std::string* text) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return false;
  text->clear();
  char buffer[4096];
  size_t got;
  while ((got = std::fread(buffer, 1, sizeof buffer, file)) > 0 && text->size() < (4u << 20))
    text->append(buffer, got);
  std::fclose(file);
  return true;
}

int affinity_count() {
#if defined(__linux__)
  for (int cpus = 1024; cpus <= (1 << 20); cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    if (set == nullptr) break;
    const size_t size = CPU_ALLOC_SIZE(cpus);
    const bool ok = sched_getaffinity(0, size, set) == 0;
    const int count = ok ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (ok && count > 0) return count;
  }
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

double cpu_quota(const std::string& root) {
  std::string groups, mounts;
  if (!read_file(root + "/proc/self/cgroup", &groups)) return 0;
  if (!read_file(root + "/proc/self/mountinfo", &mounts)) return 0;
  double quota = 0;
  for (const bool v2 : {true, false}) {
    Mount mount;
    std::string path;
    if (find_mount(mounts, v2, &mount) && find_group(groups, v2, &path))
      quota = lesser(quota, smallest_quota(root, mount, path, v2));
  }
  return quota;
}

int available_threads() {
  return found_once(&available, [] {
    int count = affinity_count();
    try {
      const double quota = cpu_quota("");
      if (quota > 0 && quota < count) count = static_cast<int>(std::ceil(quota));
    } catch (...) {
      // Out of memory while reading: the affinity alone decides.
    }
    return std::min(std::max(count, 1), kMaxThreads);
  });
}

}  // namespace softlane
