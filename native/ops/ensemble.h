// Several rows of logits about one thing, of an ensemble or of draws with dropout, to what their
// distributions have in common (docs/scores.md). x has the rows of a group one after another: to
// the drivers they are one row.
#pragma once

#include "../rows/drivers.h"
#include "summary.h"

namespace softlane {
namespace {

// One member of a group.
struct Member {
  const float* x;
  Summary summary;
  float peak, log_hi, log_lo;  // the logarithm is that of its sum
  size_t vote = 0;             // its first peak, once somebody asks

  Member(const Units& u, const float* row, size_t n)
      : x(row), summary(summary_of_row<kMass | kSpread>(u, row, n)) {
    peak = static_cast<float>(summary.peak);
    const double log = log1p_double(summary.count - 1 + summary.rest);
    log_hi = static_cast<float>(log);
    log_lo = static_cast<float>(log - log_hi);
  }
};

// ln p of one vector of a member, as two floats.
struct LogProbability {
  f32x16 hi, lo;
};

// e^d - 1 - d for |d| <= 1, and more of the series than it needs.
SOFTLANE_VECTOR inline f32x16 excess_of(f32x16 d) {
  constexpr float kC[] = {
      1.0f / 479001600, 1.0f / 39916800, 1.0f / 3628800, 1.0f / 362880, 1.0f / 40320, 1.0f / 5040,
      1.0f / 720,       1.0f / 120,      1.0f / 24,      1.0f / 6,      0.5f};
  f32x16 series = set1(kC[0]);
  for (size_t i = 1; i < sizeof kC / sizeof *kC; ++i) series = fma(series, d, set1(kC[i]));
  return d * d * series;
}

// Which of these sums somebody asks for.
struct GroupWants {
  bool entropy, information, agreement;
  bool any() const { return entropy || information || agreement; }
};

// What a group's columns are summed up to.
struct GroupSums {
  double entropy = 0;      // over columns with at most 3/4 of the mean's mass: -p ln p of the mean
  double rest = 0;         // their mass
  double major = 0;        // columns with more than that: one or none
  double information = 0;  // sum of KL(member || mean)
  double agreement = 0;    // sum of p_k p_l, k < l
};

class Group {
 public:
  // memory: bytes(members) of it.
  Group(const Units& u, const float* x, size_t members, size_t n, void* memory)
      : u_(u), count_(members), n_(n), members_(static_cast<Member*>(memory)) {
    over_ = static_cast<float>(1 / u.folded);
    over_lo_ = static_cast<float>(1 / u.folded - over_);
    for (size_t k = 0; k < members; ++k) members_[k] = Member(u, x + k * n, n);
    logs_ = reinterpret_cast<LogProbability*>(static_cast<char*>(memory) + rounded(members));
  }
  static size_t bytes(size_t members) {
    return rounded(members) + members * sizeof(LogProbability);
  }
  const Member& member(size_t k) const { return members_[k]; }
  size_t count() const { return count_; }

  // Members that agree on the column that most of them find the largest; of equal ones the lowest.
  size_t votes_of_mode() {
    size_t most = 0;
    for (size_t k = 0; k < count_; ++k) {
      const size_t from = static_cast<size_t>(members_[k].summary.where);
      members_[k].vote = from + find(members_[k].x + from, n_ - from, members_[k].peak);
      size_t votes = 0;
      for (size_t l = 0; l <= k; ++l) votes += members_[l].vote == members_[k].vote;
      most = votes > most ? votes : most;
    }
    return most;
  }

  bool usual() const {
    bool all = true;
    for (size_t k = 0; k < count_; ++k) all = all && has_peak(members_[k].summary);
    return all;
  }

  GroupSums sums(const GroupWants& wants) const {
    GroupSums total;
    for (size_t i = 0; i < n_; i += kBlock) add_block(wants, i, block_length(n_, i), &total);
    return total;
  }

 private:
  static size_t rounded(size_t members) {
    return (members * sizeof(Member) + kStateAlignment - 1) / kStateAlignment * kStateAlignment;
  }

  // What lies lower has no probability.
  static constexpr float kDeepest = static_cast<float>(-kPeakDepth * kLn2);

