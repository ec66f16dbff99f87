// log-softmax and logsumexp: the logarithm of the sum that softmax divides by.
#pragma once

#include "log_sum.h"
#include "softmax.h"

namespace softlane {
namespace {

// x/T less a number of two floats, which were negated.
struct Differences {
  splat b_hi, b_lo;
  bool divides;

  explicit Differences(const Units& u) : divides(u.folded != 1) {
    const double beta = 1 / u.folded;
    const float b = static_cast<float>(beta);
    b_hi = set1(b);
    b_lo = set1(static_cast<float>(beta - b));
  }
  template <class V, class L>
  static SOFTLANE_VECTOR V plain(const V& v, const L& hi, const L& lo) {
    return (v + hi) + lo;
  }
  template <class V, class L>
  SOFTLANE_VECTOR V divided(const V& v, const L& hi, const L& lo) const {
    // A masked element times a b_lo of either sign must stay -inf.
    return fma(v, b_hi, hi) + fma(max(set1(-0x1.fffffep127f), v), b_lo, lo);
  }
  static void split(double log_sum, float* hi, float* lo) {
    const float l = static_cast<float>(log_sum);
    *hi = -l;
    *lo = static_cast<float>(l - log_sum);
  }
};

// The logarithms of the sums of sixteen short rows, as LogSoftmax::finish has them of one.
struct ShortLogs {
  float hi[kLanes], lo[kLanes];  // as Differences takes them
  float dominant[kLanes];        // the place of an element with more than half of the mass, or -1
  float value[kLanes] = {};      // its result

  ShortLogs(const Units& u, const ShortRows& rows, size_t n) {
    f32x16 largest = load(rows.logits[0]), place = set1(0.0f);
    for (size_t j = 1; j < n; ++j) {
      const f32x16 v = load(rows.logits[j]);
      const mask16 above = above_or_nan(v, largest);
      largest = select(above, v, largest);
      place = select(above, set1(static_cast<float>(j)), place);
    }
    float mu[kLanes];
    double log_sum[kLanes];
    store(mu, largest);
    store(dominant, place);
    bool some = false;
    for (size_t r = 0; r < kLanes; ++r) {
      log_sum[r] = log_unshifted(normalised(rows.partial(r)));
      const bool has_half = mu[r] / u.temperature > log_sum[r] - kLn2;
      if (!has_half) dominant[r] = -1;
      some |= has_half;
    }
    if (some) add_others(u, rows, n, mu, log_sum);
    for (size_t r = 0; r < kLanes; ++r) Differences::split(log_sum[r], hi + r, lo + r);
  }

 private:
  // As others_in_float and finish have it.
  void add_others(const Units& u, const ShortRows& rows, size_t n, const float* mu,
                  double* log_sum) {
    float own[kLanes];
    for (size_t r = 0; r < kLanes; ++r) {
      own[r] = dominant[r] < 0 ? 1 : rows.tile[static_cast<size_t>(dominant[r])][r];
    }
    const f32x16 place = load(dominant), least = load(own) * set1(kLeastBeside);
    const splat zero = set1(0.0f);
    ShortTile others;
    for (size_t j = 0; j < n; ++j) {
      const f32x16 w = select(place == set1(static_cast<float>(j)), zero, load(rows.tile[j]));
      store(others[j], select(w >= least, w, zero));
    }
    double terms[kLanes];
    ShortRows::add(others, n, terms);
    for (size_t r = 0; r < kLanes; ++r) {
      if (dominant[r] < 0) continue;
      const Reference reference(u, mu[r]);
      const double exponents = rows.top[r] / 8.0 - static_cast<double>(reference.e);
      double all = beside(u, reference, scale_double(terms[r], exponents));
      if (!(all >= kLeastOthers)) {
        float row[kShortRow];
        for (size_t j = 0; j < n; ++j) row[j] = rows.logits[j][r];
        all = others_far(u, row, n, static_cast<size_t>(dominant[r]), mu[r]);
      }
      const double l = log1p_double(all);
      value[r] = static_cast<float>(0.0 - l);
      log_sum[r] = mu[r] / u.temperature + l;
    }
  }
};

struct LogSoftmax : ExpFamily {
  static constexpr const char* kName = "logSoftmax";

  static bool sixteen_rows(const Call& call, const Units& u, const float* x, float* y) {
    ShortRows rows;
    const size_t n = call.cols;
    if (!rows.reduce(u, x, call.x_stride, n)) return false;
    const ShortLogs logs(u, rows, n);
    const Differences d(u);
    const f32x16 hi = load(logs.hi), lo = load(logs.lo);
    const f32x16 dominant = load(logs.dominant), value = load(logs.value);
    for (size_t j = 0; j < n; ++j) {
      const f32x16 v = load(rows.logits[j]);
      const f32x16 result = d.divides ? d.divided(v, hi, lo) : d.plain(v, hi, lo);
      store(rows.tile[j], select(dominant == set1(static_cast<float>(j)), value, result));
    }
    rows.write(y, call.y_stride, n);
    return true;
  }

