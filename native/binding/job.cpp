#include <cstring>

#include "../runtime/execute.h"
#include "environment.h"

namespace softlane {
namespace {

// Rows of `cols` elements of four bytes from one distance between rows to another.
void copy_rows(const void* from, size_t from_stride, void* to, size_t to_stride, size_t rows,
               size_t cols) {
  if (rows == 0 || cols == 0) return;
  if (rows == 1 || (from_stride == cols && to_stride == cols)) {
    std::memcpy(to, from, rows * cols * 4);
    return;
  }
  for (size_t r = 0; r < rows; r++) {
    std::memcpy(static_cast<char*>(to) + r * to_stride * 4,
                static_cast<const char*>(from) + r * from_stride * 4, cols * 4);
  }
}

}  // namespace

bool AsyncJob::prepare(const Checked& checked, bool x_stays, bool y_stays) {
  call_ = checked.call;
  isa_ = checked.isa;
  threads_ = checked.threads;
  op = checked.op;
  y_needed = output_span(call_, *op);
  y_stride_ = call_.y_stride;
  borrows = x_stays || y_stays;
  writes_to_y = y_stays;
  const size_t bytes = call_.rows * call_.cols * 4;
  if (x_stays) {
    x_ = checked.x.data;
  } else {
    if (!input_.allocate(bytes)) return false;
    copy_rows(checked.x.data, call_.x_stride, input_.data(), call_.cols, call_.rows, call_.cols);
    x_ = static_cast<const float*>(input_.data());
    call_.x_stride = call_.cols;
  }
  if (y_stays) {
    y_ = checked.y;
    return true;
  }
  call_.y_stride = call_.cols;
  if (!x_stays && op->output == Output::kRow) {
    y_ = input_.data();  // in place in the copy
    return true;
  }
  if (!output_.allocate(op->output == Output::kRow ? bytes : call_.rows * 4)) return false;
  y_ = output_.data();
  return true;
}

void AsyncJob::deliver_to(void* y) const {
  if (op->output != Output::kRow)
    copy_rows(y_, call_.rows, y, call_.rows, 1, call_.rows);
  else
    copy_rows(y_, call_.cols, y, y_stride_, call_.rows, call_.cols);
}

void AsyncJob::drop_memory() {
  input_.release();
  output_.release();
}

void AsyncJob::run() {
  const std::shared_ptr<AsyncJob> hold = std::move(self);
  if (!environment_->begin(this)) return;
  environment_->end(this, execute(call_, *isa_, x_, y_, threads_, &cancel));
}

}  // namespace softlane
