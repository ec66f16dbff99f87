#include "dispatch.h"

#include <atomic>

#include "cpu.h"

namespace softlane {
namespace {

using Check = bool (*)(const CpuFeatures&);

struct Entry {
  const Isa* isa;
  Check usable;
};

constexpr Entry kEntries[] = {
#if defined(SOFTLANE_X86)
    {&kAvx512, [](const CpuFeatures& f) { return f.avx512; }},
    {&kAvx2, [](const CpuFeatures& f) { return f.avx2; }},
#endif
#if defined(SOFTLANE_ARM64)
    {&kNeon, [](const CpuFeatures&) { return true; }},  // part of the architecture
#endif
    {&kScalar, [](const CpuFeatures&) { return true; }},
};

constexpr int kCount = static_cast<int>(sizeof kEntries / sizeof kEntries[0]);

std::atomic<int> current{-1};  // -1: not chosen yet

int best_isa() {
  int index = 0;
  while (!isa_usable(index)) index++;  // scalar, the last, is always usable
  return index;
}

}  // namespace

int isa_count() { return kCount; }

const Isa& isa_at(int index) { return *kEntries[index].isa; }

bool isa_usable(int index) {
  return index >= 0 && index < kCount && kEntries[index].usable(cpu_features());
}

int current_isa() {
  int index = current.load(std::memory_order_relaxed);
  if (index < 0) {
    int expected = -1;
    index = best_isa();
    if (!current.compare_exchange_strong(expected, index)) index = expected;
  }
  return index;
}

bool set_current_isa(int index) {
  if (!isa_usable(index)) return false;
  current.store(index, std::memory_order_relaxed);
  return true;
}

}  // namespace softlane
