#include "cpu.h"

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "limits.h"

#if defined(__x86_64__) || defined(_M_X64)
#define SOFTLANE_CPUID 1
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace softlane {
namespace {

struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

#if defined(SOFTLANE_CPUID)

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
#if defined(_MSC_VER)
  int out[4];
  __cpuid(out, static_cast<int>(leaf & 0x80000000u));
  if (static_cast<uint32_t>(out[0]) < leaf) return r;
  __cpuidex(out, static_cast<int>(leaf), static_cast<int>(subleaf));
  r.eax = out[0], r.ebx = out[1], r.ecx = out[2], r.edx = out[3];
#else
  // Answers zeros for a leaf beyond the highest one, where the bare instruction answers junk.
  if (!__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx)) return Registers();
#endif
  return r;
}

// XCR0: which register files the OS saves on a context switch. Only valid when OSXSAVE is set.
uint64_t saved_state() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__ volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
#endif
}

bool os_saves_zmm(uint64_t xcr0) {
  constexpr uint64_t kZmmState = 0xe6;  // SSE, AVX, opmask, ZMM_Hi256, Hi16_ZMM
#if defined(__APPLE__)
  // Darwin sets the AVX-512 bits of XCR0 at a thread's first use; the kernel's word is what counts.
  int has = 0;
  size_t size = sizeof has;
  if (sysctlbyname("hw.optional.avx512f", &has, &size, nullptr, 0) == 0 && has) return true;
#endif
  return (xcr0 & kZmmState) == kZmmState;
}

std::string vendor_name() {
  const Registers r = cpuid(0, 0);
  char name[13] = {};
  std::memcpy(name, &r.ebx, 4);
  std::memcpy(name + 4, &r.edx, 4);
  std::memcpy(name + 8, &r.ecx, 4);
  return name;
}

CpuFeatures detect() {
  CpuFeatures f;
  constexpr uint64_t kYmmState = 0x6;  // SSE and AVX
  const auto bit = [](uint32_t value, int n) { return ((value >> n) & 1u) != 0; };
  const Registers one = cpuid(1, 0);
  const Registers seven = cpuid(7, 0);
  const bool avx = bit(one.ecx, 28);
  f.cpu_fma = bit(one.ecx, 12);
  f.cpu_f16c = bit(one.ecx, 29);
  f.cpu_avx2 = bit(seven.ebx, 5);
  f.cpu_avx512 =
      bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 30) && bit(seven.ebx, 31);
  if (bit(one.ecx, 27)) {  // OSXSAVE: XGETBV may be executed
    const uint64_t xcr0 = saved_state();
    f.os_ymm = (xcr0 & kYmmState) == kYmmState;
    f.os_zmm = f.os_ymm && os_saves_zmm(xcr0);
  }
  f.avx2 = avx && f.cpu_avx2 && f.cpu_fma && f.cpu_f16c && f.os_ymm;
  f.avx512 = f.avx2 && f.cpu_avx512 && f.os_zmm;
  return f;
}

// As its makers count: the extended family is added to a full one.
uint32_t family() {
  const uint32_t version = cpuid(1, 0).eax, base = (version >> 8) & 15;
  return base == 15 ? base + ((version >> 20) & 255) : base;
}

bool is_zen_3_or_4() { return vendor_name() == "AuthenticAMD" && family() == 25; }

std::string brand_name() {
  char name[49] = {};
  for (uint32_t i = 0; i < 3; i++) {
    const Registers r = cpuid(0x80000002u + i, 0);
    const uint32_t words[4] = {r.eax, r.ebx, r.ecx, r.edx};
    std::memcpy(name + 16 * i, words, 16);
  }
  std::string brand = name;
  brand.erase(0, brand.find_first_not_of(' '));
  brand.erase(brand.find_last_not_of(' ') + 1);
  return brand;
}

