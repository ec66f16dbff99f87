// What memory itself can do: the least that any operator has to move, with nothing computed. For
// the perf lab, which places operators against it.
//
// The array is walked as one sequential stream, or as several: each turn takes that many
// neighbouring pages of 4 KiB and goes down them side by side, since hardware prefetchers follow
// one stream a page and stop at its end.
#pragma once

#include "../rows/order.h"
#include "../simd/f32x16.h"
#include "traffic.h"

namespace softlane {
namespace {

constexpr size_t kPage = 1024;  // floats of 4 KiB

// Vectors that are handled at once, shared out among the streams.
constexpr size_t kAtOnce = 8;

// step(i, far): the vectors at i of the first page of a turn, and of the pages after it; far is
// where the same stream will be `ahead` elements later. Returns the elements done, whole turns.
template <size_t K, class Step>
inline size_t each_turn(size_t n, size_t ahead, Step step) {
  constexpr size_t turn = K * kPage, stride = kAtOnce / K * kLanes;
  ahead = ahead / stride * stride;
  const size_t within = kPage - ahead % kPage;
  const size_t near = ahead / kPage * turn + ahead % kPage, far = near + turn - kPage;
  size_t i = 0;
  for (; i + turn <= n; i += turn) {
    size_t j = 0;
    for (; j < within; j += stride) step(i + j, i + j + near);
    for (; j < kPage; j += stride) step(i + j, i + j + far);
  }
  return i;
}

// Where vector v of a step lies: one of K pages.
template <size_t K>
constexpr size_t place(size_t v) {
  return v % K * kPage + v / K * kLanes;
}

template <size_t K, bool Prefetch>
inline float read_all(const float* x, size_t n, size_t ahead) {
  f32x16 largest[kAtOnce];
  for (f32x16& v : largest) v = set1(-__builtin_inff());
  size_t i = each_turn<K>(n, ahead, [&](size_t at, size_t later) SOFTLANE_VECTOR {
#pragma GCC unroll 8
    for (size_t v = 0; v < kAtOnce; ++v) {
      if (Prefetch) prefetch(x + later + place<K>(v));
      largest[v] = max(largest[v], load(x + at + place<K>(v)));
    }
  });
  for (; i + kLanes <= n; i += kLanes) largest[0] = max(largest[0], load(x + i));
  if (i < n) largest[0] = max(largest[0], load_first(x + i, n - i, -__builtin_inff()));
  for (size_t v = 1; v < kAtOnce; ++v) largest[0] = max(largest[0], largest[v]);
  return max_lane(largest[0]);
}

// y_i = value(i), all of a step's vectors before the first of them is stored.
template <size_t K, bool Streamed, class Value, class Partial>
inline void write_all(float* y, size_t n, size_t ahead, Value value, Partial partial) {
  size_t head = Streamed ? (0 - reinterpret_cast<uintptr_t>(y) / sizeof(float)) % kLanes : 0;
  if (head > n) head = n;
  if (head > 0) store_first(y, partial(0, head), head);
  size_t i = head + each_turn<K>(n - head, ahead, [&](size_t at, size_t later) SOFTLANE_VECTOR {
               f32x16 all[kAtOnce];
#pragma GCC unroll 8
               for (size_t v = 0; v < kAtOnce; ++v) {
                 all[v] = value(head + at + place<K>(v), head + later + place<K>(v));
               }
#pragma GCC unroll 8
               for (size_t v = 0; v < kAtOnce; ++v) {
                 float* to = y + head + at + place<K>(v);
                 if (Streamed) {
                   stream(to, all[v]);
                 } else {
                   store(to, all[v]);
                 }
               }
             });
  for (; i + kLanes <= n; i += kLanes) store(y + i, partial(i, kLanes));
  if (i < n) store_first(y + i, partial(i, n - i), n - i);
  if (Streamed) fence();
}

template <size_t K, bool Streamed>
inline void fill_all(float* y, size_t n) {
  const f32x16 one = set1(1.0f);
  write_all<K, Streamed>(
      y, n, 0, [=](size_t, size_t) SOFTLANE_VECTOR { return one; },
      [=](size_t, size_t) SOFTLANE_VECTOR { return one; });
}

template <size_t K, bool Prefetch, bool Streamed>
inline void copy_all(const float* x, float* y, size_t n, size_t ahead) {
  write_all<K, Streamed>(
      y, n, ahead,
      [=](size_t i, size_t later) SOFTLANE_VECTOR {
        if (Prefetch) prefetch(x + later);
        return load(x + i);
      },
      [=](size_t i, size_t count) SOFTLANE_VECTOR { return load_first(x + i, count, 0.0f); });
}

template <size_t K, bool Prefetch>
inline void scale_all(const float* x, float* y, size_t n, size_t ahead) {
  const f32x16 factor = set1(0.5f);
  write_all<K, false>(
      y, n, ahead,
      [=](size_t i, size_t later) SOFTLANE_VECTOR {
        if (Prefetch) prefetch(x + later);
        return load(x + i) * factor;
      },
      [=](size_t i, size_t count)
          SOFTLANE_VECTOR { return load_first(x + i, count, 0.0f) * factor; });
}

template <size_t K, bool Prefetch>
inline float move(const Traffic& t, const float* x, float* y, size_t n) {
  switch (t.work) {
    case MemoryWork::kRead:
      return read_all<K, Prefetch>(x, n, t.ahead);
    case MemoryWork::kWrite:
      fill_all<K, false>(y, n);
      break;
    case MemoryWork::kWriteStreaming:
      fill_all<K, true>(y, n);
      break;
    case MemoryWork::kCopy:
      copy_all<K, Prefetch, false>(x, y, n, t.ahead);
      break;
    case MemoryWork::kCopyStreaming:
      copy_all<K, Prefetch, true>(x, y, n, t.ahead);
      break;
    case MemoryWork::kScale:
      scale_all<K, Prefetch>(x, y, n, t.ahead);
      break;
  }
  return 0;
}

// Gives the largest element where it only reads, so that no load can be left out.
inline float memory_traffic(const Traffic& t, const float* x, float* y, size_t n) {
  const bool prefetched = t.ahead > 0;
  switch (t.streams) {
    case 2:
      return prefetched ? move<2, true>(t, x, y, n) : move<2, false>(t, x, y, n);
    case 4:
      return prefetched ? move<4, true>(t, x, y, n) : move<4, false>(t, x, y, n);
    case 8:
      return prefetched ? move<8, true>(t, x, y, n) : move<8, false>(t, x, y, n);
    default:
      return prefetched ? move<1, true>(t, x, y, n) : move<1, false>(t, x, y, n);
  }
}

}  // namespace
}  // namespace softlane
