#include "spec.h"

#include "../runtime/dispatch.h"
#include "../runtime/limits.h"
#include "../runtime/pool.h"

namespace softlane {
namespace {

constexpr size_t kParams = sizeof(Call::params) / sizeof(double);

napi_typedarray_type array_type(Format format) {
  return format == Format::kF32 ? napi_float32_array : napi_uint16_array;
}

// Extent of `rows` rows of `cols` elements every `stride`: false where it is beyond any array.
bool extent(size_t rows, size_t cols, size_t stride, size_t* elements) {
  *elements = 0;
  if (rows == 0 || cols == 0) return true;
  constexpr size_t kMost = SIZE_MAX / 16;
  if (stride > kMost || cols > kMost) return false;
  if (rows - 1 > (kMost - cols) / (stride == 0 ? 1 : stride)) return false;
  *elements = (rows - 1) * stride + cols;
  return true;
}

bool get_size(double value, size_t* size) {
  int64_t integer;
  if (!to_integer(value, 0, kMostExact, &integer)) return false;
  if (static_cast<uint64_t>(integer) > SIZE_MAX) return false;
  *size = static_cast<size_t>(integer);
  return true;
}

// Sizes of windows that fit the call's rows and their planes. A window has an element at least.
bool read_window(const Window& w, const Call& call) {
  constexpr size_t kMost = size_t{1} << 31;
  for (const size_t size : {w.height, w.width, w.kernel_height, w.kernel_width, w.step_down,
                            w.step_right, w.pad_height, w.pad_width}) {
    if (size > kMost) return false;
  }
  if (w.kernel_width == 0 || w.step_down == 0 || w.step_right == 0) return false;
  if (w.pad_height > w.kernel_height / 2 || w.pad_width > w.kernel_width / 2) return false;
  if (call.cols != w.kernel_height * w.kernel_width) return false;
  if (call.rows == 0) return true;
  const size_t windows = w.down() * w.across();
  size_t elements;
  return windows > 0 && call.rows % windows == 0 &&
         extent(call.rows / windows, w.height * w.width, w.height * w.width, &elements);
}

// Rows that are no neighbouring elements lie without gaps: the strides say nothing.
bool read_layout(const volatile double* fields, const Operator& op, Call* call) {
  Layout* layout = &call->layout;
  Window* w = &layout->window;
  size_t* const sizes[] = {&layout->inner,    &w->height,       &w->width,
                           &w->kernel_height, &w->kernel_width, &w->step_down,
                           &w->step_right,    &w->pad_height,   &w->pad_width};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    if (!get_size(fields[kSpecInner + i], sizes[i])) return false;
  }
  if (layout->inner <= 1 && !has_windows(*layout)) return true;
  const bool is_rows = op.output == Output::kRow;
  size_t elements;
  if (call->x_stride != call->cols || (is_rows && call->y_stride != call->cols)) return false;
  if (!extent(call->rows, call->cols, call->cols, &elements)) return false;
  for (int i = 0; i < op.operand_count; i++) {
    if (!lies_as_x(op.operands[i], *call)) continue;
    if (element_bytes(op.operands[i].element) != 4) return false;
    if (has_windows(*layout) && !op.operands[i].written) return false;
  }
  if (!has_windows(*layout)) return call->rows % layout->inner == 0;
  return layout->inner == 0 && !is_rows && read_window(*w, *call);
}

Status read_spec(const volatile double* fields, Checked* checked) {
  Call* call = &checked->call;
  int64_t op, algorithm, isa, threads, x_format, y_format;
  const int operators = isa_at(0).operator_count + isa_at(0).unlisted_count;
  if (!to_integer(fields[kSpecOp], 0, operators - 1, &op) ||
      !to_integer(fields[kSpecAlgorithm], 0, kAlgorithms - 1, &algorithm) ||
      !to_integer(fields[kSpecIsa], -1, isa_count() - 1, &isa) ||
      !to_integer(fields[kSpecThreads], 0, kMaxThreads, &threads) ||
      !to_integer(fields[kSpecXFormat], 0, kFormats - 1, &x_format) ||
      !to_integer(fields[kSpecYFormat], 0, kFormats - 1, &y_format) ||
      !get_size(fields[kSpecRows], &call->rows) || !get_size(fields[kSpecCols], &call->cols) ||
      !get_size(fields[kSpecXStride], &call->x_stride) ||
      !get_size(fields[kSpecYStride], &call->y_stride)) {
    return Status::kBadSpec;
  }
  checked->isa = usable_isa(isa);
  if (checked->isa == nullptr) return Status::kUnsupportedIsa;
  checked->op = &checked->isa->operators[op];
  checked->threads = threads == 0 ? default_threads() : static_cast<int>(threads);
  call->op = static_cast<int32_t>(op);
  call->algorithm = static_cast<Algorithm>(algorithm);
  call->x_format = static_cast<Format>(x_format);
  call->y_format = static_cast<Format>(y_format);
  if (y_format != 0 && checked->op->output != Output::kRow) return Status::kBadSpec;
  if (call->x_stride < call->cols) return Status::kBadSpec;
  if (checked->op->output == Output::kRow && call->y_stride < call->cols) return Status::kBadSpec;
  call->operands = nullptr;
  call->first = 0;
  for (size_t i = 0; i < kParams; i++) call->params[i] = fields[kSpecParams + i];
  const bool valid = checked->op->valid(*call) && read_layout(fields, *checked->op, call);
  return valid ? Status::kOk : Status::kBadSpec;
}

// Every output apart from x, y and every other operand.
bool operands_overlap(const Checked& c, size_t x_bytes, size_t y_bytes) {
  const Operands& all = c.operands;
  for (int i = 0; i < c.op->operand_count; i++) {
    const auto meets = [&](const void* other, size_t bytes) {
      return overlap(all.data[i], all.bytes[i], other, bytes);
    };
    if (all.data[i] == nullptr) continue;
    const bool written = c.op->operands[i].written;
    if (meets(c.y, y_bytes) || (written && meets(c.x.data, x_bytes))) return true;
    for (int j = 0; j < i; j++) {
      if (all.data[j] == nullptr || !(written || c.op->operands[j].written)) continue;
      if (meets(all.data[j], all.bytes[j])) return true;
    }
  }
  return false;
}

Status check_overlap(const Checked& c) {
  const Format x_format = c.call.x_format, y_format = c.call.y_format;
  const size_t x_bytes = c.x.data == nullptr ? 0 : input_span(c.call) * size_of(x_format);
  const size_t y_bytes = output_span(c.call, *c.op) * size_of(y_format);
  if (c.op->operand_count > 0 && operands_overlap(c, x_bytes, y_bytes)) return Status::kOverlap;
  if (!overlap(c.x.data, x_bytes, c.y, y_bytes)) return Status::kOk;
  const bool in_place = c.op->output == Output::kRow && c.x.data == c.y && x_format == y_format &&
                        (c.call.x_stride == c.call.y_stride || c.call.rows == 1);
  return in_place ? Status::kOk : Status::kOverlap;
}

Status check_operands(napi_env env, const OperandValues& values, Checked* c) {
  Operands& all = c->operands;
  for (int i = 0; i < c->op->operand_count; i++) {
    const Operand& operand = c->op->operands[i];
    size_t length;
    if (!operand_length(operand, c->call, &length)) return Status::kBadOperand;
    all.bytes[i] = length * element_bytes(operand.element);
    const Status status =
        check_operand(env, values[static_cast<size_t>(i)], operand, all.bytes[i], &all.data[i]);
    if (status != Status::kOk) return status;
  }
  c->call.operands = all.data;
  return Status::kOk;
}

}  // namespace

