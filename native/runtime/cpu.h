// What the processor and the operating system offer: instruction sets, names, caches.
#pragma once

#include <cstddef>
#include <string>

namespace softlane {

struct CpuFeatures {
  // True only where the CPU has the instructions and the OS saves the registers they use.
  bool avx2 = false;    // AVX2 and FMA, ymm state saved
  bool avx512 = false;  // AVX-512 F, BW, DQ, VL on top of avx2, zmm and opmask state saved
  // The parts, for people who ask why an ISA is missing.
  bool cpu_avx2 = false;
  bool cpu_fma = false;
  bool cpu_f16c = false;
  bool cpu_avx512 = false;
  bool os_ymm = false;
  bool os_zmm = false;
};

struct CpuCaches {
  size_t l1d = 0;
  size_t l2 = 0;
  size_t l3 = 0;
};

// When an output is best stored past the cache, and whether what it is made of is then asked for
// ahead.
struct Streaming {
  size_t from_bytes;
  bool asks;
};

const CpuFeatures& cpu_features();
const Streaming& streaming();

// "key=value" lines: architecture, vendor, brand, features, cache sizes, CPU share, threads.
std::string describe_cpu();

}  // namespace softlane
