// A call as JavaScript writes it: a Float64Array of numbers. The same names and places in
// lib/spec.ts.
#pragma once

#include "../isa/table.h"
#include "arguments.h"

namespace softlane {

enum SpecField {
  kSpecOp,
  kSpecAlgorithm,
  kSpecIsa,      // -1: the current one
  kSpecThreads,  // 0: the default
  kSpecRows,
  kSpecCols,
  kSpecXStride,
  kSpecYStride,
  kSpecParams,  // the operator's own, in the order of Call::params
  kSpecXFormat = kSpecParams + sizeof(Call::params) / sizeof(double),
  kSpecYFormat,  // of an output of rows; 0 for others
  kSpecInner,    // Layout::inner
  kSpecHeight,   // and from here on its window: of planes,
  kSpecWidth,
  kSpecKernelHeight,  // 0: no windows
  kSpecKernelWidth,
  kSpecStepDown,
  kSpecStepRight,
  kSpecPadHeight,
  kSpecPadWidth,
  kSpecLength
};

// The arrays beside x and y of a call that has been checked, in the operator's order.
struct Operands {
  void* data[kMostOperands];  // null: not given
  size_t bytes[kMostOperands];
};

// A call that has been checked against its arrays, ready for execute(). It points into itself.
struct Checked {
  Call call;
  const Isa* isa;
  int threads;
  const Operator* op;
  Array<const void> x;
  void* y;
  Operands operands;  // as many as the operator has

  Checked() = default;
  Checked(const Checked&) = delete;
};

// The arguments of a call that follow its first few.
class OperandValues {
 public:
  OperandValues(napi_env env, napi_callback_info info, size_t first);
  // Null: there are not as many.
  napi_value operator[](size_t i) const { return first_ + i < count_ ? at_[first_ + i] : nullptr; }

 private:
  static constexpr size_t kMostFirst = 4;
  const size_t first_;
  size_t count_ = kMostFirst + kMostOperands;
  napi_value at_[kMostFirst + kMostOperands];
};

// Elements of the input that a call reads up to, and of the output that it writes up to.
size_t input_span(const Call& call);
size_t output_span(const Call& call, const Operator& op);

// Reads and checks all of them; runs no JavaScript. Each number is read once: the spec may be in
// shared memory. x is null for rows that are in a file, which then have elements and no gaps. The
// operands are the arguments from the `first` on.
Status check_call(napi_env env, napi_value spec, napi_value x, napi_value y,
                  napi_callback_info info, size_t first, Checked* checked);

// Of a call about one row of floats that comes in pieces, without operands: the numbers alone.
Status read_row_call(napi_env env, napi_value spec, Checked* checked);

// The array a result goes to, with room for `needed` elements of the operator's type, or of the
// format for rows. Null where the operator has none.
Status check_output(napi_env env, napi_value y, const Operator& op, Format format, size_t needed,
                    void** data);

// An operand of so many bytes; *data is null where an optional one is not given.
Status check_operand(napi_env env, napi_value value, const Operand& operand, size_t bytes,
                     void** data);

// The instruction set of that index, -1 for the current one; null when it cannot run here.
const Isa* usable_isa(int64_t index);
Status read_isa(napi_env env, napi_value index, const Isa** isa);

}  // namespace softlane
