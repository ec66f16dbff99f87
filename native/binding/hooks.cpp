// What the tests look at from outside: single functions of the vector layer, and the runtime's view
// of the machine.
#include <string>

#include "../rows/philox.h"
#include "../runtime/limits.h"
#include "../runtime/pool.h"
#include "exports.h"
#include "spec.h"

namespace softlane {
namespace {

// isa, x and the outputs that follow, all of one length and apart from each other.
template <size_t Outputs>
Status get_arrays(napi_env env, napi_callback_info info, const Isa** isa, Array<float>* arrays) {
  const Arguments<2 + Outputs> arguments(env, info);
  const Status found = read_isa(env, arguments[0], isa);
  if (found != Status::kOk) return found;
  for (size_t i = 0; i <= Outputs; i++) {
    const Status bad = i == 0 ? Status::kBadInput : Status::kBadOutput;
    if (!get_floats(env, arguments[1 + i], &arrays[i])) return bad;
    if (arrays[i].length != arrays[0].length) return bad;
    for (size_t j = 0; j < i; j++) {
      if (overlap(arrays[i].data, arrays[i].length * 4, arrays[j].data, arrays[j].length * 4))
        return Status::kOverlap;
    }
  }
  return Status::kOk;
}

napi_value elementwise(napi_env env, napi_callback_info info,
                       void (*Isa::*function)(const float*, float*, size_t)) {
  const Isa* isa;
  Array<float> arrays[2];
  const Status status = get_arrays<1>(env, info, &isa, arrays);
  if (status == Status::kOk) (isa->*function)(arrays[0].data, arrays[1].data, arrays[0].length);
  return to_value(env, status);
}

}  // namespace

napi_value exp_hook(napi_env env, napi_callback_info info) {
  return elementwise(env, info, &Isa::exp);
}

napi_value log_hook(napi_env env, napi_callback_info info) {
  return elementwise(env, info, &Isa::log);
}

napi_value ext_exp_hook(napi_env env, napi_callback_info info) {
  const Isa* isa;
  Array<float> arrays[3];
  const Status status = get_arrays<2>(env, info, &isa, arrays);
  if (status == Status::kOk)
    isa->ext_exp(arrays[0].data, arrays[1].data, arrays[2].data, arrays[0].length);
  return to_value(env, status);
}

napi_value widen_hook(napi_env env, napi_callback_info info) {
  const Arguments<4> arguments(env, info);
  const Isa* isa;
  int64_t format;
  if (!get_integer(env, arguments[1], 1, kFormats - 1, &format))
    return to_value(env, Status::kBadSpec);
  const Status found = read_isa(env, arguments[0], &isa);
  if (found != Status::kOk) return to_value(env, found);
  Array<uint16_t> x;
  Array<float> y;
  if (!get_array(env, arguments[2], napi_uint16_array, &x)) return to_value(env, Status::kBadInput);
  if (!get_floats(env, arguments[3], &y) || y.length != x.length)
    return to_value(env, Status::kBadOutput);
  if (overlap(x.data, x.length * 2, y.data, y.length * 4)) return to_value(env, Status::kOverlap);
  isa->widen(static_cast<Format>(format), x.data, y.data, x.length);
  return to_value(env, Status::kOk);
}

napi_value narrow_hook(napi_env env, napi_callback_info info) {
  const Arguments<5> arguments(env, info);
  const Isa* isa;
  int64_t format, streamed;
  if (!get_integer(env, arguments[1], 1, kFormats - 1, &format) ||
      !get_integer(env, arguments[2], 0, 1, &streamed))
    return to_value(env, Status::kBadSpec);
  const Status found = read_isa(env, arguments[0], &isa);
  if (found != Status::kOk) return to_value(env, found);
  Array<float> x;
  Array<uint16_t> y;
  if (!get_floats(env, arguments[3], &x)) return to_value(env, Status::kBadInput);
  if (!get_array(env, arguments[4], napi_uint16_array, &y) || y.length != x.length)
    return to_value(env, Status::kBadOutput);
  if (overlap(x.data, x.length * 4, y.data, y.length * 2)) return to_value(env, Status::kOverlap);
  isa->narrow(static_cast<Format>(format), x.data, y.data, x.length, streamed != 0);
  return to_value(env, Status::kOk);
}

napi_value cpu_quota_hook(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  size_t length = 0;
  if (napi_get_value_string_utf8(env, arguments[0], nullptr, 0, &length) != napi_ok)
    return to_number(env, -1);
  std::string root(length + 1, '\0');
  napi_get_value_string_utf8(env, arguments[0], &root[0], root.size(), &length);
  root.resize(length);
  return to_number(env, cpu_quota(root));
}

// The counter and the key, six words; four words out.
napi_value philox_hook(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  Array<uint32_t> in, out;
  if (!get_array(env, arguments[0], napi_uint32_array, &in) || in.length != 6)
    return to_value(env, Status::kBadInput);
  if (!get_array(env, arguments[1], napi_uint32_array, &out) || out.length != 4)
    return to_value(env, Status::kBadOutput);
  const Philox drawn = philox(in.data, in.data + 4);
  for (size_t i = 0; i < 4; i++) out.data[i] = drawn.word[i];
  return to_value(env, Status::kOk);
}

napi_value pool_threads_hook(napi_env env, napi_callback_info) {
  return to_number(env, pool_threads());
}

}  // namespace softlane