  static void reduce_row(const Call& call, const Units& u, const float* x, float*, size_t n,
                         ExpResult* result) {
    finish(call, u, row_sum(u, {call.algorithm, call.prefetch}, x, n), x, n, result);
  }
  static void map_row(const Call& call, const Units& u, const ExpResult& r, const float* x,
                      float* y, size_t n) {
    map_range(call, u, r, x, y, 0, n);
  }
  // An element with more than half of the mass has a result near zero, x/T - logsumexp would
  // cancel.
  static void finish(const Call&, const Units& u, const Partial& total, const float* x, size_t n,
                     ExpResult* result) {
    result->total = total;
    result->dominant = -1;
    result->log_sum = log_unshifted(total);
    if (!is_finite(result->log_sum) || x == nullptr) return;
    const double half = result->log_sum - kLn2;
    if (!((total.peak - total.shift) / u.temperature > half)) return;
    const float mu = max_element(x, n);
    if (!((mu - total.shift) / u.temperature > half)) return;
    const size_t k = find(x, n, mu);
    if (k == n) return;  // another thread is writing to x
    const double others = others_in_float(u, x, n, k, mu);
    result->dominant = static_cast<int64_t>(k);
    result->dominant_value = static_cast<float>(0.0 - others);
    result->log_sum = (mu - total.shift) / u.temperature + others;
  }
  static void map_range(const Call& call, const Units& u, const ExpResult& r, const float* x,
                        float* y, size_t begin, size_t end) {
    if (fill_degenerate(call, r.total, y + begin, end - begin)) return;
    if (r.total.shift != 0) {
      huge(u, r, x + begin, y + begin, end - begin);
    } else {
      usual(call, u, r.log_sum, x + begin, y + begin, end - begin);
    }
    const size_t k = static_cast<size_t>(r.dominant);
    if (r.dominant >= 0 && k >= begin && k < end) y[k] = r.dominant_value;
  }

 private:
  // x/T - log_sum, both in two floats.
  static void usual(const Call& call, const Units& u, double log_sum, const float* x, float* y,
                    size_t n) {
    float hi, lo;
    Differences::split(log_sum, &hi, &lo);
    const Differences d(u);
    const splat l_hi = set1(hi), l_lo = set1(lo);
    for (size_t i = 0; i < n; i += kBlock) {
      const size_t length = block_length(n, i);
      const Block block(u, 0, x + i, length);
      if (d.divides) {
        map(block.data(), y + i, length, call.stream, call.prefetch,
            [&](const auto& v) SOFTLANE_VECTOR { return d.divided(v, l_hi, l_lo); });
      } else {
        map(block.data(), y + i, length, call.stream, call.prefetch,
            [&](const auto& v) SOFTLANE_VECTOR { return d.plain(v, l_hi, l_lo); });
      }
    }
  }

  // Logits so large that the difference of two can exceed a float before it is divided by T.
  static void huge(const Units& u, const ExpResult& r, const float* x, float* y, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      y[i] = static_cast<float>((x[i] - r.total.shift) / u.temperature - r.log_sum);
    }
  }
};

struct LogSumExp : ExpFamily {
  static constexpr const char* kName = "logSumExp";

  static bool sixteen_rows(const Call& call, const Units& u, const float* x, float* y) {
    ShortRows rows;
    if (!rows.reduce(u, x, call.x_stride, call.cols)) return false;
    bool usual = true;
    for (size_t r = 0; r < kLanes; ++r) {
      const double l = log_unshifted(normalised(rows.partial(r)));
      usual &= !near_zero(l);
      y[r] = static_cast<float>(l);
    }
    return usual;
  }

  static void reduce_row(const Call& call, const Units& u, const float* x, float*, size_t n,
                         ExpResult* result) {
    finish(call, u, row_sum(u, {call.algorithm, call.prefetch}, x, n), x, n, result);
  }
  // Where float terms would leave too few digits.
  static bool near_zero(double l) { return l > -0.5 && l < 0.5; }
  static float value(const ExpResult& r) { return static_cast<float>(r.log_sum); }
  static void finish(const Call&, const Units& u, const Partial& total, const float* x, size_t n,
                     ExpResult* result) {
    result->total = total;
    result->log_sum = total.shift / u.temperature + log_unshifted(total);
    if (near_zero(result->log_sum) && x != nullptr) {
      const float mu = max_element(x, n);
      const size_t k = find(x, n, mu);
      if (k == n) return;  // another thread is writing to x
      result->log_sum = log_sum_near_zero(u, x, n, k);
    }
  }
};

}  // namespace
}  // namespace softlane