// Leaf 4 (Intel and some others) and leaf 0x8000001D (AMD) share one layout.
bool caches_from_leaf(uint32_t leaf, CpuCaches* caches) {
  bool any = false;
  for (uint32_t i = 0; i < 16; i++) {
    const Registers r = cpuid(leaf, i);
    const uint32_t type = r.eax & 31;
    if (type == 0) break;
    if (type == 2) continue;  // instructions
    const size_t ways = (r.ebx >> 22) + 1;
    const size_t partitions = ((r.ebx >> 12) & 1023) + 1;
    const size_t line = (r.ebx & 4095) + 1;
    const size_t bytes = ways * partitions * line * (static_cast<size_t>(r.ecx) + 1);
    const uint32_t level = (r.eax >> 5) & 7;
    if (level == 1) caches->l1d = bytes;
    if (level == 2) caches->l2 = bytes;
    if (level == 3) caches->l3 = bytes;
    any = true;
  }
  return any;
}

CpuCaches detect_caches() {
  CpuCaches caches;
  const bool amd = (cpuid(0x80000001u, 0).ecx >> 22) & 1;  // topology extensions
  if (!(amd && caches_from_leaf(0x8000001Du, &caches))) caches_from_leaf(4, &caches);
  return caches;
}

#else

CpuFeatures detect() { return CpuFeatures(); }
std::string vendor_name() { return ""; }
bool is_zen_3_or_4() { return false; }
std::string brand_name() { return ""; }

CpuCaches detect_caches() {
  CpuCaches caches;
  for (int i = 0; i < 8; i++) {
    const std::string base = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i) + "/";
    std::string level, type, size;
    if (!read_file(base + "level", &level)) break;
    if (!read_file(base + "type", &type) || !read_file(base + "size", &size)) continue;
    if (type.compare(0, 11, "Instruction") == 0) continue;
    unsigned long value = 0;
    char unit = 0;
    if (std::sscanf(size.c_str(), "%lu%c", &value, &unit) < 1) continue;
    const size_t bytes = value * (unit == 'K' ? 1024u : unit == 'M' ? 1024u * 1024u : 1u);
    if (level[0] == '1') caches.l1d = bytes;
    if (level[0] == '2') caches.l2 = bytes;
    if (level[0] == '3') caches.l3 = bytes;
  }
  return caches;
}

#endif

const char* architecture() {
#if defined(__x86_64__) || defined(_M_X64)
  return "x86-64";
#elif defined(__aarch64__) || defined(_M_ARM64)
  return "arm64";
#else
  return "other";
#endif
}

void line(std::string* out, const char* key, const std::string& value) {
  if (!out->empty()) *out += '\n';
  *out += key;
  *out += '=';
  *out += value;
}

// At load: the guard of a function's static would be waited for for ever in a child that is forked
// while another thread is inside.
const CpuFeatures features = detect();

// Measured on Zen 5 and on Zen 4 (docs/decisions/0091-where-a-prefetch-goes.md): below these sizes
// ordinary stores are ahead, though no cache keeps the output.
const Streaming stores =
    is_zen_3_or_4() ? Streaming{size_t{16} << 20, false} : Streaming{size_t{64} << 20, true};

}  // namespace

const CpuFeatures& cpu_features() { return features; }
const Streaming& streaming() { return stores; }

std::string describe_cpu() {
  const CpuFeatures& f = cpu_features();
  const CpuCaches caches = detect_caches();
  std::string out;
  line(&out, "architecture", architecture());
  line(&out, "vendor", vendor_name());
  line(&out, "brand", brand_name());
  line(&out, "cpu-avx2", f.cpu_avx2 ? "1" : "0");
  line(&out, "cpu-fma", f.cpu_fma ? "1" : "0");
  line(&out, "cpu-f16c", f.cpu_f16c ? "1" : "0");
  line(&out, "cpu-avx512", f.cpu_avx512 ? "1" : "0");
  line(&out, "os-ymm", f.os_ymm ? "1" : "0");
  line(&out, "os-zmm", f.os_zmm ? "1" : "0");
  line(&out, "l1d", std::to_string(caches.l1d));
  line(&out, "l2", std::to_string(caches.l2));
  line(&out, "l3", std::to_string(caches.l3));
  line(&out, "affinity", std::to_string(affinity_count()));
  char quota[32] = "none";
  const double share = cpu_quota("");
  if (share > 0) std::snprintf(quota, sizeof quota, "%.3f", share);
  line(&out, "quota", quota);
  line(&out, "threads", std::to_string(available_threads()));
  return out;
}

}  // namespace softlane
