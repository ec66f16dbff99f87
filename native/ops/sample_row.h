// A row as the sampler reads it: with the adjusted logits in their places and what is masked at
// -inf. Nothing of it is written back; a block that differs from the caller's is made in L1.
#pragma once

#include "../simd/wide.h"
#include "adjust.h"
#include "exp_sum.h"

namespace softlane {
namespace {

class SampleRow {
 public:
  const float* const x;
  const size_t n;

  // blocks: n / kBlock + 2 elements; next: one for each adjusted token; copy: a block.
  SampleRow(const float* row, size_t length, AdjustedTokens& tokens, const uint32_t* allowed,
            bool mask_nan, uint32_t* blocks, uint32_t* next, float* copy)
      : x(row),
        n(length),
        tokens_(tokens),
        allowed_(allowed),
        mask_nan_(mask_nan),
        blocks_(blocks),
        next_(next),
        copy_(copy) {}

  bool is_allowed(size_t i) const {
    return allowed_ == nullptr || (allowed_[i / 32] >> (i % 32) & 1) != 0;
  }
  bool has_mask() const { return allowed_ != nullptr; }
  bool masks_nan() const { return mask_nan_; }
  AdjustedTokens& tokens() const { return tokens_; }

  // Of 64 elements from a multiple of 64 on, the bits of those that are allowed.
  uint64_t allowed_word(size_t i) const {
    if (allowed_ == nullptr) return ~uint64_t{0};
    const uint64_t high = n - i > 32 ? allowed_[i / 32 + 1] : 0;
    return allowed_[i / 32] | high << 32;
  }

  // Sorts the adjusted tokens by block; before any block is asked for.
  void prepare() {
    tokens_.work_out();
    const size_t count = (n + kBlock - 1) / kBlock;
    for (size_t b = 0; b < count; ++b) blocks_[b] = kNone;
    for (size_t i = 0; i < tokens_.count(); ++i) {
      uint32_t* first = blocks_ + static_cast<size_t>(tokens_[i].token) / kBlock;
      next_[i] = *first;
      *first = static_cast<uint32_t>(i);
    }
  }

  // The block that begins at i, as it is to be read.
  const float* block(size_t i) const {
    const size_t length = block_length(n, i);
    const uint32_t first = blocks_[i / kBlock];
    const bool spoilt = mask_nan_ && any_nan(x + i, length);
    if (first == kNone && allowed_ == nullptr && !spoilt) return x + i;
    std::memcpy(copy_, x + i, length * sizeof(float));
    for (uint32_t t = first; t != kNone; t = next_[t]) {
      copy_[static_cast<size_t>(tokens_[t].token) - i] = tokens_[t].value;
    }
    const float masked = -__builtin_inff();
    for (size_t j = 0; spoilt && j < length; ++j) {
      if (copy_[j] != copy_[j]) copy_[j] = masked;
    }
    for (size_t j = 0; allowed_ != nullptr && j < length; j += 32) {
      const uint32_t word = allowed_[(i + j) / 32];
      const size_t end = length - j < 32 ? length - j : 32;
      for (size_t k = 0; k < end; ++k) copy_[j + k] = word >> k & 1 ? copy_[j + k] : masked;
    }
    return copy_;
  }

 private:
  static constexpr uint32_t kNone = 0xffffffffu;
  AdjustedTokens& tokens_;
  const uint32_t* allowed_;
  bool mask_nan_;
  uint32_t* blocks_;
  uint32_t* next_;
  float* copy_;
};

// What one reading of a row finds: the sum of e^(x/T), block by block too.
struct Survey {
  Partial* blocks;
  Partial sum;
  float top;         // the largest logit
  double total;      // sum of e^((x - top) / T)
  double log_total;  // its logarithm

  // False: there is a NaN or an infinity, or nothing that is not masked (empty).
  bool read(const SampleRow& row, const Units& u, bool* empty) {
    State state;
    clear(&state, u.temperature);
    for (size_t i = 0; i < row.n; i += kBlock) {
      const Partial p = leaf(u, {Algorithm::kOnline}, row.block(i), block_length(row.n, i));
      blocks[i / kBlock] = p;
      push(&state, p, 0);
    }
    sum = softlane::total(state);
    *empty = sum.m == 0;
    if (!(sum.m > 0) || !is_finite(sum.m)) return false;
    top = static_cast<float>(sum.peak);
    log_total = log_unshifted(sum) + (sum.shift - sum.peak) / u.temperature;
    if (log_total < 0) log_total = 0;  // the largest term alone is 1
    total = exp_of(log_total);
    return true;
  }

  static double exp_of(double log) { return 1 / exp_double(-log); }

  // sum of p (top - x) / T, the entropy less ln of the total.
  double mean_depth(const SampleRow& row, const Units& u) const {
    double result = 0;
    for (size_t i = 0; i < row.n; i += kBlock) {
      const size_t length = block_length(row.n, i);
      const Partial& p = blocks[i / kBlock];
      if (p.m == 0) continue;
      const Reference r(u, static_cast<float>(p.peak));
      const Block block(u, r.shift, row.block(i), length);
      const Terms terms(u, r.e);
      const splat peak = set1((r.mu - static_cast<float>(r.shift)) * u.scale);
      const double inside =
          kOverBias * kOverGain * sum_of(block.data(), length, [&](const auto& v) SOFTLANE_VECTOR {
            return terms(v) * (max(terms.low, v) - peak);
          });
      // Below the block's own largest logit, so that nothing cancels.
      const double below_top = (static_cast<double>(top) - p.peak) / u.temperature;
      result += share_of(p, u.temperature) * (below_top - inside / u.folded / p.m);
    }
    return result;
  }

  // A block's share of the whole.
  double share_of(const Partial& p, double temperature) const {
    if (p.m == 0) return 0;
    return exp_double(log_unshifted(p) + (p.shift - static_cast<double>(top)) / temperature -
                      log_total);
  }

 private:
  template <class Term>
  static double sum_of(const float* x, size_t n, Term term) {
    return softlane::sum(x, n, -__builtin_inff(), term, NoSink());
  }
};

// Variance of the logits that are not masked, with n - 1 degrees of freedom; 0 for one alone.
inline double variance(const SampleRow& row, float top) {
  double count = 0, first = 0, second = 0;
  for (size_t i = 0; i < row.n; i += kBlock) {
    const size_t length = block_length(row.n, i);
    const float* x = row.block(i);
    double lane[3][kLanes] = {};
    for (size_t j = 0; j < length; ++j) {
      const double d = static_cast<double>(x[j]) - top;
      const bool alive = x[j] >= -kMostLogit;
      lane[0][j % kLanes] += alive ? 1 : 0;
      lane[1][j % kLanes] += alive ? d : 0;
      lane[2][j % kLanes] += alive ? d * d : 0;
    }
    count += tree_sum(lane[0]);
    first += tree_sum(lane[1]);
    second += tree_sum(lane[2]);
  }
  return count < 2 ? 0 : (second - first * first / count) / (count - 1);
}

}  // namespace
}  // namespace softlane
