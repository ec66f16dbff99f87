// A logSumExp state that JavaScript owns as a Float64Array. It may come from anywhere (a file,
// another machine, a mistake), so it is copied, checked, used and written back.
#include <cstring>

#include "../runtime/dispatch.h"
#include "exports.h"
#include "spec.h"

namespace softlane {
namespace {

constexpr double kMostBlocks = 0x1p39;  // as valid() has it

bool get_numbers(napi_env env, napi_value value, Array<double>* numbers) {
  return get_doubles(env, value, numbers) && numbers->length == kStateLength;
}

bool get_state(napi_env env, napi_value value, Array<double>* numbers, State* state) {
  if (!get_numbers(env, value, numbers)) return false;
  std::memcpy(state, numbers->data, sizeof *state);
  return valid(*state);
}

void put_state(const State& state, const Array<double>& numbers) {
  std::memcpy(numbers.data, &state, sizeof state);
}

}  // namespace

napi_value state_init(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  Array<double> numbers;
  double temperature;
  if (!get_numbers(env, arguments[0], &numbers)) return to_value(env, Status::kBadState);
  if (napi_get_value_double(env, arguments[1], &temperature) != napi_ok ||
      !valid_temperature(temperature))
    return to_value(env, Status::kBadSpec);
  State state = {};
  clear(&state, temperature);
  put_state(state, numbers);
  return to_value(env, Status::kOk);
}

napi_value state_push(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  Array<double> numbers;
  Array<float> x;
  State state;
  int64_t index;
  if (!get_state(env, arguments[0], &numbers, &state)) return to_value(env, Status::kBadState);
  if (!get_floats(env, arguments[1], &x)) return to_value(env, Status::kBadInput);
  if (!get_integer(env, arguments[2], -1, isa_count() - 1, &index))
    return to_value(env, Status::kBadSpec);
  const Isa* isa = usable_isa(index);
  if (isa == nullptr) return to_value(env, Status::kUnsupportedIsa);
  const double blocks = static_cast<double>(x.length / kBlock + 1);
  if (state.blocks + blocks >= kMostBlocks) return to_value(env, Status::kBadState);
  isa->state_push(&state, x.data, x.length);
  put_state(state, numbers);
  return to_value(env, Status::kOk);
}

napi_value state_merge(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  Array<double> numbers, others;
  State state, other;
  if (!get_state(env, arguments[0], &numbers, &state) ||
      !get_state(env, arguments[1], &others, &other) || state.temperature != other.temperature ||
      state.blocks + other.blocks >= kMostBlocks)
    return to_value(env, Status::kBadState);
  append(&state, other);
  put_state(state, numbers);
  return to_value(env, Status::kOk);
}

napi_value state_finish(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  Array<double> numbers, out;
  State state;
  if (!get_state(env, arguments[0], &numbers, &state)) return to_value(env, Status::kBadState);
  if (!get_doubles(env, arguments[1], &out) || out.length < 4)
    return to_value(env, Status::kBadOutput);
  const Partial sum = total(state);
  out.data[0] = isa_at(current_isa()).state_finish(state);
  out.data[1] = sum.m;
  out.data[2] = sum.e;
  out.data[3] = sum.shift;
  return to_value(env, Status::kOk);
}

}  // namespace softlane
