// A row that JavaScript brings in pieces. It is kept here under a number: what is in it is not for
// others to change.
#include "../runtime/pieces.h"

#include "environment.h"
#include "exports.h"

namespace softlane {
namespace {

RowInPieces* find_row(napi_env env, napi_value value) {
  Environment* environment = Environment::of(env);
  double number;
  if (environment == nullptr || napi_get_value_double(env, value, &number) != napi_ok)
    return nullptr;
  return environment->find_row(number);
}

napi_value to_status(napi_env env, bool ok) {
  return to_value(env, ok ? Status::kOk : Status::kBadState);
}

}  // namespace

// Its number, from 1 on, or 0 where this call cannot be made so.
napi_value open_row(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  Environment* environment = Environment::of(env);
  Checked checked;
  if (environment == nullptr || read_row_call(env, arguments[0], &checked) != Status::kOk)
    return to_number(env, 0);
  auto row = RowInPieces::open(checked.call, *checked.isa, checked.threads);
  return to_number(env, row == nullptr ? 0 : environment->add_row(std::move(row)));
}

napi_value reduce_row(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  RowInPieces* row = find_row(env, arguments[0]);
  Array<float> x;
  if (row == nullptr) return to_value(env, Status::kBadState);
  if (!get_floats(env, arguments[1], &x)) return to_value(env, Status::kBadInput);
  return to_status(env, row->reduce(x.data, x.length));
}

napi_value finish_row(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  RowInPieces* row = find_row(env, arguments[0]);
  Array<float> y;
  if (row == nullptr) return to_value(env, Status::kBadState);
  if (!get_floats(env, arguments[1], &y) || y.length < 1) return to_value(env, Status::kBadOutput);
  return to_status(env, row->finish(y.data));
}

napi_value map_row(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  RowInPieces* row = find_row(env, arguments[0]);
  Array<float> x, y;
  if (row == nullptr) return to_value(env, Status::kBadState);
  if (!get_floats(env, arguments[1], &x)) return to_value(env, Status::kBadInput);
  if (!get_floats(env, arguments[2], &y) || y.length < x.length)
    return to_value(env, Status::kBadOutput);
  const size_t bytes = x.length * sizeof(float);
  if (x.data != y.data && overlap(x.data, bytes, y.data, bytes))
    return to_value(env, Status::kOverlap);
  return to_status(env, row->map(x.data, y.data, x.length));
}

napi_value close_row(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  Environment* environment = Environment::of(env);
  double number;
  const bool ok = environment != nullptr &&
                  napi_get_value_double(env, arguments[0], &number) == napi_ok &&
                  environment->close_row(number);
  return to_status(env, ok);
}

}  // namespace softlane