size_t input_span(const Call& call) {
  if (has_windows(call.layout)) {
    const Window& w = call.layout.window;
    return call.rows == 0 ? 0 : call.rows / (w.down() * w.across()) * w.height * w.width;
  }
  size_t span;
  return extent(call.rows, call.cols, call.x_stride, &span) ? span : SIZE_MAX;
}

size_t output_span(const Call& call, const Operator& op) {
  if (op.output == Output::kNone) return 0;
  if (op.output != Output::kRow) return call.rows;
  size_t span;
  return extent(call.rows, call.cols, call.y_stride, &span) ? span : SIZE_MAX;
}

const Isa* usable_isa(int64_t index) {
  if (index == -1) return &isa_at(current_isa());
  return isa_usable(static_cast<int>(index)) ? &isa_at(static_cast<int>(index)) : nullptr;
}

Status read_isa(napi_env env, napi_value value, const Isa** isa) {
  int64_t index;
  if (!get_integer(env, value, -1, isa_count() - 1, &index)) return Status::kBadSpec;
  *isa = usable_isa(index);
  return *isa == nullptr ? Status::kUnsupportedIsa : Status::kOk;
}

OperandValues::OperandValues(napi_env env, napi_callback_info info, size_t first) : first_(first) {
  const size_t room = count_;
  if (napi_get_cb_info(env, info, &count_, at_, nullptr, nullptr) != napi_ok) count_ = 0;
  if (count_ > room) count_ = room;
}

