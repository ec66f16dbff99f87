#include <cstring>

#include "../runtime/execute.h"
#include "environment.h"

namespace softlane {
namespace {

// Rows of `cols` elements of so many bytes from one distance between rows to another.
void copy_rows(const void* from, size_t from_stride, void* to, size_t to_stride, size_t rows,
               size_t cols, size_t bytes) {
  if (rows == 0 || cols == 0) return;
  if (rows == 1 || (from_stride == cols && to_stride == cols)) {
    std::memcpy(to, from, rows * cols * bytes);
    return;
  }
  for (size_t r = 0; r < rows; r++) {
    std::memcpy(static_cast<char*>(to) + r * to_stride * bytes,
                static_cast<const char*>(from) + r * from_stride * bytes, cols * bytes);
  }
}

}  // namespace

// The operands in memory of the job's own: those that are read, copied.
bool AsyncJob::take_operands(const Checked& checked) {
  constexpr size_t kAlignment = 64;
  const auto rounded = [](size_t bytes) { return (bytes + kAlignment - 1) & ~(kAlignment - 1); };
  const Operands& given = checked.operands;
  size_t needed = 0;
  for (int i = 0; i < op->operand_count; i++) {
    operands.bytes[i] = given.bytes[i];
    operands.data[i] = nullptr;
    if (given.data[i] == nullptr) continue;
    if (given.bytes[i] > SIZE_MAX / 2 - needed) return false;
    needed += rounded(given.bytes[i]);
  }
  if (!operand_memory_.allocate(needed)) return false;
  char* next = static_cast<char*>(operand_memory_.data());
  for (int i = 0; i < op->operand_count; i++) {
    if (given.data[i] == nullptr) continue;
    operands.data[i] = next;
    if (!op->operands[i].written) std::memcpy(next, given.data[i], given.bytes[i]);
    next += rounded(given.bytes[i]);
  }
  call_.operands = operands.data;
  return true;
}

bool AsyncJob::prepare(const Checked& checked, bool x_stays, bool y_stays) {
  call_ = checked.call;
  isa_ = checked.isa;
  threads_ = checked.threads;
  op = checked.op;
  y_needed = output_span(call_, *op);
  y_stride_ = call_.y_stride;
  if (op->operand_count > 0 && !take_operands(checked)) return false;
  borrows = x_stays || y_stays;
  writes_to_y = y_stays;
  const size_t elements = call_.rows * call_.cols;
  const bool is_windows = has_windows(call_.layout);
  const size_t read = is_windows ? input_span(call_) : elements;
  if (x_stays) {
    x_ = checked.x.data;
  } else {
    const size_t size = size_of(call_.x_format);
    if (!input_.allocate(read * size)) return false;
    if (is_windows) {
      copy_rows(checked.x.data, read, input_.data(), read, 1, read, size);
    } else {
      copy_rows(checked.x.data, call_.x_stride, input_.data(), call_.cols, call_.rows, call_.cols,
                size);
    }
    x_ = input_.data();
    call_.x_stride = call_.cols;
  }
  if (op->output == Output::kNone) return true;
  if (y_stays) {
    y_ = checked.y;
    return true;
  }
  call_.y_stride = call_.cols;
  if (!x_stays && op->output == Output::kRow && call_.x_format == call_.y_format) {
    y_ = input_.data();  // in place in the copy
    return true;
  }
  if (!output_.allocate(op->output == Output::kRow ? elements * size_of(call_.y_format)
                                                   : call_.rows * 4))
    return false;
  y_ = output_.data();
  return true;
}

void AsyncJob::deliver_to(void* y, void* const* to) const {
  for (int i = 0; i < op->operand_count; i++) {
    const bool wanted = op->operands[i].written && operands.data[i] != nullptr && to[i] != nullptr;
    if (wanted) std::memcpy(to[i], operands.data[i], operands.bytes[i]);
  }
  if (writes_to_y || op->output == Output::kNone) return;
  if (op->output != Output::kRow)
    copy_rows(y_, call_.rows, y, call_.rows, 1, call_.rows, 4);
  else
    copy_rows(y_, call_.cols, y, y_stride_, call_.rows, call_.cols, size_of(call_.y_format));
}

void AsyncJob::let_go(napi_env env) {
  for (napi_ref& reference : references) {
    if (reference != nullptr) napi_delete_reference(env, reference);
    reference = nullptr;
  }
}

void AsyncJob::drop_memory() {
  input_.release();
  output_.release();
  operand_memory_.release();
}

void AsyncJob::run() {
  const std::shared_ptr<AsyncJob> hold = std::move(self);
  if (!environment_->begin(this)) return;
  environment_->end(this, execute(Call(call_), *isa_, x_, y_, threads_, &cancel));
}

}  // namespace softlane
