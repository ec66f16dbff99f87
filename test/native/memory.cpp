// Every kernel in memory that shows whoever goes beyond it (buffers.h): not a byte outside is read
// or written, and the bits are those of the scalar backend.
//
//   memory [--lengths all|some|few] [--isa NAME] [--only NAME] [--part 0] [--parts 1] < calls
//
// All operators of the table by all calls, every kind of store, rows of 0 to 4,200 elements, one,
// several with gaps, in place, and one in parts as several threads have it; and the table's other
// functions. Or one operator only, or the "functions". Prints what it did as JSON; stops at the
// first thing that is wrong.

#include <algorithm>

#include "operands.h"
#include "rows/order.h"
#include "rows/state.h"
#include "runtime/execute.h"
#include "watch.h"

namespace softlane {
namespace testing {
namespace {

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

// One operator by one call on one row: the input, and the result it must have.
class Trial {
 public:
  Trial(const TestCall& test, size_t kind, size_t n)
      : test_(test),
        n_(n),
        rows_(rows_of(n)),
        output_(test.of(kScalar).output),
        width_(output_ == Output::kRow    ? n
               : output_ == Output::kNone ? 0
                                          : 1),
        operands_(test.of(kScalar), shaped(rows_, n, n, kStores[0]), n * kRowKinds + kind) {
    Random random(n * kRowKinds + kind);
    x_.resize(rows_ * n);
    for (size_t r = 0; r < rows_; r++) {
      fill_row(r < 32 ? kind : (kind + r) % kRowKinds, random, x_.data() + r * n, n);
    }
    expected_.resize(rows_ * width_);
    refused_.assign(rows_, kNoneRefused);
    now.call = test.text.c_str(), now.n = n, now.row = kRowNames[kind];
  }

  // Runs everything on one instruction set; the scalar one must be first. Where no loop ends, rows
  // with gaps take turns with the kinds of store and with the places, and the heap is left out.
  size_t run(const Isa& isa, bool thorough) {
    if (!test_.of(kScalar).valid(shaped(rows_, n_, n_, kStores[0]))) return 0;
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
    choose_algorithm(test_.of(kScalar), &call);
    call.stream = {store.stream, store.stream};
    call.scratch = store.scratch ? buffers->scratch_at : nullptr;
    return call;
  }

  // As the runtime asks for it: a kernel that writes rows is not called for empty ones.
  void call(const Isa& isa, Call call, Place place, const float* x, void* y) const {
    if (n_ == 0 && output_ == Output::kRow) return;
    const Operator& op = test_.of(isa);
    if (op.workspace_bytes != nullptr) {
      call.workspace = buffers->workspace.place(place, op.workspace_bytes(call), kStateAlignment);
    }
    op.rows(call, x, output_ == Output::kNone ? nullptr : y, call.rows);
    if (!buffers->workspace.untouched()) wrong("wrote outside the workspace");
  }

  void expect() {
    now.form = "as the reference";
    for (size_t r = 0; r < rows_; r++) {
      Call one = shaped(1, n_, width_, kStores[0]);
      one.row = r, one.operands = operands_.at(), one.refused = &refused_[r];
      call(kScalar, one, Place::kBeforePage, x_.data() + r * n_, expected_.data() + r * width_);
    }
  }

  // Runs f(call) with the operands of so many rows in memory of their own, and looks at them.
  template <class F>
  void with_operands(Call call, Place place, F f) const {
    void* at[kMostOperands] = {};
    const std::vector<Operands::Array>& arrays = operands_.arrays();
    for (size_t i = 0; i < arrays.size(); i++) {
      const Operands::Array& array = arrays[i];
      const size_t bytes = array.bytes_of(call.rows), size = element_bytes(array.operand->element);
      if (array.given) at[i] = buffers->operands[i].place(place, bytes, size);
      if (bytes > 0 && !array.operand->written) std::memcpy(at[i], array.bytes.data(), bytes);
    }
    uint64_t refused = kNoneRefused;
    call.row = 0, call.operands = at, call.refused = &refused;
    f(call);
    const uint64_t expected =
        *std::min_element(refused_.begin(), refused_.begin() + static_cast<long>(call.rows));
    if (refused != expected) wrong("refused another row, or none");
    for (size_t i = 0; i < arrays.size(); i++) {
      if (!buffers->operands[i].untouched()) wrong("wrote outside an operand");
      if (arrays[i].given) compare_operand(arrays[i], static_cast<const char*>(at[i]), call.rows);
    }
  }

  void compare_operand(const Operands::Array& array, const char* at, size_t rows) const {
    const Operand& operand = *array.operand;
    if (!operand.written) {
      if (!same_bytes(at, array.bytes.data(), array.bytes_of(rows)))
        wrong("an operand was written");
      return;
    }
    for (size_t r = 0; r < rows; r++) {
      const size_t begin = r * array.row_bytes;
      if (refused_[r] == kNoneRefused &&
          !same_elements(operand.element, at + begin, array.bytes.data() + begin, array.row_bytes))
        wrong(std::string(operand.name) + " of row " + std::to_string(r) + " has other bits");
    }
  }

