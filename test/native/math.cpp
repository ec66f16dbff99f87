// exp, log and the exponential as a pair, and every map of the table, over floats of all bits.
//
//   math [--stride 1] [--threads 2] [--only NAME] [--part 0] [--parts 1] < calls
//
// Every stride-th of all 2^32 floats, and all of those near arguments where something changes. The
// bits must agree on every instruction set; the three functions are compared with the truth
// (reference.h) as well. Prints JSON, and fails where bits differ.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>

#include "operands.h"
#include "reference.h"

namespace softlane {
namespace testing {
namespace {

constexpr size_t kChunk = 1 << 16;
constexpr uint64_t kAll = uint64_t{1} << 32;

// The exponent of the pair is exact below this; beyond it a row is shifted first. The pair is that
// of kGain e^x, n = floor(log2 of it) but for roundings (simd/math.h, Note [Gain]).
constexpr float kPairLimit = 22700;
constexpr double kGain = 1.0271170333246298;

struct Outputs {
  std::vector<float> first = std::vector<float>(kChunk), second = std::vector<float>(kChunk);
};

// One thing that is looked at: a function of the table by its name, and its truth where there is
// one.
struct Subject {
  std::string name;
  const TestCall* call;  // null: one of the three
  Function truth;
  bool pair;

  void run(const Isa& isa, const float* x, size_t n, Outputs* y) const {
    if (call != nullptr) {
      Call c = call->call;
      c.rows = 1, c.cols = c.x_stride = c.y_stride = n;
      const Operands operands(call->of(isa), c, 1);
      c.operands = operands.at();
      call->of(isa).rows(c, x, y->first.data(), 1);
    } else if (pair) {
      isa.ext_exp(x, y->first.data(), y->second.data(), n);
    } else {
      (truth == Function::kExp ? isa.exp : isa.log)(x, y->first.data(), n);
    }
  }
};

struct Statistics {
  uint64_t floats = 0, nearest = 0, doubtful = 0, beyond = 0;
  double worst = 0, worst_relative = 0, library = 0;
  float worst_at = 0;
  std::string wrong;  // the first thing that must not be

