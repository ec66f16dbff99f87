// Rows of which the elements are not neighbours: some at a time are gathered into memory of a
// thread's own, worked on there in place, and scattered to where their results belong.
#include <cstring>

#include "../rows/order.h"
#include "work.h"
#include "workspace.h"

namespace softlane {
namespace {

// Elements gathered at a time: with their results they stay in L2. Of longer rows there are as many
// as a vector has lanes, up to so many elements in all.
constexpr size_t kElementsAtATime = size_t{1} << 15;
constexpr size_t kMostElements = size_t{1} << 22;

// f(row, column, count): for the parts of some rows that lie in one slab, the first of them.
template <class F>
void each_part(size_t inner, size_t begin, size_t count, F f) {
  for (size_t r = begin; r < begin + count;) {
    const size_t column = r % inner;
    const size_t some = std::min(inner - column, begin + count - r);
    f(r, column, some);
    r += some;
  }
}

// Rows of `width` elements a row that lie side by side, to or from rows of neighbouring elements.
struct Columns {
  const Isa& isa;
  Format format;
  size_t inner, width;

  void read(const void* array, size_t begin, size_t count, float* rows) const {
    each_part(inner, begin, count, [&](size_t r, size_t column, size_t some) {
      const char* from = static_cast<const char*>(array) + offset(r, column);
      isa.columns_to_rows({format, inner, width, some, width}, from, rows + (r - begin) * width);
    });
  }
  void write(const float* rows, size_t begin, size_t count, void* array) const {
    each_part(inner, begin, count, [&](size_t r, size_t column, size_t some) {
      char* to = static_cast<char*>(array) + offset(r, column);
      isa.rows_to_columns({format, inner, width, some, width}, rows + (r - begin) * width, to);
    });
  }

 private:
  size_t offset(size_t r, size_t column) const {
    return ((r - column) * width + column) * size_of(format);
  }
};

// Windows of planes of T, which has the bits of a number, to rows.
template <class T>
void windows_to_rows(const Window& w, const T* x, size_t begin, size_t count, T outside, T* rows) {
  const size_t across = w.across(), down = w.down();
  const size_t cols = w.kernel_height * w.kernel_width;
  each_part(across, begin, count, [&](size_t r, size_t first, size_t some) {
    const size_t line = r / across % down;
    const T* const plane = x + r / across / down * w.height * w.width;
    T* const to = rows + (r - begin) * cols;
    for (size_t i = 0; i < w.kernel_height; i++) {
      // Above the plane this wraps to beyond it.
      const size_t above = line * w.step_down + i - w.pad_height;
      for (size_t j = 0; j < w.kernel_width; j++) {
        T* put = to + i * w.kernel_width + j;
        for (size_t k = 0; k < some; k++, put += cols) {
          const size_t left = (first + k) * w.step_right + j - w.pad_width;
          *put = above < w.height && left < w.width ? plane[above * w.width + left] : outside;
        }
      }
    }
  });
}

// The same as floats. Of another format they are gathered behind the floats first.
void read_windows(const Work& w, const void* x, size_t begin, size_t count, float* rows) {
  const Call& call = w.call;
  const Window& window = call.layout.window;
  const size_t elements = count * call.cols;
  if (call.x_format == Format::kF32) {
    windows_to_rows(window, static_cast<const uint32_t*>(x), begin, count, 0xff800000u,
                    reinterpret_cast<uint32_t*>(rows));
  } else {
    const uint16_t outside = call.x_format == Format::kF16 ? 0xfc00 : 0xff80;
    uint16_t* const halves = reinterpret_cast<uint16_t*>(rows + elements);
    windows_to_rows(window, static_cast<const uint16_t*>(x), begin, count, outside, halves);
    w.isa.widen(call.x_format, halves, rows, elements);
  }
}

// The arrays beside x of some rows: those that lie as x does in memory of this thread's own.
class Beside {
 public:
  explicit Beside(const Work& w) : w_(w) {}

  // Elements of all of them for a row.
  size_t width() const {
    size_t width = 0;
    each([&](int, const Operand& operand) { width += operand.width(w_.call); });
    return width;
  }
  // As the kernel takes them, from the row `begin` on; those that are read are gathered.
  void read(size_t begin, size_t count, float* memory) {
    for (int i = 0; i < w_.op.operand_count; i++) {
      const Operand& operand = w_.op.operands[i];
      char* array = static_cast<char*>(w_.call.operands[i]);
      const bool whole = array == nullptr || operand.shared || operand.by_slab;
      const size_t row_bytes = element_bytes(operand.element) * operand.width(w_.call);
      at_[i] = whole ? array : array + begin * row_bytes;
    }
    each([&](int i, const Operand& operand) {
      at_[i] = memory;
      if (!operand.written) columns(operand).read(w_.call.operands[i], begin, count, memory);
      memory += count * operand.width(w_.call);
    });
  }
  void* const* at() const { return at_; }
  void write(size_t begin, size_t count) const {
    each([&](int i, const Operand& operand) {
      if (!operand.written) return;
      const float* rows = static_cast<const float*>(at_[i]);
      columns(operand).write(rows, begin, count, w_.call.operands[i]);
    });
  }

 private:
  // f(i, operand) for those that are gathered. Windows are new rows, not columns of anything.
  template <class F>
  void each(F f) const {
    for (int i = 0; i < w_.op.operand_count; i++) {
      const Operand& operand = w_.op.operands[i];
      if (w_.call.layout.inner <= 1 || w_.call.operands[i] == nullptr) continue;
      if (lies_as_x(operand, w_.call)) f(i, operand);
    }
  }
  // Of four bytes, whatever they mean: they are moved and nothing else.
  Columns columns(const Operand& operand) const {
    return {w_.isa, Format::kF32, w_.call.layout.inner, operand.width(w_.call)};
  }

  const Work& w_;
  void* at_[kMostOperands];
};

size_t rows_at_a_time(const Call& call) {
  const size_t cols = std::max<size_t>(call.cols, 1);
  const size_t most = std::max(kMostElements / cols, size_t{1});
  return std::max(kElementsAtATime / cols / kLanes * kLanes, std::min(kLanes, most));
}

}  // namespace

void gathered_rows(const Work& w, const void* x, void* y, size_t begin, size_t count) {
  const Call& call = w.call;
  const size_t cols = call.cols, together = std::min(rows_at_a_time(call), count);
  const bool is_windows = has_windows(call.layout), is_rows = w.op.output == Output::kRow;
  Beside beside(w);
  // Windows of 16-bit numbers take half as much again.
  const size_t elements = together * cols, others = together * beside.width();
  const size_t more = is_windows ? ceil_divide(elements, 2) : others;
  const Workspace<Use::kFloats> memory((elements + more) * sizeof(float));
  float* const floats = static_cast<float*>(memory.data());
  if (floats == nullptr) {
    w.findings.no_memory = true;
    return;
  }
  const size_t inner = call.layout.inner;
  for (size_t r = begin; r < begin + count; r += together) {
    const size_t some = std::min(together, begin + count - r);
    if (is_windows) {
      read_windows(w, x, r, some, floats);
    } else {
      Columns{w.isa, call.x_format, inner, cols}.read(x, r, some, floats);
    }
    beside.read(r, some, floats + elements);
    kernel_rows(w, floats, cols, is_rows ? floats : w.output_at(y, r), cols, r, some, beside.at(),
                r);
    if (is_rows) Columns{w.isa, call.y_format, inner, cols}.write(floats, r, some, y);
    beside.write(r, some);
  }
}

}  // namespace softlane