  void compare(const uint32_t* y, size_t row) const {
    if (refused_[row] != kNoneRefused) return;
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
    with_operands(shaped(1, n_, width_, store), to,
                  [&](const Call& one) { call(isa, one, to, x, y); });
    check(buffers->x, buffers->y);
    same_input(x);
    compare(y, 0);
  }

  void in_place(const Isa& isa, const Store& store, Place place) const {
    now.form = "in place";
    const float* x = put(place);
    uint32_t* y = reinterpret_cast<uint32_t*>(const_cast<float*>(x));
    with_operands(shaped(1, n_, n_, store), place,
                  [&](const Call& one) { call(isa, one, place, x, y); });
    check(buffers->x, buffers->x);
    compare(y, 0);
  }

  void several_rows(const Isa& isa, const Store& store, Place place) const {
    now.form = "rows with gaps";
    const size_t x_stride = n_ + kGapX, y_stride = output_ == Output::kRow ? n_ + kGapY : 1;
    const float* x = put_rows(place, x_stride);
    const size_t span = width_ == 0 ? 0 : (rows_ - 1) * y_stride + width_;
    uint32_t* y = buffers->wide_y.place<uint32_t>(place, span);
    if (place == Place::kHeap) std::fill(y, y + span, kCanary);
    with_operands(shaped(rows_, x_stride, y_stride, store), place,
                  [&](const Call& all) { call(isa, all, place, x, y); });
    check(buffers->wide_x, buffers->wide_y);
    compare_rows(y, y_stride);
    if (output_ != Output::kRow) return;
    now.form = "rows with gaps, in place";
    uint32_t* both = reinterpret_cast<uint32_t*>(put_rows(place, x_stride));
    with_operands(shaped(rows_, x_stride, x_stride, store), place, [&](const Call& all) {
      call(isa, all, place, reinterpret_cast<float*>(both), both);
    });
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
    if (width_ == 0) return;
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
    Call shape = shaped(1, n_, width_, store);
    // Whether a row can be split may depend on what is asked for.
    void* asked[kMostOperands] = {};
    for (size_t i = 0; i < operands_.arrays().size(); i++) {
      if (operands_.arrays()[i].given) asked[i] = asked;
    }
    shape.operands = asked;
    if (n_ == 0 || (op.reduce == nullptr && op.map == nullptr)) return;
    if (op.reduce != nullptr && op.state_bytes(shape) == 0) return;
    const float* x = put(place);
    uint32_t* y = buffers->y.place<uint32_t>(place, width_);
    void* result = buffers->result.place<char>(place, kResultBytes);
    with_operands(shape, place, [&](const Call& call) {
      if (op.reduce != nullptr) reduce_parts(isa, call, place, x, result, y);
      if (op.map == nullptr) return;
      const size_t cut = n_ / 3;
      op.map(call, result, x, reinterpret_cast<float*>(y), 0, cut);
      op.map(call, result, x, reinterpret_cast<float*>(y), cut, n_);
    });
    check(buffers->x, buffers->y);
    if (!buffers->state.untouched() || !buffers->other_state.untouched())
      wrong("wrote outside a state");
    if (!buffers->result.untouched()) wrong("wrote outside the result");
    same_input(x);
    compare(y, 0);
  }

  void reduce_parts(const Isa& isa, const Call& call, Place place, const float* x, void* result,
                    uint32_t* y) const {
    const Operator& op = test_.of(isa);
    const size_t bytes = op.state_bytes(call);
    void* state = buffers->state.place(place, bytes, kStateAlignment);
    void* next = buffers->other_state.place(place, bytes, kStateAlignment);
    const bool wants_max = op.needs_row_max != nullptr && op.needs_row_max(call);
    const float row_max = wants_max ? isa.row_max(x, n_, call.prefetch) : 0;
    const size_t first = std::min(n_, kBlock);
    op.start(call, state);
    op.reduce(call, row_max, x, 0, first, state);
    if (first < n_) {
      op.start(call, next);
      op.reduce(call, row_max, x, first, n_, next);
      op.append(call, state, next);
    }
    op.finish(call, state, x, n_, result, output_ == Output::kNone ? nullptr : y);
  }

  const TestCall& test_;
  const size_t n_, rows_;
  const Output output_;
  const size_t width_;
  Operands operands_;  // the reference's
  std::vector<float> x_;
  std::vector<uint32_t> expected_;
  std::vector<uint64_t> refused_;
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
    if (isa.row_max(x, n, Prefetch::kAuto) != largest) wrong("another maximum");
    now.form = "state";
    State* state = static_cast<State*>(buffers->state.place(place, sizeof(State), alignof(State)));
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