  void add(const Statistics& s) {
    floats += s.floats, nearest += s.nearest, doubtful += s.doubtful, beyond += s.beyond;
    if (s.worst > worst) worst = s.worst, worst_at = s.worst_at;
    worst_relative = std::max(worst_relative, s.worst_relative);
    library = std::max(library, s.library);
    if (wrong.empty()) wrong = s.wrong;
  }
};

std::string hex(float x) {
  char text[64];
  std::snprintf(text, sizeof text, "0x%08x (%a)", bits_of(x), static_cast<double>(x));
  return text;
}

// What the exponent leaves of x, exact but for the last bits of a double: 21 bits of ln2 are zero.
double rest_of(float x, float exponent) {
  const double n = exponent;
  return x - n * 0.6931471803691238 - n * 1.9082149292705877e-10;
}

// One float in 2^16, to see what the C library's double is worth.
bool sampled(float x) { return bits_of(x) * 2654435761u >> 16 == 0; }

bool ordinary(double truth) { return std::fabs(truth) >= 0x1p-150 && std::fabs(truth) < 0x1p127; }

void compare(const Subject& s, const float* x, size_t n, const Outputs& y, Statistics* stats) {
  for (size_t i = 0; i < n; i++) {
    const float result = y.first[i];
    int scale = 0;
    double truth;
    if (s.pair) {
      if (!(std::fabs(x[i]) < kPairLimit)) {
        stats->beyond++;
        continue;
      }
      const double rest = rest_of(x[i], y.second[i]);
      if (y.second[i] != std::nearbyint(y.second[i]) || !(rest > -0.05 && rest < 0.7)) {
        if (stats->wrong.empty()) stats->wrong = "the exponent of " + hex(x[i]);
        continue;
      }
      scale = static_cast<int>(y.second[i]);
      truth = kGain * in_double(Function::kExp, rest);
    } else {
      truth = in_double(s.truth, x[i]);
    }
    double error = distance(result, truth);
    bool nearest = result == static_cast<float>(truth) || result != result;
    const bool doubt = in_doubt(truth);
    stats->doubtful += doubt;
    const bool asked = doubt || sampled(x[i]) || error > std::max(0.5, stats->worst);
    if (Arbiter::kPresent && asked && ordinary(truth)) {
      const Arbiter a = arbitrate({s.truth, s.pair ? kGain : 1, scale}, x[i], result, truth);
      if (error < 2) error = a.distance;
      nearest = a.rounded == result;
      stats->library = std::max(stats->library, a.library);
    }
    stats->nearest += nearest;
    if (error > stats->worst) stats->worst = error, stats->worst_at = x[i];
    if (s.pair) {
      const double relative = std::fabs(result / truth - 1) * 0x1p24;
      stats->worst_relative = std::max(stats->worst_relative, relative);
    }
  }
}

bool same(const float* a, const float* b, size_t n, size_t* where) {
  if (std::memcmp(a, b, n * sizeof(float)) == 0) return true;
  for (*where = 0; *where < n; ++*where) {
    const float p = a[*where], q = b[*where];
    if (bits_of(p) != bits_of(q) && !(p != p && q != q)) return false;
  }
  return true;  // NaN of different payloads, which are not promised
}

void check(const Subject& s, const std::vector<const Isa*>& isas, const float* x, size_t n,
           Outputs* first, Outputs* other, Statistics* stats) {
  s.run(*isas[0], x, n, first);
  for (size_t k = 1; k < isas.size(); k++) {
    s.run(*isas[k], x, n, other);
    size_t i;
    if (stats->wrong.empty() && !(same(first->first.data(), other->first.data(), n, &i) &&
                                  same(first->second.data(), other->second.data(), n, &i))) {
      stats->wrong = "other bits on " + std::string(isas[k]->name) + " for " + hex(x[i]);
    }
  }
  stats->floats += n;
  if (s.call == nullptr) compare(s, x, n, *first, stats);
}

// Arguments where a function changes: its special values, ends of ranges, points of rounding.
std::vector<float> centres() {
  const double ln2 = 0.6931471805599453;
  std::vector<double> of = {
      0,         1,         0.5,      2,       10,         1e-3,       1e-7,       1e-10,
      1e-20,     1e-40,     1e-44,    0.75,    1.5,        1e10,       1e4,        1e5,
      6.9e5,     699999,    1e30,     1e38,    3.4e38,     87.3365,    88.72284,   89,
      103.27893, 103.97208, 104,      65504,   0.70710678, 1.41421356, 2.71828183, 0x1p-149,
      0x1p-127,  0x1p-126,  0x1p-125, 0x1p-24, 0x1p23,     0x1p24,     0x1p127};
  for (double n : {0.5, 1.0, 1.5, 10.5, 126.0, 127.5, 149.0, 1000.0, 20000.5, 32700.0}) {
    of.push_back(n * ln2);
  }
  std::vector<float> all;
  for (double c : of) all.push_back(static_cast<float>(c)), all.push_back(static_cast<float>(-c));
  all.push_back(std::numeric_limits<float>::infinity());
  all.push_back(-std::numeric_limits<float>::infinity());
  return all;
}

constexpr uint64_t kNear = 3000;

// What of the floats there are to look at, and by how many threads.
struct Share {
  uint64_t stride, part, parts;
  int threads;
};

// Calls use(x, n) with every chunk of floats there is to look at, on several threads.
template <class Use>
void each_chunk(const Share& share, const Use& use) {
  const uint64_t stride = share.stride;
  const std::vector<float> dense = centres();
  const uint64_t strided = (kAll / stride + kChunk) / kChunk;
  std::atomic<uint64_t> next{0};
  const auto work = [&] {
    std::vector<float> x(kChunk);
    for (uint64_t job; (job = next++) < strided + dense.size();) {
      if (job % share.parts != share.part) continue;
      size_t n = 0;
      if (job < strided) {
        for (uint64_t b = job * kChunk * stride; n < kChunk && b < kAll; b += stride) {
          x[n++] = float_of(static_cast<uint32_t>(b));
        }
      } else {
        const uint64_t centre = bits_of(dense[job - strided]);
        for (uint64_t b = centre - kNear; b <= centre + kNear; b++) {
          x[n++] = float_of(static_cast<uint32_t>(b));
        }
      }
      use(x.data(), n);
    }
  };
  std::vector<std::thread> others;
  for (int i = 1; i < share.threads; i++) others.emplace_back(work);
  work();
  for (std::thread& t : others) t.join();
}

bool print(const Subject& s, const Statistics& t, bool last) {
  std::printf("{\"name\":\"%s\",\"floats\":%llu", s.name.c_str(),
              static_cast<unsigned long long>(t.floats));
  if (s.call == nullptr) {
    std::printf(",\"ulp\":%.6f,\"at\":\"%a\",\"nearest\":%.6f,\"doubtful\":%llu,\"library\":%.4f",
                t.worst, static_cast<double>(t.worst_at),
                static_cast<double>(t.nearest) / static_cast<double>(t.floats - t.beyond),
                static_cast<unsigned long long>(t.doubtful), t.library);
  }
  if (s.pair) std::printf(",\"relative\":%.6f", t.worst_relative);
  std::printf(",\"wrong\":\"%s\"}%s\n", t.wrong.c_str(), last ? "" : ",");
  std::fflush(stdout);
  return t.wrong.empty();
}

int run(int count, char** values) {
  const std::vector<const Isa*> all = isas("");
  const std::vector<TestCall> calls = read_calls();
  std::vector<Subject> subjects = {{"exp", nullptr, Function::kExp, false},
                                   {"log", nullptr, Function::kLog, false},
                                   {"extExp", nullptr, Function::kExp, true}};
  for (const TestCall& call : calls) {
    const Operator& op = call.of(kScalar);
    if (op.reduce == nullptr && op.map != nullptr) {
      subjects.push_back({call.text, &call, Function::kExp, false});
    }
  }
  const std::string only = argument(count, values, "only", "");
  const auto other = [&](const Subject& s) { return !only.empty() && first_word(s.name) != only; };
  subjects.erase(std::remove_if(subjects.begin(), subjects.end(), other), subjects.end());
  const Share share = {static_cast<uint64_t>(number(count, values, "stride", "1")),
                       static_cast<uint64_t>(number(count, values, "part", "0")),
                       static_cast<uint64_t>(number(count, values, "parts", "1")),
                       static_cast<int>(number(count, values, "threads", "2"))};
  bool right = true;
  std::printf("{\"arbiter\":%s,\"isas\":%zu,\"subjects\":[\n", Arbiter::kPresent ? "true" : "false",
              all.size());
  for (const Subject& s : subjects) {
    Statistics total;
    std::mutex mutex;
    each_chunk(share, [&](const float* x, size_t n) {
      static thread_local Outputs first, other;
      Statistics stats;
      check(s, all, x, n, &first, &other, &stats);
      const std::lock_guard<std::mutex> lock(mutex);
      total.add(stats);
    });
    right = print(s, total, &s == &subjects.back()) && right;
  }
  std::printf("]}\n");
  return right ? 0 : 1;
}

}  // namespace
}  // namespace testing
}  // namespace softlane

int main(int count, char** values) { return softlane::testing::run(count, values); }
