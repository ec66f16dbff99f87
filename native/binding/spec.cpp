#include "spec.h"

#include <cstring>

#include "../runtime/dispatch.h"
#include "../runtime/limits.h"
#include "../runtime/pool.h"

namespace softlane {
namespace {

constexpr double kMostSize = 9007199254740991.0;  // 2^53 - 1

constexpr size_t kParams = sizeof(Call::params) / sizeof(double);
static_assert(kSpecParams + kParams <= kSpecLength, "the parameters fit into the spec");

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
  if (!to_integer(value, 0, kMostSize, &integer)) return false;
  if (static_cast<uint64_t>(integer) > SIZE_MAX) return false;
  *size = static_cast<size_t>(integer);
  return true;
}

Status read_spec(const double* fields, Checked* checked) {
  Call* call = &checked->call;
  int64_t op, algorithm, isa, threads;
  if (!to_integer(fields[kSpecOp], 0, isa_at(0).operator_count - 1, &op) ||
      !to_integer(fields[kSpecAlgorithm], 0, kAlgorithms - 1, &algorithm) ||
      !to_integer(fields[kSpecIsa], -1, isa_count() - 1, &isa) ||
      !to_integer(fields[kSpecThreads], 0, kMaxThreads, &threads) ||
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
  if (call->x_stride < call->cols) return Status::kBadSpec;
  if (checked->op->output == Output::kRow && call->y_stride < call->cols) return Status::kBadSpec;
  for (size_t i = 0; i < kParams; i++) call->params[i] = fields[kSpecParams + i];
  return checked->op->valid(*call) ? Status::kOk : Status::kBadSpec;
}

Status check_overlap(const Checked& c) {
  const size_t x_bytes = input_span(c.call) * sizeof(float);
  const size_t y_bytes = output_span(c.call, *c.op) * 4;
  if (!overlap(c.x.data, x_bytes, c.y, y_bytes)) return Status::kOk;
  const bool in_place = c.op->output == Output::kRow && c.x.data == c.y &&
                        (c.call.x_stride == c.call.y_stride || c.call.rows == 1);
  return in_place ? Status::kOk : Status::kOverlap;
}

}  // namespace

size_t input_span(const Call& call) {
  size_t span;
  return extent(call.rows, call.cols, call.x_stride, &span) ? span : SIZE_MAX;
}

size_t output_span(const Call& call, const Operator& op) {
  if (op.output != Output::kRow) return call.rows;
  size_t span;
  return extent(call.rows, call.cols, call.y_stride, &span) ? span : SIZE_MAX;
}

const Isa* usable_isa(int64_t index) {
  if (index == -1) return &isa_at(current_isa());
  return isa_usable(static_cast<int>(index)) ? &isa_at(static_cast<int>(index)) : nullptr;
}

Status check_output(napi_env env, napi_value y, const Operator& op, size_t needed, void** data,
                    size_t* length) {
  Array<void> array;
  const napi_typedarray_type type =
      op.output == Output::kIndex ? napi_int32_array : napi_float32_array;
  if (!get_array(env, y, type, &array)) return Status::kBadOutput;
  if (array.length < needed) return Status::kBadOutput;
  *data = array.data;
  *length = array.length;
  return Status::kOk;
}

Status check_call(napi_env env, napi_value spec, napi_value x, napi_value y, Checked* checked) {
  Array<double> numbers;
  if (!get_doubles(env, spec, &numbers) || numbers.length != kSpecLength) return Status::kBadSpec;
  double fields[kSpecLength];
  std::memcpy(fields, numbers.data, sizeof fields);
  Status status = read_spec(fields, checked);
  if (status != Status::kOk) return status;
  if (!get_floats(env, x, &checked->x)) return Status::kBadInput;
  if (checked->x.length < input_span(checked->call)) return Status::kBadInput;
  status = check_output(env, y, *checked->op, output_span(checked->call, *checked->op), &checked->y,
                        &checked->y_length);
  return status == Status::kOk ? check_overlap(*checked) : status;
}

}  // namespace softlane
