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
};
constexpr size_t kSpecLength = 24;

// A call that has been checked against its arrays, ready for execute().
struct Checked {
  Call call;
  const Isa* isa;
  int threads;
  const Operator* op;
  Array<float> x;
  void* y;
  size_t y_length;  // elements of four bytes
};

// Elements of the input that a call reads up to, and of the output that it writes up to.
size_t input_span(const Call& call);
size_t output_span(const Call& call, const Operator& op);

// Reads and checks all three. The numbers are copied first: the spec may be in shared memory.
Status check_call(napi_env env, napi_value spec, napi_value x, napi_value y, Checked* checked);

// The array a result goes to, with room for `needed` elements of the operator's type.
Status check_output(napi_env env, napi_value y, const Operator& op, size_t needed, void** data,
                    size_t* length);

// The instruction set of that index, -1 for the current one; null when it cannot run here.
const Isa* usable_isa(int64_t index);

}  // namespace softlane
