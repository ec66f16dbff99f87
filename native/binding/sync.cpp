// Calls that are done when they return, and the settings of the process.
#include "../runtime/cpu.h"
#include "../runtime/dispatch.h"
#include "../runtime/execute.h"
#include "../runtime/limits.h"
#include "../runtime/pool.h"
#include "exports.h"
#include "spec.h"

namespace softlane {

napi_value run(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  Checked c;
  const Status status = check_call(env, arguments[0], arguments[1], arguments[2], info, 3, &c);
  if (status != Status::kOk) return to_value(env, status);
  return to_value(env, execute(std::move(c.call), *c.isa, c.x.data, c.y, c.threads, nullptr));
}

napi_value supported(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  Array<int32_t> into;
  const size_t count = static_cast<size_t>(isa_count());
  if (!get_array(env, arguments[0], napi_int32_array, &into) || into.length < count)
    return to_value(env, Status::kBadOutput);
  for (size_t i = 0; i < count; i++) into.data[i] = isa_usable(static_cast<int>(i)) ? 1 : 0;
  return to_value(env, Status::kOk);
}

napi_value cpu(napi_env env, napi_callback_info) {
  const std::string text = describe_cpu();
  napi_value result = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &result);
  return result;
}

napi_value set_isa(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  int64_t index;
  if (!get_integer(env, arguments[0], 0, isa_count() - 1, &index))
    return to_value(env, Status::kBadSpec);
  const bool ok = set_current_isa(static_cast<int>(index));
  return to_value(env, ok ? Status::kOk : Status::kUnsupportedIsa);
}

napi_value get_isa(napi_env env, napi_callback_info) { return to_number(env, current_isa()); }

napi_value set_threads(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  int64_t count;
  if (!get_integer(env, arguments[0], 0, kMaxThreads, &count))
    return to_value(env, Status::kBadSpec);
  set_default_threads(static_cast<int>(count));
  return to_value(env, Status::kOk);
}

napi_value get_threads(napi_env env, napi_callback_info) {
  return to_number(env, default_threads());
}

}  // namespace softlane
