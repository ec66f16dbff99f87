// Arguments from JavaScript, through plain Node-API calls. Nothing is thrown; what does not fit
// gives false. A pointer is good until JavaScript runs again, no longer.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>

#include "../runtime/execute.h"
#include "status.h"

namespace softlane {

// The arguments of a call; those that were not given are undefined.
template <size_t N>
struct Arguments {
  napi_value at[N];

  Arguments(napi_env env, napi_callback_info info) {
    size_t count = N;
    if (napi_get_cb_info(env, info, &count, at, nullptr, nullptr) != napi_ok)
      for (napi_value& value : at) value = nullptr;
  }
  napi_value operator[](size_t i) const { return at[i]; }
};

// A view of the caller's memory. Detached: length 0. Out of a shrunk buffer's bounds: length 0.
template <typename T>
struct Array {
  T* data = nullptr;
  size_t length = 0;
};

// False for anything that is not a typed array of exactly this element type. A type that this
// Node-API level has no name for (Float16Array is 11) is just another number.
template <typename T>
bool get_array(napi_env env, napi_value value, napi_typedarray_type type, Array<T>* array) {
  napi_typedarray_type found;
  void* data;
  if (napi_get_typedarray_info(env, value, &found, &array->length, &data, nullptr, nullptr) !=
      napi_ok)
    return false;
  if (found != type) return false;
  array->data = static_cast<T*>(data);
  if (data == nullptr) array->length = 0;
  return true;
}

inline bool get_floats(napi_env env, napi_value value, Array<float>* array) {
  return get_array(env, value, napi_float32_array, array);
}

inline bool get_doubles(napi_env env, napi_value value, Array<double>* array) {
  return get_array(env, value, napi_float64_array, array);
}

constexpr double kMostExact = 9007199254740991.0;  // 2^53 - 1

// An integer within [low, high], exactly.
bool to_integer(double value, double low, double high, int64_t* integer);
bool get_integer(napi_env env, napi_value value, double low, double high, int64_t* integer);

// Memory that JavaScript cannot take away while a reference to its buffer is held: a
// SharedArrayBuffer of fixed length. May run JavaScript (a getter that somebody put on the buffer),
// so pointers are to be read after it. *buffer: the object to hold.
bool is_fixed_shared(napi_env env, napi_value view, napi_value* buffer);

// True when the two ranges of bytes have one in common.
bool overlap(const void* a, size_t a_bytes, const void* b, size_t b_bytes);

napi_value to_number(napi_env env, double value);
napi_value to_value(napi_env env, Status status);
napi_value to_value(napi_env env, const Outcome& outcome);

// Every exported function goes through here: no C++ exception may cross into Node. Failure is what
// it then gives: a status, or 0 for a function that gives numbers of something.
template <napi_value (*Function)(napi_env, napi_callback_info), Status Failure>
napi_value guarded(napi_env env, napi_callback_info info) {
  try {
    return Function(env, info);
  } catch (...) {
    return to_value(env, Failure);
  }
}

}  // namespace softlane
