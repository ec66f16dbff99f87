// The k largest elements of a row with their indices, and their probabilities in the same read of
// the row: Online normalizer calculation for softmax (Milakov and Gimelshein, 2018), algorithm 4,
// block by block. While a block is in L1 its candidates are taken and its exponentials are summed.
#pragma once

#include "../rows/drivers.h"
#include "largest.h"
#include "log_softmax.h"

namespace softlane {
namespace {

struct TopK {
  static constexpr const char* kName = "topK";
  static constexpr int kK = 2, kSorted = 3, kNaN = 4;  // places in Call::params
  static size_t k_of(const Call& call) { return static_cast<size_t>(call.params[kK]); }

  enum { kValues, kIndices, kProbabilities, kLogProbabilities };
  static constexpr Operand kOperands[] = {
      {"values", Element::kFloat32, true, false, false, k_of},
      {"indices", Element::kInt32, true, false, false, k_of},
      {"probabilities", Element::kFloat32, true, true, false, k_of},
      {"logProbabilities", Element::kFloat32, true, true, false, k_of},
  };

  static bool valid(const Call& call) {
    const auto is_flag = [](double v) { return v == 0 || v == 1; };
    return valid_temperature(call.params[kTemperature]) && valid_largest(call, call.params[kK]) &&
           is_flag(call.params[kSorted]) && is_flag(call.params[kNaN]);
  }
  static Algorithm automatic(size_t cols) { return automatic_sum(cols); }

  struct Context {
    Units u;
    size_t k;
    bool large, sums, nan_is_masked;
  };
  static Context context(const Call& call) {
    return {Units(call.params[kTemperature]), k_of(call), Largest::is_large(k_of(call)),
            call.operands[kProbabilities] != nullptr || call.operands[kLogProbabilities] != nullptr,
            call.params[kNaN] != 0};
  }

  struct State {
    softlane::State sum;
    bool has_nan;
    Largest largest;  // the last, as its keys are behind it
  };
  static bool can_split(const Call& call) { return !Largest::is_large(k_of(call)); }
  static size_t state_bytes(const Call& call) {
    return sizeof(State) - sizeof(Largest) + Largest::bytes(k_of(call));
  }
  static size_t workspace_bytes(const Call& call) {
    return state_room(call) + (keeps_maxima(call) ? maxima_of(call.cols) * sizeof(BlockMaxima) : 0);
  }

  static void start(const Call&, const Context& c, void* state) {
    State* s = static_cast<State*>(state);
    clear(&s->sum, c.u.temperature);
    s->largest.start(c.k);
    s->has_nan = false;
  }

  static void reduce(const Call& call, const Context& c, const float* x, size_t begin, size_t end,
                     void* state) {
    State* s = static_cast<State*>(state);
    if (state == call.workspace && keeps_maxima(call)) {
      if (reduce_row(call, c, x, end, s)) return;
      start(call, c, state);
    }
    Maxima maxima;
    for (size_t i = begin; i < end; i += kBlock) {
      const size_t n = block_length(end, i);
      const bool next = asks(call.prefetch) && end - i >= 2 * kBlock;
      if (c.sums && !c.large && reduce_usual(call, c, x + i, n, i, next, &maxima, s)) continue;
      const bool has_nan = s->largest.push(x + i, n, i);
      s->has_nan |= has_nan;
      if (has_nan && !c.nan_is_masked) return;
      if (!c.sums) continue;
      if (has_nan) {
        const Masked masked(x + i, n, n);
        push(&s->sum, leaf(c.u, {call.algorithm, Prefetch::kNone}, masked.data, n), 0);
      } else {
        push(&s->sum, leaf(c.u, {call.algorithm, call.prefetch}, x + i, n), 0);
      }
    }
  }

  static void append(const Call&, void* state, const void* next) {
    State* s = static_cast<State*>(state);
    const State& other = *static_cast<const State*>(next);
    s->has_nan |= other.has_nan;
    softlane::append(&s->sum, other.sum);
    s->largest.append(other.largest);
  }

  static void finish(const Call& call, const Context& c, void* state, const float* x, size_t n,
                     size_t r) {
    State* s = static_cast<State*>(state);
    const uint64_t* keys = s->largest.keys();
    size_t count = 0;
    if (s->has_nan && !c.nan_is_masked) {
      refuse(call, r, Refusal::kNaN);
    } else {
      count = s->largest.finish(x, n, call.params[kSorted] != 0);
    }
    float* values = part<float>(call, kValues, r, c.k);
    int32_t* indices = part<int32_t>(call, kIndices, r, c.k);
    for (size_t i = 0; i < count; ++i) {
      const size_t index = index_of(keys[i]);
      const float v = x[index];
      values[i] = v == v ? v : -__builtin_inff();
      indices[i] = static_cast<int32_t>(index);
    }
    // Nothing to choose from: no row, or none that may be chosen from.
    fill(values + count, c.k - count, __builtin_nanf(""));
    for (size_t i = count; i < c.k; ++i) indices[i] = -1;
    if (c.sums) distribution(call, c, *s, x, n, r, count, keys);
  }

 private:
  // Those of this block, and those of the next if its turn came before.
  struct Maxima {
    BlockMaxima of[2];
    size_t now = 0;
    bool known = false;
  };