  // ln p = (x - peak)/T - ln S, less than 2^-40 of it off.
  SOFTLANE_VECTOR LogProbability log_probability(const Member& m, f32x16 x) const {
    const splat zero = set1(0.0f), peak = set1(m.peak), deepest = set1(kDeepest);
    const splat scale = set1(u_.scale), over = set1(over_), over_lo = set1(over_lo_);
    const f32x16 d = x - peak;
    const f32x16 back = d - x;
    const f32x16 lost = (x - (d - back)) - (peak + back);
    const f32x16 scaled = d * scale;
    const f32x16 product = scaled * over;
    const f32x16 product_lo =
        fma(scaled, over, zero - product) + fma(scaled, over_lo, lost * scale * over);
    const splat log_hi = set1(m.log_hi), log_lo = set1(m.log_lo);
    const f32x16 hi = product - log_hi;
    const f32x16 b = hi - product;
    const f32x16 lo = ((product - (hi - b)) - (log_hi + b)) + (product_lo - log_lo);
    return {hi, select(deepest >= hi, zero, lo)};
  }

  void add_block(const GroupWants& wants, size_t begin, size_t n, GroupSums* total) const {
    // Squares of what is below 2^-113 are below all others.
    const splat zero = set1(0.0f), one = set1(1.0f), masked = set1(-__builtin_inff());
    const splat most = set1(0x1.8p89f), down = set1(0x1p-40f),
                count = set1(static_cast<float>(count_));
    const splat near_r = set1(-0.25f);
    const Exponential<true> whole(exp_constants(kPlain, 1.0), kPeakBias);
    const splat deepest = set1(kDeepest);
    LaneSums entropy, rest, major, information, agreement;
    for (size_t i = 0; i < n; i += kLanes) {
      const size_t left = n - i;
      f32x16 top = masked, least = zero;
      for (size_t k = 0; k < count_; ++k) {
        const float* at = members_[k].x + begin + i;
        const f32x16 x = left >= kLanes ? load(at) : load_first(at, left, -__builtin_inff());
        logs_[k] = log_probability(members_[k], x);
        top = max(top, logs_[k].hi);
      }
      // Relative to the largest of the column.
      const mask16 none = top == masked;
      const f32x16 level = select(none, zero, top);
      LaneSums relative, pairs;
      for (size_t k = 0; k < count_; ++k) {
        // As two floats: one would lose digits of ratios of e^-80, where members disagree.
        const f32x16 hi = logs_[k].hi, gap = hi - level;
        const f32x16 lost = select(deepest >= hi, zero, ((hi - gap) - level) + logs_[k].lo);
        const f32x16 r = gap + lost, power = exp(gap);
        const f32x16 e = fma(power, lost, power);
        least = min(least, r);
        if (wants.agreement) pairs.add(e * (relative.hi + relative.lo));
        relative.add(e);
        logs_[k] = {r, e};
      }
      const f32x16 c = max(deepest, level), z = whole.round(c);
      const f32x16 p = select(none | (deepest >= level), zero, whole.power(z, whole.tail(c, z)));
      const f32x16 mean = (relative.hi + relative.lo) / count;
      if (wants.agreement) {
        const f32x16 s = p * down;
        agreement.add((s * s) * (pairs.hi + pairs.lo));
      }
      if (!(wants.entropy || wants.information)) continue;
      f32x16 log_mean = log(mean);
      if (const mask16 near = least >= near_r; lanes(near) != 0) {
        LaneSums excess;
        for (size_t k = 0; k < count_; ++k) {
          const f32x16 r = logs_[k].hi;
          excess.add(r + excess_of(max(set1(-1.0f), r)));
        }
        log_mean = select(near, log1p_small((excess.hi + excess.lo) / count), log_mean);
      }
      if (wants.entropy) {
        const f32x16 q = p * mean;
        const mask16 is_major = q >= most;
        entropy.add(select(is_major | (q == zero), zero, q * (zero - level - log_mean)));
        rest.add(select(is_major, zero, q));
        major.add(select(is_major, one, zero));
      }
      if (wants.information) {
        LaneSums apart;
        for (size_t k = 0; k < count_; ++k) {
          const f32x16 r = logs_[k].hi, e = logs_[k].lo, d = log_mean - r;
          const mask16 is_near = one >= max(d, zero - d);
          const f32x16 far = select(e == zero, mean, (mean - e) - e * d);
          apart.add(select(is_near, e * excess_of(select(is_near, d, zero)), far));
        }
        information.add(p * ((apart.hi + apart.lo) / count));
      }
    }
    const double unit = pow2_double(-kPeakBias);
    total->entropy += entropy.total() * unit;
    total->rest += rest.total() * unit;
    total->major += major.total();
    total->information += information.total() * unit;
    total->agreement += agreement.total() * 0x1p-100;
  }

