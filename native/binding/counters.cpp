// Hardware counters of this process, where the system lets it read them.
#include <cerrno>
#include <cmath>

#if defined(__linux__)
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#endif

#include "exports.h"
#include "spec.h"

namespace softlane {
namespace {

constexpr size_t kCounters = 3;  // cycles, instructions, misses of the last-level cache

#if defined(__linux__)

// Opened once and for the life of the process. Threads that are started later are counted too.
struct Counters {
  int files[kCounters];
  int error = 0;

  Counters() {
    constexpr uint64_t kEvents[kCounters] = {PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_HW_INSTRUCTIONS,
                                             PERF_COUNT_HW_CACHE_MISSES};
    for (size_t i = 0; i < kCounters; i++) {
      perf_event_attr event;
      std::memset(&event, 0, sizeof event);
      event.type = PERF_TYPE_HARDWARE;
      event.size = sizeof event;
      event.config = kEvents[i];
      event.inherit = 1;
      event.exclude_kernel = 1;
      event.exclude_hv = 1;
      event.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
      files[i] =
          static_cast<int>(syscall(SYS_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
      if (files[i] < 0) error = errno;
    }
  }
  // NaN where it is not counted; scaled up where the CPU's counters were shared out.
  double read_one(size_t i) const {
    uint64_t values[3];  // count, nanoseconds enabled, nanoseconds counting
    if (files[i] < 0 || read(files[i], values, sizeof values) != sizeof values) return NAN;
    if (values[2] == 0) return values[1] == 0 ? 0 : NAN;
    return static_cast<double>(values[0]) * static_cast<double>(values[1]) /
           static_cast<double>(values[2]);
  }
};

int read_counters(double* into) {
  static const Counters* counters = new Counters;
  bool any = false;
  for (size_t i = 0; i < kCounters; i++) {
    into[i] = counters->read_one(i);
    any = any || !std::isnan(into[i]);
  }
  return any ? 0 : counters->error != 0 ? counters->error : ENODATA;
}

#else

int read_counters(double* into) {
  for (size_t i = 0; i < kCounters; i++) into[i] = NAN;
  return ENOSYS;
}

#endif

}  // namespace

napi_value counters_hook(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  Array<double> into;
  if (!get_doubles(env, arguments[0], &into) || into.length != kCounters)
    return to_number(env, EINVAL);
  return to_number(env, read_counters(into.data));
}

}  // namespace softlane
