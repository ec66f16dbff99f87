#include "environment.h"

#include <new>

namespace softlane {
namespace {

// Settled calls handed over in one turn of the event loop's phase.
constexpr int kBatch = 256;

constexpr Outcome kAborted = {Outcome::kStopped, 0};

using Shared = std::shared_ptr<Environment>;

uint64_t channel_of(uint64_t ticket) { return ticket >> 32; }

}  // namespace

bool Environment::create(napi_env env) {
  Shared* held = new Shared(std::make_shared<Environment>());
  const napi_finalize drop = [](napi_env, void* data, void*) { delete static_cast<Shared*>(data); };
  if (napi_set_instance_data(env, held, drop, nullptr) == napi_ok) return true;
  delete held;
  return false;
}

Environment* Environment::of(napi_env env) {
  void* held = nullptr;
  if (napi_get_instance_data(env, &held) != napi_ok || held == nullptr) return nullptr;
  return static_cast<Shared*>(held)->get();
}

// The hook goes in after the function that wakes the loop: hooks run last in, first out, so `dead_`
// is set before Node takes that function away.
bool Environment::open_wake(napi_env env) {
  if (wake_ != nullptr) return true;
  napi_value name;
  napi_threadsafe_function wake;
  if (napi_create_string_utf8(env, "softlane", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                      &Environment::on_wake, &wake) != napi_ok)
    return false;
  napi_unref_threadsafe_function(env, wake);
  Shared* held = new (std::nothrow) Shared(shared_from_this());
  const auto hook = [](void* data) {
    Shared* environment = static_cast<Shared*>(data);
    (*environment)->shut_down();
    delete environment;
  };
  if (held == nullptr || napi_add_env_cleanup_hook(env, hook, held) != napi_ok) {
    delete held;
    napi_release_threadsafe_function(wake, napi_tsfn_abort);
    return false;
  }
  wake_ = wake;
  return true;
}

uint32_t Environment::open_channel(napi_env env, napi_value callback) {
  constexpr size_t kMostChannels = (1u << 21) - 1;  // tickets stay below 2^53
  napi_valuetype type;
  if (napi_typeof(env, callback, &type) != napi_ok || type != napi_function) return 0;
  if (channels_.size() >= kMostChannels || !open_wake(env)) return 0;
  channels_.reserve(channels_.size() + 1);
  napi_ref reference;
  if (napi_create_reference(env, callback, 0, &reference) != napi_ok) return 0;
  channels_.push_back({reference, 0});
  return static_cast<uint32_t>(channels_.size());
}

bool Environment::has_channel(uint64_t ticket) const {
  const uint64_t channel = channel_of(ticket);
  return channel >= 1 && channel <= channels_.size();
}

AsyncJob* Environment::find(uint64_t ticket) const { return hold(ticket).get(); }

std::shared_ptr<AsyncJob> Environment::hold(uint64_t ticket) const {
  const auto found = jobs_.find(ticket);
  return found == jobs_.end() ? nullptr : found->second;
}

bool Environment::add(napi_env env, const std::shared_ptr<AsyncJob>& job) {
  napi_value callback = nullptr;
  Channel& channel = channels_[channel_of(job->ticket) - 1];
  if (napi_get_reference_value(env, channel.callback, &callback) != napi_ok || callback == nullptr)
    return false;
  if (!jobs_.emplace(job->ticket, job).second) return false;
  count(env, job.get(), 1);
  return true;
}

// While anything is pending the loop stays alive, and so does the channel's callback.
void Environment::count(napi_env env, AsyncJob* job, int change) {
  Channel& channel = channels_[channel_of(job->ticket) - 1];
  uint32_t references;
  if (change > 0) {
    if (channel.pending++ == 0) napi_reference_ref(env, channel.callback, &references);
    if (pending_++ == 0) napi_ref_threadsafe_function(env, wake_);
  } else {
    if (--channel.pending == 0) napi_reference_unref(env, channel.callback, &references);
    if (--pending_ == 0) napi_unref_threadsafe_function(env, wake_);
  }
}

void Environment::forget(napi_env env, AsyncJob* job) {
  job->let_go(env);
  // The pool may hold the job a while longer, if it was aborted before its turn.
  job->drop_memory();
  jobs_.erase(job->ticket);
}

bool Environment::is_delivered(const AsyncJob* job) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return job->stage == AsyncJob::Stage::kDelivered;
}

