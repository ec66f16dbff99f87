// What the addon exports: a list, and nothing else. Set-up goes through node-addon-api; the
// functions themselves use Node-API's C calls (docs/decisions/0005-two-ways-into-node-api.md).
#include <napi.h>

#include <string>

#include "../runtime/dispatch.h"
#include "../runtime/limits.h"
#include "environment.h"
#include "exports.h"

namespace softlane {
namespace {

template <class F>
Napi::Array names(Napi::Env env, int count, F name) {
  Napi::Array result = Napi::Array::New(env, static_cast<size_t>(count));
  for (int i = 0; i < count; i++) result[static_cast<uint32_t>(i)] = name(i);
  return result;
}

template <napi_value (*Function)(napi_env, napi_callback_info),
          Status Failure = Status::kOutOfMemory>
Napi::PropertyDescriptor function(const char* name) {
  return napi_property_descriptor{
      name,   nullptr, &guarded<Function, Failure>, nullptr, nullptr, nullptr, napi_enumerable,
      nullptr};
}

template <class V>
Napi::PropertyDescriptor constant(Napi::Env env, const char* name, V value) {
  return Napi::PropertyDescriptor::Value(name, Napi::Value::From(env, value), napi_enumerable);
}

// By operator: its operands, as "read NAME" or "write NAME".
Napi::Array operands(Napi::Env env, const Isa& isa) {
  Napi::Array result = Napi::Array::New(env, static_cast<size_t>(isa.operator_count));
  for (int i = 0; i < isa.operator_count; i++) {
    const Operator& op = isa.operators[i];
    result[static_cast<uint32_t>(i)] = names(env, op.operand_count, [&](int k) {
      return std::string(op.operands[k].written ? "write " : "read ") + op.operands[k].name;
    });
  }
  return result;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  if (!Environment::create(env)) throw Napi::Error::New(env, "softlane: no memory for the addon");
  const Isa& first = isa_at(0);
  exports.DefineProperties({
      constant(env, "version", SOFTLANE_VERSION),
      constant(env, "operators",
               names(env, first.operator_count, [&](int i) { return first.operators[i].name; })),
      constant(env, "operands", operands(env, first)),
      constant(env, "algorithms",
               names(env, kAlgorithms, [](int i) { return kAlgorithmNames[i]; })),
      constant(env, "isas", names(env, isa_count(), [](int i) { return isa_at(i).name; })),
      constant(env, "specLength", static_cast<double>(kSpecLength)),
      constant(env, "stateLength", static_cast<double>(kStateLength)),
      constant(env, "blockLength", static_cast<double>(kBlock)),
      function<supported>("supported"),
      function<cpu>("cpu"),
      function<set_isa>("setIsa"),
      function<get_isa>("getIsa"),
      function<set_threads>("setThreads"),
      function<get_threads>("getThreads"),
      function<run>("run"),
      function<on_settled, Status::kOk>("onSettled"),
      function<submit>("submit"),
      function<gather>("gather"),
      function<sweep>("sweep"),
      function<collect>("collect"),
      function<abort_call>("abort"),
      function<pending>("pending"),
      function<open_row, Status::kOk>("openRow"),
      function<reduce_row>("reduceRow"),
      function<finish_row>("finishRow"),
      function<map_row>("mapRow"),
      function<close_row>("closeRow"),
      function<state_init>("stateInit"),
      function<state_push>("statePush"),
      function<state_merge>("stateMerge"),
      function<state_finish>("stateFinish"),
      function<exp_hook>("_exp"),
      function<log_hook>("_log"),
      function<ext_exp_hook>("_extExp"),
      function<widen_hook>("_widen"),
      function<narrow_hook>("_narrow"),
      function<cpu_quota_hook>("_cpuQuota"),
      function<philox_hook>("_philox"),
      function<pool_threads_hook>("_poolThreads"),
      constant(env, "_memoryWorks",
               names(env, kMemoryWorks, [](int i) { return kMemoryWorkNames[i]; })),
      function<memory_hook>("_memory"),
      function<place_hook>("_place"),
      function<huge_pages_hook>("_hugePages"),
      function<stores_hook>("_stores"),
      function<prefetch_hook>("_prefetch"),
      function<pin_hook>("_pin"),
      function<naive_hook>("_naive"),
      function<counters_hook>("_counters"),
  });
  return exports;
}

}  // namespace
}  // namespace softlane

static Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  return softlane::init(env, exports);
}

NODE_API_MODULE(softlane, initialise)
