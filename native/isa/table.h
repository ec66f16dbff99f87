// What an instruction set offers: one constant table a translation unit, and nothing else is
// exported.
#pragma once

#include "../lab/traffic.h"
#include "../rows/format.h"
#include "../rows/operator.h"
#include "../rows/panel_shape.h"
#include "../rows/state.h"

namespace softlane {

struct Isa {
  const char* name;
  const Operator* operators;
  int operator_count;  // those of the catalogue, which come first
  int unlisted_count;
  float (*row_max)(const float* x, size_t n, Prefetch wanted);
  void (*state_push)(State* state, const float* x, size_t n);
  double (*state_finish)(const State& state);

  // Of a format that is not f32 (convert.h).
  void (*widen)(Format format, const void* x, float* y, size_t n);
  void (*narrow)(Format format, const float* x, void* y, size_t n, bool streamed);

  // Columns to rows and back (panel.h).
  void (*columns_to_rows)(const Panel& panel, const void* x, float* rows);
  void (*rows_to_columns)(const Panel& panel, const float* rows, void* y);

  // For the tests of simd/math.h.
  void (*exp)(const float* x, float* y, size_t n);
  void (*log)(const float* x, float* y, size_t n);
  void (*ext_exp)(const float* x, float* mantissa, float* exponent, size_t n);

  // For the perf lab.
  float (*memory)(const Traffic& traffic, const float* x, float* y, size_t n);
  void (*naive)(const float* x, float* y, size_t rows, size_t cols);
};

extern const Isa kScalar;
#ifdef SOFTLANE_X86
extern const Isa kAvx2, kAvx512;
#endif
#ifdef SOFTLANE_ARM64
extern const Isa kNeon;
#endif

}  // namespace softlane