Status check_operand(napi_env env, napi_value value, const Operand& operand, size_t bytes,
                     void** data) {
  static constexpr napi_typedarray_type kTypes[] = {napi_float32_array, napi_int32_array,
                                                    napi_uint32_array, napi_float64_array};
  *data = nullptr;
  Array<void> array;
  if (!get_array(env, value, kTypes[static_cast<int>(operand.element)], &array)) {
    napi_valuetype kind = napi_undefined;
    const bool asked = value == nullptr || napi_typeof(env, value, &kind) == napi_ok;
    const bool absent = asked && (kind == napi_undefined || kind == napi_null);
    return absent && operand.optional ? Status::kOk : Status::kBadOperand;
  }
  if (array.length < bytes / element_bytes(operand.element)) return Status::kBadOperand;
  // A zero-length array may be at no address, and is given all the same.
  static char nowhere;
  *data = array.data == nullptr ? &nowhere : array.data;
  return Status::kOk;
}

Status check_output(napi_env env, napi_value y, const Operator& op, Format format, size_t needed,
                    void** data) {
  *data = nullptr;
  if (op.output == Output::kNone) return Status::kOk;
  Array<void> array;
  const napi_typedarray_type type =
      op.output == Output::kIndex ? napi_int32_array : array_type(format);
  if (!get_array(env, y, type, &array)) return Status::kBadOutput;
  if (array.length < needed) return Status::kBadOutput;
  *data = array.data;
  return Status::kOk;
}

namespace {

Status read_numbers(napi_env env, napi_value spec, Checked* checked) {
  Array<double> numbers;
  if (!get_doubles(env, spec, &numbers) || numbers.length != kSpecLength) return Status::kBadSpec;
  return read_spec(numbers.data, checked);
}

}  // namespace

Status read_row_call(napi_env env, napi_value spec, Checked* checked) {
  const Status status = read_numbers(env, spec, checked);
  if (status != Status::kOk) return status;
  const Call& call = checked->call;
  const bool floats = call.x_format == Format::kF32 && call.y_format == Format::kF32;
  const bool plain = floats && !is_gathered(call.layout) && checked->op->operand_count == 0;
  return plain && call.rows == 1 ? Status::kOk : Status::kBadSpec;
}

Status check_call(napi_env env, napi_value spec, napi_value x, napi_value y,
                  napi_callback_info info, size_t first, Checked* checked) {
  Status status = read_numbers(env, spec, checked);
  if (status != Status::kOk) return status;
  const Format y_format = checked->call.y_format;
  const Call& call = checked->call;
  if (x == nullptr) {
    checked->x = {};
    const bool plain = call.x_stride == call.cols && call.cols > 0 && !is_gathered(call.layout) &&
                       y_format == Format::kF32 && input_span(call) != SIZE_MAX;
    if (!plain) return Status::kBadSpec;
  } else {
    if (!get_array(env, x, array_type(call.x_format), &checked->x)) return Status::kBadInput;
    if (checked->x.length < input_span(call)) return Status::kBadInput;
  }
  status = check_output(env, y, *checked->op, y_format, output_span(checked->call, *checked->op),
                        &checked->y);
  if (status != Status::kOk) return status;
  if (checked->op->operand_count > 0)
    status = check_operands(env, OperandValues(env, info, first), checked);
  return status == Status::kOk ? check_overlap(*checked) : status;
}

}  // namespace softlane
