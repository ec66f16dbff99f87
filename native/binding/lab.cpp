// What the perf lab measures with: memory traffic, where arrays lie, and this thread's CPU.
#include <algorithm>
#include <cerrno>

#if defined(__linux__)
#include <sched.h>
#include <sys/mman.h>
#endif

#include "../runtime/dispatch.h"
#include "../runtime/execute.h"
#include "../runtime/limits.h"
#include "../runtime/pool.h"
#include "exports.h"
#include "spec.h"

namespace softlane {
namespace {

constexpr double kMostRepeats = 1e9, kMostAhead = 1 << 20;
constexpr size_t kHugePage = size_t{2} << 20;

// Elements of a thread's piece: whole turns of eight pages, so that a piece looks like the whole.
constexpr size_t kPiece = 8 * 1024;

volatile float kept;  // what reading gives, so that it cannot be left out

void move(const Isa& isa, const Traffic& traffic, int threads, const float* x, float* y, size_t n) {
  if (threads == 1) {
    kept = isa.memory(traffic, x, y, n);
    return;
  }
  const size_t pieces = (n + kPiece - 1) / kPiece, chunks = static_cast<size_t>(threads) * 4;
  const size_t length = std::max((pieces + chunks - 1) / chunks, size_t{1}) * kPiece;
  struct Context {
    const Isa& isa;
    const Traffic& traffic;
    const float* x;
    float* y;
    size_t n, length;
  } context{isa, traffic, x, y, n, length};
  parallel_for((n + length - 1) / length, threads,
               [](void* p, size_t i) {
                 const Context& c = *static_cast<Context*>(p);
                 const size_t begin = i * c.length;
                 c.isa.memory(c.traffic, c.x + begin, c.y + begin, std::min(c.length, c.n - begin));
               },
               &context, nullptr);
}

// The bytes of a typed array, whatever its elements are.
bool get_bytes(napi_env env, napi_value value, Array<char>* bytes) {
  static constexpr size_t kSizes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  napi_typedarray_type type;
  void* data;
  size_t length;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok)
    return false;
  const auto index = static_cast<size_t>(type);
  if (index >= sizeof kSizes / sizeof *kSizes) return false;
  *bytes = {static_cast<char*>(data), data == nullptr ? 0 : length * kSizes[index]};
  return true;
}

// A setting of the whole process, by its number.
template <class Choice>
napi_value choice_hook(napi_env env, napi_callback_info info, void (*set)(Choice), int count) {
  const Arguments<1> arguments(env, info);
  int64_t choice;
  if (!get_integer(env, arguments[0], 0, count - 1, &choice))
    return to_value(env, Status::kBadSpec);
  set(static_cast<Choice>(choice));
  return to_value(env, Status::kOk);
}

}  // namespace

napi_value memory_hook(napi_env env, napi_callback_info info) {
  const Arguments<8> arguments(env, info);
  int64_t numbers[6];
  constexpr double kLow[] = {-1, 0, 1, 0, 1, 1};
  constexpr double kHigh[] = {16, kMemoryWorks - 1, 8, kMostAhead, kMaxThreads, kMostRepeats};
  for (size_t i = 0; i < 6; i++) {
    if (!get_integer(env, arguments[i], kLow[i], kHigh[i], &numbers[i]))
      return to_value(env, Status::kBadSpec);
  }
  const Isa* isa = usable_isa(numbers[0]);
  if (isa == nullptr) return to_value(env, Status::kUnsupportedIsa);
  const Traffic traffic{static_cast<MemoryWork>(numbers[1]), static_cast<size_t>(numbers[2]),
                        static_cast<size_t>(numbers[3])};
  if ((traffic.streams & (traffic.streams - 1)) != 0) return to_value(env, Status::kBadSpec);
  Array<float> x, y;
  if (!get_floats(env, arguments[6], &x)) return to_value(env, Status::kBadInput);
  if (!get_floats(env, arguments[7], &y) || y.length != x.length)
    return to_value(env, Status::kBadOutput);
  const bool copies =
      traffic.work == MemoryWork::kCopy || traffic.work == MemoryWork::kCopyStreaming;
  const bool in_place = traffic.work == MemoryWork::kScale && x.data == y.data;
  if ((copies || traffic.work == MemoryWork::kScale) && !in_place &&
      overlap(x.data, x.length * 4, y.data, y.length * 4))
    return to_value(env, Status::kOverlap);
  for (int64_t i = 0; i < numbers[5]; i++)
    move(*isa, traffic, static_cast<int>(numbers[4]), x.data, y.data, x.length);
  return to_value(env, Status::kOk);
}

napi_value naive_hook(napi_env env, napi_callback_info info) {
  const Arguments<4> arguments(env, info);
  const Isa* isa;
  int64_t cols;
  if (!get_integer(env, arguments[1], 1, kMostExact, &cols)) return to_value(env, Status::kBadSpec);
  const Status found = read_isa(env, arguments[0], &isa);
  if (found != Status::kOk) return to_value(env, found);
  Array<float> x, y;
  if (!get_floats(env, arguments[2], &x) || x.length % static_cast<size_t>(cols) != 0)
    return to_value(env, Status::kBadInput);
  if (!get_floats(env, arguments[3], &y) || y.length != x.length)
    return to_value(env, Status::kBadOutput);
  if (x.data != y.data && overlap(x.data, x.length * 4, y.data, y.length * 4))
    return to_value(env, Status::kOverlap);
  const size_t row = static_cast<size_t>(cols);
  isa->naive(x.data, y.data, x.length / row, row);
  return to_value(env, Status::kOk);
}

napi_value place_hook(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  Array<char> bytes;
  if (!get_bytes(env, arguments[0], &bytes)) return to_number(env, -1);
  return to_number(env, static_cast<double>(reinterpret_cast<uintptr_t>(bytes.data) % kHugePage));
}

napi_value huge_pages_hook(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  Array<char> bytes;
  int64_t wanted;
  if (!get_bytes(env, arguments[0], &bytes) || !get_integer(env, arguments[1], 0, 1, &wanted))
    return to_number(env, EINVAL);
#if defined(__linux__)
  // Whole pages that are this array's alone.
  const size_t page = wanted == 1 ? kHugePage : 4096;
  const uintptr_t start = reinterpret_cast<uintptr_t>(bytes.data);
  const uintptr_t begin = (start + page - 1) / page * page;
  const uintptr_t end = (start + bytes.length) / page * page;
  if (end <= begin) return to_number(env, 0);
  const int advice = wanted == 1 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
  const int failed = madvise(reinterpret_cast<void*>(begin), end - begin, advice);
  return to_number(env, failed ? errno : 0);
#else
  return to_number(env, ENOSYS);
#endif
}

napi_value stores_hook(napi_env env, napi_callback_info info) {
  return choice_hook(env, info, set_stores, kStoresCount);
}

napi_value prefetch_hook(napi_env env, napi_callback_info info) {
  return choice_hook(env, info, set_prefetch, kPrefetchCount);
}

napi_value pin_hook(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  Array<int32_t> cpus;
  if (!get_array(env, arguments[0], napi_int32_array, &cpus) || cpus.length == 0)
    return to_number(env, EINVAL);
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  for (size_t i = 0; i < cpus.length; i++) {
    if (cpus.data[i] < 0 || cpus.data[i] >= CPU_SETSIZE) return to_number(env, EINVAL);
    CPU_SET(static_cast<size_t>(cpus.data[i]), &set);
  }
  return to_number(env, sched_setaffinity(0, sizeof set, &set) != 0 ? errno : 0);
#else
  return to_number(env, ENOSYS);
#endif
}

}  // namespace softlane