  // ln(1 + f) for |f| < 1/4, as log has it.
  SOFTLANE_VECTOR static f32x16 log1p_small(f32x16 f) {
    const f32x16 ff = f * f;
    f32x16 q = set1(kLogC[8]);
    for (int i = 7; i >= 0; --i) q = fma(q, f, set1(kLogC[i]));
    return f + fma(ff * f, q, ff * set1(-0.5f));
  }

  Units u_;
  float over_, over_lo_;  // 1/T of units
  size_t count_, n_;
  Member* members_;
  LogProbability* logs_;
};

constexpr Operand group_output(const char* name) {
  return {name, Element::kFloat32, true, true, false, one_a_row};
}

struct EnsembleStats {
  static constexpr const char* kName = "ensembleStats";
  static constexpr int kTemperature = 0, kMembers = 7;  // places in Call::params
  enum { kPredictive, kExpected, kInformation, kVariation, kAgreement };
  static constexpr Operand kOperands[] = {
      group_output("predictiveEntropy"), group_output("expectedEntropy"),
      group_output("mutualInformation"), group_output("variationRatio"), group_output("agreement")};
  using Context = Units;

  static bool valid(const Call& call) {
    const double members = call.params[kMembers];
    return valid_temperature(call.params[kTemperature]) && members >= 1 && members <= 256 &&
           members == static_cast<int>(members) && call.cols % static_cast<size_t>(members) == 0;
  }
  static size_t members_of(const Call& call) { return static_cast<size_t>(call.params[kMembers]); }
  static Units context(const Call& call) { return Units(call.params[kTemperature]); }
  static Algorithm automatic(size_t) { return Algorithm::kOnline; }
  static size_t state_bytes(const Call&) { return 0; }
  static size_t workspace_bytes(const Call& call) { return Group::bytes(members_of(call)); }
  static bool can_split(const Call&) { return false; }
  static void start(const Call&, const Units&, void*) {}
  static void reduce(const Call&, const Units&, const float*, size_t, size_t, void*) {}
  static void append(const Call&, void*, const void*) {}

  static void finish(const Call& call, const Units& u, void* memory, const float* x, size_t n,
                     size_t r) {
    const size_t members = members_of(call);
    Group group(u, x, members, n / members, memory);
    const auto put = [&](int i, double value) {
      float* out = operand_at<float>(call, kOperands, i);
      if (out != nullptr) out[r] = static_cast<float>(value);
    };
    if (!group.usual()) {
      for (int i = kPredictive; i <= kAgreement; ++i) put(i, __builtin_nan(""));
      return;
    }
    const double count = static_cast<double>(members);
    const auto asked = [&](int i) { return call.operands[i] != nullptr; };
    put(kExpected, mean_entropy(group) / count);
    if (asked(kVariation)) {
      put(kVariation, 1 - static_cast<double>(group.votes_of_mode()) / count);
    }
    const GroupWants wants = {asked(kPredictive), asked(kInformation), asked(kAgreement)};
    if (!wants.any()) return;
    const GroupSums s = group.sums(wants);
    // Of the column with most of the mass, from what the others leave: 1 - p is their sum.
    const double own = s.major == 0 ? 0 : (1 - s.rest) * log1p_double(s.rest / (1 - s.rest));
    put(kPredictive, s.entropy + own);
    put(kInformation, members == 1 ? 0 : s.information);
    put(kAgreement, members == 1 ? 1 : s.agreement * 2 / (count * (count - 1)));
  }

 private:
  static double mean_entropy(const Group& group) {
    double total = 0;
    for (size_t k = 0; k < group.count(); ++k) total += entropy(group.member(k).summary);
    return total;
  }
};

}  // namespace
}  // namespace softlane
