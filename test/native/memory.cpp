// Every kernel in memory that shows whoever goes beyond it (buffers.h): not a byte outside is read
// or written, and the bits are those of the scalar backend.
//
//   memory [--lengths all|some|few] [--isa NAME] [--only NAME] [--part 0] [--parts 1] < calls
//
// All operators of the table by all calls, every kind of store, rows of 0 to 4,200 elements, one,
// several with gaps, in place, and one in parts as several threads have it; and the table's other
// functions. Or one operator only, or the "functions". Prints what it did as JSON; stops at the
// first thing that is wrong.
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "buffers.h"
#include "rows.h"
#include "rows/order.h"
#include "rows/state.h"
#include "runtime/execute.h"

namespace softlane {
namespace testing {
namespace {

constexpr size_t kLongest = 4200;
constexpr size_t kGapX = 5, kGapY = 3;
constexpr size_t kWidest = 3 * (kLongest + kGapX);

// Short rows may be taken sixteen at a time: twice those of a kind, and a mixture.
size_t rows_of(size_t n) { return n <= 40 ? 51 : 3; }

// How results are stored; those that are one number have one way.
struct Store {
  const char* name;
  bool stream, scratch;
};
constexpr Store kStores[] = {{"ordinary stores", false, false},
                             {"streamed", true, true},
                             {"streamed, without scratch", true, false}};

// What is being done, for whoever has to find out why it fails.
struct Now {
  const char* isa = "";
  const char* call = "";
  const char* store = "";
  const char* form = "";
  const char* place = "";
  const char* row = "";
  size_t n = 0;
} now;

void describe(char* text, size_t size) {
  std::snprintf(text, size, "%s on %s: %zu elements (%s), %s, %s, %s", now.call, now.isa, now.n,
                now.row, now.form, now.store, now.place);
}

[[noreturn]] void wrong(const std::string& what) {
  char text[512];
  describe(text, sizeof text);
  fail(std::string(text) + ": " + what);
}

// No bytes may be at no address.
bool same_bytes(const void* a, const void* b, size_t n) {
  return n == 0 || std::memcmp(a, b, n) == 0;
}

struct Buffers {
  Buffer x{kLongest}, y{kLongest}, z{kLongest}, wide_x{kWidest}, wide_y{kWidest};
  Buffer scratch{kScratch}, result{kResultBytes / 4}, state{1024}, other_state{1024};
  // Whole pages: protected ones on both sides.
  float* const scratch_at = scratch.place<float>(Place::kBeforePage, kScratch);
};
Buffers* buffers;

void on_fault(int, siginfo_t* info, void*) {
  char text[512];
  describe(text, sizeof text);
  std::fprintf(stderr, "%s: a fault at %p", text, info->si_addr);
  const std::pair<const char*, const Buffer*> known[] = {
      {"x", &buffers->x},           {"y", &buffers->y},         {"z", &buffers->z},
      {"x", &buffers->wide_x},      {"y", &buffers->wide_y},    {"scratch", &buffers->scratch},
      {"result", &buffers->result}, {"state", &buffers->state}, {"state", &buffers->other_state}};
  for (const auto& [name, buffer] : known) {
    if (!buffer->has(info->si_addr)) continue;
    std::fprintf(stderr, ", byte %ld of %s, which has %zu", buffer->offset(info->si_addr), name,
                 buffer->length());
  }
  std::fprintf(stderr, "\n");
  _exit(1);
}

void watch_faults() {
  struct sigaction action = {};
  action.sa_sigaction = &on_fault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

// One operator by one call on one row: the input, and the result it must have.
class Trial {
 public:
  Trial(const TestCall& test, size_t kind, size_t n) : test_(test), n_(n), rows_(rows_of(n)) {
    Random random(n * kRowKinds + kind);
    x_.resize(rows_ * n);
    for (size_t r = 0; r < rows_; r++) {
      fill_row(r < 32 ? kind : (kind + r) % kRowKinds, random, x_.data() + r * n, n);
    }
    output_ = test.of(kScalar).output;
    width_ = output_ == Output::kRow ? n : 1;
    expected_.resize(rows_ * width_);
    now.call = test.text.c_str(), now.n = n, now.row = kRowNames[kind];
  }

  // Runs everything on one instruction set; the scalar one must be first. Where no loop ends, rows
  // with gaps take turns with the kinds of store and with the places, and the heap is left out.
  size_t run(const Isa& isa, bool thorough) {
    now.isa = isa.name;
    if (&isa == &kScalar) expect();
    size_t runs = 0, turn = n_;
    for (const Store& store : kStores) {
      if (output_ != Output::kRow && store.stream) break;
      now.store = store.name;
      for (const Place place : {Place::kBeforePage, Place::kAfterPage, Place::kHeap}) {
        if (place == Place::kHeap && !thorough) continue;
        now.place = kPlaceNames[static_cast<int>(place)];
        one_row(isa, store, place, place);
        if (output_ == Output::kRow) in_place(isa, store, place);
        in_parts(isa, store, place);
        runs += 3;
        if (!thorough && turn++ % 5 != 0) continue;
        several_rows(isa, store, place);
        runs++;
      }
      if (!thorough) continue;
      now.place = "x before a protected page, y after one";
      one_row(isa, store, Place::kBeforePage, Place::kAfterPage);
      now.place = "x after a protected page, y before one";
      one_row(isa, store, Place::kAfterPage, Place::kBeforePage);
      runs += 2;
    }
    return runs;
  }

 private:
  Call shaped(size_t rows, size_t x_stride, size_t y_stride, const Store& store) const {
    Call call = test_.call;
    call.rows = rows, call.cols = n_, call.x_stride = x_stride, call.y_stride = y_stride;
    call.stream = store.stream;
    call.scratch = store.scratch ? buffers->scratch_at : nullptr;
    return call;
  }

  // As the runtime asks for it: a kernel that writes rows is not called for empty ones.
  void call(const Isa& isa, const Call& call, const float* x, void* y) const {
    if (n_ > 0 || output_ != Output::kRow) test_.of(isa).rows(call, x, y, call.rows);
  }

  void expect() {
    now.form = "as the reference";
    for (size_t r = 0; r < rows_; r++) {
      const Call one = shaped(1, n_, width_, kStores[0]);
      call(kScalar, one, x_.data() + r * n_, expected_.data() + r * width_);
    }
  }

  void compare(const uint32_t* y, size_t row) const {
    const uint32_t* expected = expected_.data() + row * width_;
    if (same_bytes(y, expected, width_ * 4)) return;
    for (size_t i = 0; i < width_; i++) {
      const bool both_nan = output_ != Output::kIndex && float_of(y[i]) != float_of(y[i]) &&
                            float_of(expected[i]) != float_of(expected[i]);
      if (both_nan && y[i] != kCanary) continue;
      if (y[i] != expected[i])
        wrong("element " + std::to_string(i) + " of row " + std::to_string(row) +
              " has other bits");
    }
  }

  void check(const Buffer& x, const Buffer& y) const {
    if (!x.untouched()) wrong("wrote outside x");
    if (!y.untouched()) wrong("wrote outside y");
  }

  const float* put(Place place) const {
    float* x = buffers->x.place<float>(place, n_);
    std::copy(x_.begin(), x_.begin() + static_cast<long>(n_), x);
    return x;
  }

  void same_input(const float* x) const {
    if (!same_bytes(x, x_.data(), n_ * 4)) wrong("x was written");
  }

  void one_row(const Isa& isa, const Store& store, Place from, Place to) const {
    now.form = "one row";
    const float* x = put(from);
    uint32_t* y = buffers->y.place<uint32_t>(to, width_);
    call(isa, shaped(1, n_, width_, store), x, y);
    check(buffers->x, buffers->y);
    same_input(x);
    compare(y, 0);
  }

  void in_place(const Isa& isa, const Store& store, Place place) const {
    now.form = "in place";
    const float* x = put(place);
    uint32_t* y = reinterpret_cast<uint32_t*>(const_cast<float*>(x));
    call(isa, shaped(1, n_, n_, store), x, y);
    check(buffers->x, buffers->x);
    compare(y, 0);
  }

  void several_rows(const Isa& isa, const Store& store, Place place) const {
    now.form = "rows with gaps";
    const size_t x_stride = n_ + kGapX, y_stride = output_ == Output::kRow ? n_ + kGapY : 1;
    const float* x = put_rows(place, x_stride);
    const size_t span = (rows_ - 1) * y_stride + width_;
    uint32_t* y = buffers->wide_y.place<uint32_t>(place, span);
    if (place == Place::kHeap) std::fill(y, y + span, kCanary);
    call(isa, shaped(rows_, x_stride, y_stride, store), x, y);
    check(buffers->wide_x, buffers->wide_y);
    compare_rows(y, y_stride);
    if (output_ != Output::kRow) return;
    now.form = "rows with gaps, in place";
    uint32_t* both = reinterpret_cast<uint32_t*>(put_rows(place, x_stride));
    call(isa, shaped(rows_, x_stride, x_stride, store), reinterpret_cast<float*>(both), both);
    check(buffers->wide_x, buffers->wide_x);
    compare_rows(both, x_stride);
  }

  // The rows with canaries between them.
  float* put_rows(Place place, size_t stride) const {
    const size_t span = (rows_ - 1) * stride + n_;
    float* x = buffers->wide_x.place<float>(place, span);
    std::fill_n(reinterpret_cast<uint32_t*>(x), span, kCanary);
    for (size_t r = 0; r < rows_; r++) std::copy_n(x_.data() + r * n_, n_, x + r * stride);
    return x;
  }

  void compare_rows(const uint32_t* y, size_t stride) const {
    for (size_t r = 0; r < rows_; r++) {
      compare(y + r * stride, r);
      if (r + 1 == rows_) break;
      for (size_t i = width_; i < stride; i++) {
        if (y[r * stride + i] != kCanary) wrong("wrote between rows");
      }
    }
  }

  // As several threads share one long row: whole blocks to each reduction, any piece to a map.
  void in_parts(const Isa& isa, const Store& store, Place place) const {
    now.form = "in parts";
    const Operator& op = test_.of(isa);
    if (n_ == 0 || (op.reduce == nullptr && op.map == nullptr)) return;
    const Call call = shaped(1, n_, width_, store);
    const float* x = put(place);
    uint32_t* y = buffers->y.place<uint32_t>(place, width_);
    void* result = buffers->result.place<char>(place, kResultBytes);
    if (op.reduce != nullptr) {
      void* state = buffers->state.place<char>(place, op.state_bytes(call));
      void* next = buffers->other_state.place<char>(place, op.state_bytes(call));
      const float row_max = op.needs_row_max(call) ? isa.row_max(x, n_) : 0;
      const size_t first = std::min(n_, kBlock);
      op.start(call, state);
      op.reduce(call, row_max, x, 0, first, state);
      if (first < n_) {
        op.start(call, next);
        op.reduce(call, row_max, x, first, n_, next);
        op.append(call, state, next);
      }
      op.finish(call, state, x, n_, result, y);
    }
    if (op.map != nullptr) {
      const size_t cut = n_ / 3;
      op.map(call, result, x, reinterpret_cast<float*>(y), 0, cut);
      op.map(call, result, x, reinterpret_cast<float*>(y), cut, n_);
    }
    check(buffers->x, buffers->y);
    check(buffers->state, buffers->other_state);
    if (!buffers->result.untouched()) wrong("wrote outside the result");
    same_input(x);
    compare(y, 0);
  }

  const TestCall& test_;
  const size_t n_, rows_;
  size_t width_;
  Output output_;
  std::vector<float> x_;
  std::vector<uint32_t> expected_;
};

// The functions of the table that are no operators.
size_t run_functions(const Isa& isa, size_t n) {
  now.isa = isa.name, now.call = "functions of the table", now.n = n, now.row = "ordinary";
  now.store = "ordinary stores";
  Random random(n);
  std::vector<float> row(n);
  fill_row(0, random, row.data(), n);
  for (const Place place : {Place::kBeforePage, Place::kAfterPage, Place::kHeap}) {
    now.place = kPlaceNames[static_cast<int>(place)];
    float* x = buffers->x.place<float>(place, n);
    std::copy(row.begin(), row.end(), x);
    const auto outputs = [&](const char* form, auto run) {
      now.form = form;
      float* y = buffers->y.place<float>(place, n);
      float* z = buffers->z.place<float>(place, n);
      run(y, z);
      if (!buffers->x.untouched() || !same_bytes(x, row.data(), n * 4)) wrong("wrote x");
      if (!buffers->y.untouched() || !buffers->z.untouched()) wrong("wrote outside");
      for (size_t i = 0; i < n; i++) {
        if (bits_of(y[i]) == kCanary || !(y[i] <= 0 || y[i] > 0 || x[i] < 0)) wrong("left one out");
      }
    };
    outputs("exp", [&](float* y, float*) { isa.exp(x, y, n); });
    outputs("log", [&](float* y, float*) { isa.log(x, y, n); });
    outputs("ext_exp", [&](float* y, float* z) { isa.ext_exp(x, y, z, n); });
    now.form = "row_max";
    float largest = -std::numeric_limits<float>::infinity();
    for (const float v : row) largest = std::max(largest, v);
    if (isa.row_max(x, n) != largest) wrong("another maximum");
    now.form = "state";
    State* state = buffers->state.place<State>(place, 1);
    clear(state, 1);
    isa.state_push(state, x, n);
    const double sum = isa.state_finish(*state);
    if (sum != sum || !buffers->state.untouched()) wrong("not a state");
  }
  return 15;
}

// Where loops end and begin again.
bool special(size_t n) {
  for (const size_t at : {size_t{64}, size_t{128}, size_t{256}, size_t{1000}, kBlock, kLongest}) {
    if (n + 2 >= at && n <= at + 2) return true;
  }
  return n <= 34 || n == 47 || n == 48 || n == 49 || (n + 17 >= kBlock && n <= kBlock + 17);
}

// Of those, for tools that are slow.
bool few(size_t n) { return n == kBlock + 1 || (n % 7 == 1 && n < 300); }

int run(int count, char** values) {
  const std::string wanted = argument(count, values, "lengths", "all");
  const bool all = wanted == "all";
  const size_t part = static_cast<size_t>(number(count, values, "part", "0"));
  const size_t parts = static_cast<size_t>(number(count, values, "parts", "1"));
  std::vector<const Isa*> used = isas(argument(count, values, "isa", ""));
  std::reverse(used.begin(), used.end());
  if (used[0] != &kScalar) used.insert(used.begin(), &kScalar);
  std::vector<TestCall> calls = read_calls();
  const std::string only = argument(count, values, "only", "");
  const auto other = [&](const TestCall& c) { return !only.empty() && first_word(c.text) != only; };
  calls.erase(std::remove_if(calls.begin(), calls.end(), other), calls.end());
  const bool functions = only.empty() || only == "functions";
  buffers = new Buffers;
  watch_faults();
  size_t runs = 0, lengths = 0;
  for (size_t n = 0; n <= kLongest; n++) {
    if (!(all || special(n)) || (wanted == "few" && !few(n))) continue;
    lengths++;
    for (size_t c = 0; c < calls.size(); c++) {
      if ((n + c) % parts != part) continue;
      // All kinds of rows where loops end, one elsewhere.
      for (size_t kind = 0; kind < kRowKinds; kind++) {
        if (!(all && special(n)) && kind != (n + c) % kRowKinds) continue;
        Trial trial(calls[c], kind, n);
        for (const Isa* isa : used) runs += trial.run(*isa, special(n));
      }
    }
    if (!functions || n % parts != part) continue;
    for (const Isa* isa : used) runs += run_functions(*isa, n);
  }
  std::printf("{\"calls\":%zu,\"isas\":%zu,\"lengths\":%zu,\"runs\":%zu}\n", calls.size(),
              used.size(), lengths, runs);
  return 0;
}

}  // namespace
}  // namespace testing
}  // namespace softlane

int main(int count, char** values) { return softlane::testing::run(count, values); }