  // A block without a NaN, which its sum tells: the maxima that find the candidates are those that
  // the sum needs. While it is summed, those of the next are taken, if any: it has to be whole.
  static bool add(const Call& call, const Context& c, const float* x, size_t n,
                  const BlockMaxima& own, BlockMaxima* next, State* s) {
    const OwnReference r(c.u, own.top);
    const Partial p = with_prefetch(call.prefetch, [&](auto ahead) {
      using Ahead = decltype(ahead);
      if (next == nullptr) return leaf_below(c.u, r, x, n, NoSink());
      f32x16 m;
      return leaf_below(c.u, r, x, n, BlockMaxima::Sink<Ahead>{x + kBlock, next->lane, &m});
    });
    if (next != nullptr) next->took_whole_block();
    if (p.m != p.m) return false;
    push(&s->sum, p, 0);
    return true;
  }

  static bool reduce_usual(const Call& call, const Context& c, const float* x, size_t n,
                           size_t index, bool looks_ahead, Maxima* maxima, State* s) {
    BlockMaxima& own = maxima->of[maxima->now];
    if (!maxima->known) own.take(x, n);
    maxima->known = looks_ahead && own.top < __builtin_inff();
    if (maxima->known) maxima->now = 1 - maxima->now;
    if (!add(call, c, x, n, own, maxima->known ? &maxima->of[maxima->now] : nullptr, s))
      return false;
    s->largest.found.scan(s->largest.keys(), x, n, index, own);
    return true;
  }

  // A row of some blocks on one thread keeps the maxima of all of them behind its state, and looks
  // for candidates when it knows what is large in it.
  static constexpr size_t kMostKept = size_t{1} << 18;
  static size_t maxima_of(size_t n) { return (n + kBlock - 1) / kBlock; }
  static bool keeps_maxima(const Call& call) {
    return call.cols > kBlock && call.cols <= kMostKept && k_of(call) <= Candidates::kMostOfRow &&
           (call.operands[kProbabilities] != nullptr ||
            call.operands[kLogProbabilities] != nullptr);
  }
  static size_t state_room(const Call& call) {
    return (state_bytes(call) + kStateAlignment - 1) / kStateAlignment * kStateAlignment;
  }

  // False: there is a NaN.
  static bool reduce_row(const Call& call, const Context& c, const float* x, size_t n, State* s) {
    BlockMaxima* const all =
        reinterpret_cast<BlockMaxima*>(reinterpret_cast<char*>(s) + state_room(call));
    bool known = false;
    for (size_t i = 0, b = 0; i < n; i += kBlock, ++b) {
      const size_t length = block_length(n, i);
      if (!known) all[b].take(x + i, length);
      known = asks(call.prefetch) && n - i >= 2 * kBlock && all[b].top < __builtin_inff();
      if (!add(call, c, x + i, length, all[b], known ? all + b + 1 : nullptr, s)) return false;
    }
    Candidates& found = s->largest.found;
    found.guess(all, maxima_of(n));
    for (size_t i = 0, b = 0; i < n; i += kBlock, ++b) {
      found.scan(s->largest.keys(), x + i, block_length(n, i), i, all[b]);
    }
    return true;
  }

  // A block with its NaNs, and the element at `also`, masked.
  struct Masked {
    float data[kBlock];
    Masked(const float* x, size_t n, size_t also) {
      for (size_t i = 0; i < n; ++i) data[i] = x[i] == x[i] && i != also ? x[i] : -__builtin_inff();
    }
  };

  template <class T>
  static T* part(const Call& call, int operand, size_t r, size_t k) {
    T* first = operand_at<T>(call, kOperands, operand);
    return first == nullptr ? nullptr : first + r * k;
  }

  // Probabilities of the chosen as softmax has them, and their logarithms.
  static void distribution(const Call& call, const Context& c, const State& s, const float* x,
                           size_t n, size_t r, size_t count, const uint64_t* keys) {
    const float* values = part<float>(call, kValues, r, c.k);
    float* probabilities = part<float>(call, kProbabilities, r, c.k);
    float* logs = part<float>(call, kLogProbabilities, r, c.k);
    // Without a choice there is no distribution either.
    const Partial sum = count > 0 ? total(s.sum) : empty_partial();
    if (probabilities != nullptr && !fill_degenerate(call, sum, probabilities, c.k)) {
      normalise(call, c.u, sum, values, probabilities, c.k);
    }
    if (logs == nullptr || fill_degenerate(call, sum, logs, c.k)) return;
    size_t top = 0;
    for (size_t i = 1; i < count; ++i) top = keys[i] > keys[top] ? i : top;
    const double log_sum = log_unshifted(sum);
    const double log_top = (values[top] - sum.shift) / c.u.temperature;
    ExpResult result;
    result.total = sum;
    result.log_sum = log_sum;
    // As in LogSoftmax::finish: x/T - log_sum would cancel.
    if (log_top > log_sum - kLn2) {
      const double others = log_of_all(c.u, s.has_nan, x, n, index_of(keys[top]));
      result.dominant = static_cast<int64_t>(top);
      result.dominant_value = static_cast<float>(0.0 - others);
      result.log_sum = log_top + others;
    }
    LogSoftmax::map_range(call, c.u, result, values, logs, 0, c.k);
  }

  // ln of the sum of e^((x - x[at])/T), which is 1 and the others.
  static double log_of_all(const Units& u, bool has_nan, const float* x, size_t n, size_t at) {
    softlane::State others;
    clear(&others, u.temperature);
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t length = block_length(n, i);
      if (has_nan || (at >= i && at < i + length)) {
        const Masked masked(x + i, length, at - i);
        push(&others, leaf(u, {Algorithm::kOnline, Prefetch::kNone}, masked.data, length), 0);
      } else {
        push(&others, leaf(u, {Algorithm::kOnline}, x + i, length), 0);
      }
    }
    return log1p_double(beside(u, total(others), x[at]));
  }
};

}  // namespace
}  // namespace softlane
