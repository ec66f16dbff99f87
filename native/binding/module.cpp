// What the addon exports: a list, and nothing else.
#include "../runtime/dispatch.h"
#include "../runtime/limits.h"
#include "environment.h"
#include "exports.h"

namespace softlane {
namespace {

napi_value text(napi_env env, const char* value) {
  napi_value result = nullptr;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &result);
  return result;
}

template <class F>
napi_value names(napi_env env, int count, F name) {
  napi_value result = nullptr;
  napi_create_array_with_length(env, static_cast<size_t>(count), &result);
  for (int i = 0; i < count; i++)
    napi_set_element(env, result, static_cast<uint32_t>(i), text(env, name(i)));
  return result;
}

template <napi_value (*Function)(napi_env, napi_callback_info)>
napi_property_descriptor function(const char* name) {
  return {name, nullptr, &guarded<Function>, nullptr, nullptr, nullptr, napi_enumerable, nullptr};
}

napi_property_descriptor constant(const char* name, napi_value value) {
  return {name, nullptr, nullptr, nullptr, nullptr, value, napi_enumerable, nullptr};
}

napi_value init(napi_env env, napi_value exports) {
  if (!Environment::create(env)) return nullptr;
  const Isa& first = isa_at(0);
  const napi_property_descriptor properties[] = {
      constant("version", text(env, SOFTLANE_VERSION)),
      constant("operators",
               names(env, first.operator_count, [&](int i) { return first.operators[i].name; })),
      constant("algorithms", names(env, kAlgorithms, [](int i) { return kAlgorithmNames[i]; })),
      constant("isas", names(env, isa_count(), [](int i) { return isa_at(i).name; })),
      constant("specLength", to_number(env, static_cast<double>(kSpecLength))),
      constant("stateLength", to_number(env, static_cast<double>(kStateLength))),
      constant("blockLength", to_number(env, static_cast<double>(kBlock))),
      function<supported>("supported"),
      function<cpu>("cpu"),
      function<set_isa>("setIsa"),
      function<get_isa>("getIsa"),
      function<set_threads>("setThreads"),
      function<get_threads>("getThreads"),
      function<run>("run"),
      function<on_settled>("onSettled"),
      function<submit>("submit"),
      function<collect>("collect"),
      function<abort_call>("abort"),
      function<pending>("pending"),
      function<state_init>("stateInit"),
      function<state_push>("statePush"),
      function<state_merge>("stateMerge"),
      function<state_finish>("stateFinish"),
      function<exp_hook>("_exp"),
      function<log_hook>("_log"),
      function<ext_exp_hook>("_extExp"),
      function<cpu_quota_hook>("_cpuQuota"),
      function<pool_threads_hook>("_poolThreads"),
  };
  const size_t count = sizeof properties / sizeof properties[0];
  return napi_define_properties(env, exports, count, properties) == napi_ok ? exports : nullptr;
}

}  // namespace
}  // namespace softlane

NAPI_MODULE_INIT() {
  try {
    return softlane::init(env, exports);
  } catch (...) {
    return nullptr;
  }
}
