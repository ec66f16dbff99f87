#include "arguments.h"

namespace softlane {

bool to_integer(double value, double low, double high, int64_t* integer) {
  if (!(value >= low && value <= high)) return false;  // NaN too
  *integer = static_cast<int64_t>(value);
  return static_cast<double>(*integer) == value;
}

bool get_integer(napi_env env, napi_value value, double low, double high, int64_t* integer) {
  double number;
  return napi_get_value_double(env, value, &number) == napi_ok &&
         to_integer(number, low, high, integer);
}

bool is_fixed_shared(napi_env env, napi_value view, napi_value* buffer) {
  napi_typedarray_type type;
  size_t length;
  if (napi_get_typedarray_info(env, view, &type, &length, nullptr, buffer, nullptr) != napi_ok)
    return false;
  // A typed array's buffer is an ArrayBuffer or a SharedArrayBuffer, and Node-API 8 knows the
  // former.
  bool unshared = true;
  if (napi_is_arraybuffer(env, *buffer, &unshared) != napi_ok || unshared) return false;
  // Growable memory stays where it is, so a lie here (an own property, say) can do no harm.
  napi_value growable;
  bool grows = true;
  if (napi_get_named_property(env, *buffer, "growable", &growable) == napi_ok) {
    napi_valuetype kind;
    if (napi_typeof(env, growable, &kind) != napi_ok) return false;
    if (kind == napi_undefined) return true;  // an engine without growable buffers
    return napi_get_value_bool(env, growable, &grows) == napi_ok && !grows;
  }
  napi_value thrown;
  napi_get_and_clear_last_exception(env, &thrown);
  return false;
}

bool overlap(const void* a, size_t a_bytes, const void* b, size_t b_bytes) {
  if (a_bytes == 0 || b_bytes == 0) return false;
  const uintptr_t i = reinterpret_cast<uintptr_t>(a), j = reinterpret_cast<uintptr_t>(b);
  return i <= j ? j - i < a_bytes : i - j < b_bytes;
}

napi_value to_number(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

napi_value to_value(napi_env env, Status status) {
  napi_value result = nullptr;
  napi_create_int32(env, static_cast<int32_t>(status), &result);
  return result;
}

napi_value to_value(napi_env env, const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::kDone:
      return to_value(env, Status::kOk);
    case Outcome::kStopped:
      return to_value(env, Status::kAborted);
    case Outcome::kNoMemory:
      return to_value(env, Status::kOutOfMemory);
    case Outcome::kUnread:
      return to_value(env, Status::kUnread);
    default:
      return to_number(env, static_cast<double>(outcome.refused));
  }
}

}  // namespace softlane