Status Environment::abort(AsyncJob* job) {
  const std::lock_guard<std::mutex> lock(mutex_);
  switch (job->stage) {
    case AsyncJob::Stage::kQueued:
      settle(job, kAborted);
      return Status::kOk;
    case AsyncJob::Stage::kRunning:
      job->cancel.store(true, std::memory_order_relaxed);
      return Status::kOk;
    case AsyncJob::Stage::kSettled:
      job->outcome = kAborted;
      return Status::kOk;
    default:
      return Status::kUnknownTicket;
  }
}

bool Environment::begin(AsyncJob* job) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (job->stage != AsyncJob::Stage::kQueued) return false;
  job->stage = AsyncJob::Stage::kRunning;
  return true;
}

void Environment::end(AsyncJob* job, const Outcome& outcome) {
  const std::lock_guard<std::mutex> lock(mutex_);
  settle(job, job->cancel.load(std::memory_order_relaxed) ? kAborted : outcome);
}

// Mutex held, also while the loop is woken: the environment cannot end in between.
void Environment::settle(AsyncJob* job, const Outcome& outcome) {
  job->stage = AsyncJob::Stage::kSettled;
  job->outcome = outcome;
  if (dead_) {
    idle_.notify_all();
    return;
  }
  if (last_ != nullptr)
    last_->next_settled = job;
  else
    first_ = job;
  last_ = job;
  if (waking_) return;
  waking_ = true;
  napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

AsyncJob* Environment::next_settled() {
  const std::lock_guard<std::mutex> lock(mutex_);
  AsyncJob* job = first_;
  if (job == nullptr) {
    waking_ = false;
    return nullptr;
  }
  first_ = job->next_settled;
  if (first_ == nullptr) last_ = nullptr;
  job->stage = AsyncJob::Stage::kDelivered;
  return job;
}

void Environment::on_wake(napi_env env, napi_value, void* context, void*) {
  if (env != nullptr) static_cast<Environment*>(context)->deliver(env);
}

void Environment::deliver(napi_env env) {
  for (int i = 0; i < kBatch; i++) {
    AsyncJob* job = next_settled();
    if (job == nullptr) return;
    napi_handle_scope scope;
    if (napi_open_handle_scope(env, &scope) != napi_ok) break;
    napi_value self, callback = nullptr;
    napi_get_undefined(env, &self);
    napi_get_reference_value(env, channels_[channel_of(job->ticket) - 1].callback, &callback);
    const napi_value arguments[2] = {to_number(env, static_cast<double>(job->ticket)),
                                     to_value(env, job->outcome)};
    count(env, job, -1);
    if (job->outcome.kind != Outcome::kDone) forget(env, job);
    const bool ok = callback != nullptr &&
                    napi_call_function(env, self, callback, 2, arguments, nullptr) == napi_ok;
    napi_close_handle_scope(env, scope);
    if (!ok) break;  // the environment is ending
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!dead_) napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

// From here on nobody wakes the loop, no job starts, and none works in this environment's memory.
void Environment::shut_down() {
  std::unique_lock<std::mutex> lock(mutex_);
  dead_ = true;
  first_ = last_ = nullptr;
  for (const auto& entry : jobs_) {
    AsyncJob* job = entry.second.get();
    job->cancel.store(true, std::memory_order_relaxed);
    if (job->stage == AsyncJob::Stage::kQueued) job->stage = AsyncJob::Stage::kSettled;
  }
  idle_.wait(lock, [this] {
    for (const auto& entry : jobs_) {
      const AsyncJob& job = *entry.second;
      if (job.borrows && job.stage == AsyncJob::Stage::kRunning) return false;
    }
    return true;
  });
  lock.unlock();
  jobs_.clear();
}

}  // namespace softlane
