// Philox 4x32-10 (Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3,
// 2011): random bits as a function of a counter and a key. Nothing is kept from call to call, so a
// draw depends on neither threads nor the order of the work.
#pragma once

#include <cstdint>

namespace softlane {
namespace {

struct Philox {
  uint32_t word[4];
};

// counter: four words, key: two.
inline Philox philox(const uint32_t* counter, const uint32_t* key) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round, k0 += 0x9e3779b9u, k1 += 0xbb67ae85u) {
    const uint64_t a = uint64_t{0xd2511f53u} * c0, b = uint64_t{0xcd9e8d57u} * c2;
    c0 = static_cast<uint32_t>(b >> 32) ^ c1 ^ k0;
    c2 = static_cast<uint32_t>(a >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(b);
    c3 = static_cast<uint32_t>(a);
  }
  return {{c0, c1, c2, c3}};
}

// Of two words, a number in the open interval (0, 1): an odd multiple of 2^-53, which a double
// holds exactly. Neither end can occur, so that its logarithm is finite and not zero.
inline double open_unit(uint32_t high, uint32_t low) {
  const uint64_t bits = uint64_t{high} << 20 | low >> 12;
  return static_cast<double>(2 * bits + 1) * 0x1p-53;
}

}  // namespace
}  // namespace softlane
