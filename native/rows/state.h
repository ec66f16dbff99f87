// Mergeable partial sums of exponentials: the (mantissa, exponent) pair of the Two-Pass paper as a
// value that lives longer than a vector.
//
// A Partial is m * 2^e * e^(shift / T). shift is 0 unless the logits are too large for the exponent
// alone (|x| / T beyond 22,700); then it is the largest logit of the block and e is near 0. A State
// is the sum of a row that arrives in pieces: one slot a level of a binary tree over the blocks, as
// in pairwise summation, so that pieces of whole blocks pushed in order give the bits of the whole
// row, and so do merged states of ranges that begin and end at a multiple of a power of two of
// blocks.
#pragma once

#include <cstddef>

#include "double_math.h"
#include "order.h"
#include "tree.h"

namespace softlane {

struct Partial {
  double m, e, shift;
  double peak;  // no logit behind this sum is larger
};

namespace {

inline bool is_finite(double a) { return a - a == 0; }

// NaN payloads depend on the order of operands, which compilers choose: there is one NaN here.
inline double one_nan(double a) { return a == a ? a : __builtin_nan(""); }

inline Partial empty_partial() { return {0, 0, 0, -__builtin_inf()}; }

inline Partial merge(const Partial& a, const Partial& b, double temperature) {
  const double peak = a.peak > b.peak ? a.peak : b.peak;
  if (!is_finite(a.m) || !is_finite(b.m))
    return {one_nan(a.m + b.m), 0, 0, peak};  // NaN wins over inf
  if (a.m == 0) return {b.m, b.e, b.shift, peak};
  if (b.m == 0) return {a.m, a.e, a.shift, peak};
  if (a.shift == b.shift) {
    const double e = a.e > b.e ? a.e : b.e;
    return {scale_double(a.m, a.e - e) + scale_double(b.m, b.e - e), e, a.shift, peak};
  }
  // Different shifts: the smaller side is brought to the larger one by a true exponential.
  const double gap = (a.shift - b.shift) / temperature + (a.e - b.e) * 0.6931471805599453;
  if (gap >= 0) return {a.m + b.m * exp_double(-gap), a.e, a.shift, peak};
  return {b.m + a.m * exp_double(gap), b.e, b.shift, peak};
}

// m in [1, 2), so that the reciprocal has the same bits however the sum came about.
inline Partial normalised(Partial p) {
  if (p.m > 0 && is_finite(p.m)) {
    uint64_t b;
    std::memcpy(&b, &p.m, sizeof b);
    const int64_t k = static_cast<int64_t>(b >> 52) - 1023;
    p.m *= pow2_double(-k);
    p.e += static_cast<double>(k);
  }
  return p;
}

// ln of the sum without its shift.
inline double log_unshifted(const Partial& p) {
  if (p.m == 0) return -__builtin_inf();
  return is_finite(p.m) ? log_double(p.m, p.e) : one_nan(p.m);
}

}  // namespace

// Plain doubles, so that JavaScript can own one as a Float64Array and send it anywhere.
struct State {
  double temperature;
  double blocks;    // leaves pushed so far: its binary digits say which slots are taken
  double elements;  // for the caller's information
  double slots[kLevels][4];
};

constexpr size_t kStateLength = sizeof(State) / sizeof(double);

namespace {

// Beyond these, the float that carries the power of two of a temperature would not be normal.
inline bool valid_temperature(double t) { return t >= 0x1p-100 && t <= 0x1p100; }

// Whether a state that came from outside is one that the functions below can work on.
inline bool valid(const State& s) {
  if (!valid_temperature(s.temperature)) return false;
  if (!(s.blocks >= 0 && s.blocks < 0x1p39) || !(s.elements >= 0 && s.elements < 0x1p53))
    return false;
  const uint64_t blocks = static_cast<uint64_t>(s.blocks);
  if (static_cast<double>(blocks) != s.blocks) return false;
  for (int i = 0; i < kLevels; ++i) {
    const double* p = s.slots[i];
    if (!(blocks >> i & 1)) continue;
    if (p[0] < 0 || !(p[1] > -0x1p40 && p[1] < 0x1p40) || !is_finite(p[2])) return false;
    if (static_cast<double>(static_cast<int64_t>(p[1])) != p[1]) return false;
  }
  return true;
}

inline void clear(State* s, double temperature) {
  s->temperature = temperature;
  s->blocks = 0;
  s->elements = 0;
}

inline Partial slot(const State& s, int level) {
  const double* p = s.slots[level];
  return {p[0], p[1], p[2], p[3]};
}

inline void set_slot(State* s, int level, const Partial& p) {
  double* q = s->slots[level];
  q[0] = p.m, q[1] = p.e, q[2] = p.shift, q[3] = p.peak;
}

template <class S>
struct StateSlots {
  S* s;
  Partial get(int level) const { return slot(*s, level); }
  void set(int level, const Partial& p) const { set_slot(s, level, p); }
  Partial merge(const Partial& p, const Partial& next) const {
    return softlane::merge(p, next, s->temperature);
  }
};

// Adds the sum of 2^level blocks.
inline void push(State* s, const Partial& p, int level) {
  s->blocks = static_cast<double>(
      tree_push(StateSlots<State>{s}, static_cast<uint64_t>(s->blocks), p, level));
}

inline Partial total(const State& s) {
  const uint64_t blocks = static_cast<uint64_t>(s.blocks);
  return normalised(tree_total(StateSlots<const State>{&s}, blocks, empty_partial()));
}

// The other state's blocks come after this one's.
inline void append(State* s, const State& other) {
  tree_each(static_cast<uint64_t>(other.blocks), [&](int i) { push(s, slot(other, i), i); });
  s->elements += other.elements;
}

}  // namespace
}  // namespace softlane
