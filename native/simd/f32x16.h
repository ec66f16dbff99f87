// f32x16: the only vector type of softlane's kernels.
//
// A translation unit in native/isa/ names its backend in SOFTLANE_BACKEND before it includes
// anything. Everything is in an unnamed namespace: each instruction set keeps its own copy, and the
// linker can never keep an AVX-512 copy of a function that runs on an older CPU.
//
// clang-format off
//   set1(a)                    all lanes a
//   load(p), store(p, v)       sixteen floats, any alignment
//   load_first(p, n, fill)     lanes below n from memory, the others fill; nothing beyond n is read
//   store_first(p, v, n)       lanes below n; nothing beyond n is written
//   stream(p, v)               a store past the cache to a p of 64-byte alignment; fence() ends a run
//   prefetch(p), prefetch_l2(p)  hints, any address; kPrefetches: whether they are any
//   + - * /, fma(a, b, c)      IEEE, fma with one rounding; nothing is ever contracted
//   max(a, b)                  a > b ? a : b, so a NaN in b passes and a NaN in a does not
//   min(a, b)                  a < b ? a : b, likewise
//   >=, ==, is_nan, |          masks; lanes(m) gives bit i for lane i, no_lanes() none
//   above_or_nan(a, b)         where a is not at most b: it is more, or one of them is a NaN
//   select(m, a, b)            a where the mask is set, else b
//   abs(a)                     a without its sign
//   with_sign(a, s)            a, which has no sign, with that of s
//   by_sign(s, a, b)           a where the sign bit of s is set, else b
//   max_lane(a)                the largest lane; unspecified with a NaN
//   sum_lanes(a, b)            the sum of a + b in double: lane l with l + 8, then l + 4, l + 2, l + 1
//   transpose(v)               sixteen vectors: lane j of vector i becomes lane i of vector j, bit for bit
//   load_mask(p, n)            the mask of those of the first n int32 that are not 0
//   pow2_low_bits(z)           2^(k - 127), where k is the integer in the low 8 bits of z (math.h)
//   pow2_eighths(t, z)         t[k % 8] * 2^floor(k / 8), where k is the integer in the low 12 bits of
//                              z and t a table as math.h has it; load_table(p) makes one
//   floor_eighths(z)           z with k rounded down to a multiple of 8
//   scale_or_zero(a, z)        a * 2^k, where k is the signed integer in the low 9 bits of z and a a
//                              normal float; +0 where the result would lie below 2^-126
//   exponent(a), mantissa(a)   floor(log2 a) and a / 2^that, for normal positive a
//   u16x16                     sixteen numbers of 16 bits; load_u16(p), store(p, v), and stream(p, v) to
//                              a p of 32-byte alignment
//   widen_f16(a), widen_bf16(a)    to floats, exactly; a NaN keeps its payload, and an f16 becomes quiet
//   narrow_f16(a), narrow_bf16(a)  to the nearest, ties to even; beyond the largest to infinity; a NaN
//                              keeps the upper bits of its payload and becomes quiet
// clang-format on
#pragma once

// On every function of vectors, lambdas too: a compiler's own estimate stops inlining them in a
// unit as large as ours, and a vector passed through memory costs more than the work on it.
#define SOFTLANE_VECTOR __attribute__((always_inline))

#include SOFTLANE_BACKEND
