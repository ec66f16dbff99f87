// Every function of the addon; the types are in binding.d.ts.
#pragma once

#include <node_api.h>

namespace softlane {

// sync.cpp
napi_value run(napi_env env, napi_callback_info info);
napi_value supported(napi_env env, napi_callback_info info);
napi_value cpu(napi_env env, napi_callback_info info);
napi_value set_isa(napi_env env, napi_callback_info info);
napi_value get_isa(napi_env env, napi_callback_info info);
napi_value set_threads(napi_env env, napi_callback_info info);
napi_value get_threads(napi_env env, napi_callback_info info);

// async.cpp
napi_value on_settled(napi_env env, napi_callback_info info);
napi_value submit(napi_env env, napi_callback_info info);
napi_value gather(napi_env env, napi_callback_info info);
napi_value collect(napi_env env, napi_callback_info info);
napi_value abort_call(napi_env env, napi_callback_info info);
napi_value pending(napi_env env, napi_callback_info info);

// sweep.cpp
napi_value sweep(napi_env env, napi_callback_info info);

// pieces.cpp
napi_value open_row(napi_env env, napi_callback_info info);
napi_value reduce_row(napi_env env, napi_callback_info info);
napi_value finish_row(napi_env env, napi_callback_info info);
napi_value map_row(napi_env env, napi_callback_info info);
napi_value close_row(napi_env env, napi_callback_info info);

// state.cpp
napi_value state_init(napi_env env, napi_callback_info info);
napi_value state_push(napi_env env, napi_callback_info info);
napi_value state_merge(napi_env env, napi_callback_info info);
napi_value state_finish(napi_env env, napi_callback_info info);

// hooks.cpp
napi_value exp_hook(napi_env env, napi_callback_info info);
napi_value log_hook(napi_env env, napi_callback_info info);
napi_value ext_exp_hook(napi_env env, napi_callback_info info);
napi_value widen_hook(napi_env env, napi_callback_info info);
napi_value narrow_hook(napi_env env, napi_callback_info info);
napi_value cpu_quota_hook(napi_env env, napi_callback_info info);
napi_value philox_hook(napi_env env, napi_callback_info info);
napi_value pool_threads_hook(napi_env env, napi_callback_info info);

// lab.cpp
napi_value memory_hook(napi_env env, napi_callback_info info);
napi_value place_hook(napi_env env, napi_callback_info info);
napi_value huge_pages_hook(napi_env env, napi_callback_info info);
napi_value naive_hook(napi_env env, napi_callback_info info);
napi_value stores_hook(napi_env env, napi_callback_info info);
napi_value prefetch_hook(napi_env env, napi_callback_info info);
napi_value pin_hook(napi_env env, napi_callback_info info);

// counters.cpp
napi_value counters_hook(napi_env env, napi_callback_info info);

}  // namespace softlane
