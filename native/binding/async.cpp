// Calls that run on the pool while JavaScript goes on.
#include "environment.h"
#include "exports.h"

namespace softlane {
namespace {

AsyncJob* find_job(napi_env env, napi_value value, Environment* environment) {
  int64_t ticket;
  if (environment == nullptr || !get_integer(env, value, 1, kMostExact, &ticket)) return nullptr;
  return environment->find(static_cast<uint64_t>(ticket));
}

bool hold(napi_env env, napi_value buffer, napi_ref* reference) {
  return napi_create_reference(env, buffer, 1, reference) == napi_ok;
}

}  // namespace

napi_value on_settled(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  Environment* environment = Environment::of(env);
  return to_number(env, environment == nullptr ? 0 : environment->open_channel(env, arguments[0]));
}

namespace {

// A job of a checked call that the environment knows. x: null for rows of a file.
Status add_job(napi_env env, napi_value ticket_value, napi_value spec, napi_value x, napi_value y,
               napi_callback_info info, size_t first, std::shared_ptr<AsyncJob>* added) {
  Environment* environment = Environment::of(env);
  int64_t number;
  if (environment == nullptr || !get_integer(env, ticket_value, 1, kMostExact, &number))
    return Status::kUnknownTicket;
  const uint64_t ticket = static_cast<uint64_t>(number);

  // These may run JavaScript.
  napi_value x_buffer = nullptr, y_buffer;
  const bool x_shared = x != nullptr && is_fixed_shared(env, x, &x_buffer);
  const bool x_stays = x == nullptr || x_shared;
  const bool y_stays = is_fixed_shared(env, y, &y_buffer);
  if (!environment->has_channel(ticket) || environment->find(ticket) != nullptr)
    return Status::kUnknownTicket;
  Checked checked;
  const Status status = check_call(env, spec, x, y, info, first, &checked);
  if (status != Status::kOk) return status;
  const auto job = std::make_shared<AsyncJob>(environment->shared_from_this(), ticket);
  if (!job->prepare(checked, x_stays, y_stays)) return Status::kOutOfMemory;
  const bool held = (!x_shared || hold(env, x_buffer, &job->references[0])) &&
                    (!y_stays || hold(env, y_buffer, &job->references[1]));
  if (!held || !environment->add(env, job)) {
    job->let_go(env);
    return Status::kOutOfMemory;
  }
  *added = job;
  return Status::kOk;
}

}  // namespace

napi_value submit(napi_env env, napi_callback_info info) {
  const Arguments<4> arguments(env, info);
  std::shared_ptr<AsyncJob> job;
  const Status status =
      add_job(env, arguments[0], arguments[1], arguments[2], arguments[3], info, 4, &job);
  if (status != Status::kOk) return to_value(env, status);
  job->self = job;
  if (!enqueue(job.get())) job->run();  // no thread to be had: here and now
  return to_value(env, Status::kOk);
}

napi_value gather(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  std::shared_ptr<AsyncJob> job;
  const Status status =
      add_job(env, arguments[0], arguments[1], nullptr, arguments[2], info, 3, &job);
  if (status == Status::kOk) job->gathered = true;
  return to_value(env, status);
}

napi_value collect(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  Environment* environment = Environment::of(env);
  AsyncJob* job = find_job(env, arguments[0], environment);
  if (job == nullptr || !environment->is_delivered(job))
    return to_value(env, Status::kUnknownTicket);
  void* y;
  const OperandValues values(env, info, 2);
  void* operands[kMostOperands];
  Status status = check_output(env, arguments[1], *job->op, job->y_format(), job->y_needed, &y);
  for (int i = 0; i < job->op->operand_count && status == Status::kOk; i++) {
    operands[i] = nullptr;
    if (!job->op->operands[i].written) continue;
    // What was computed may be left where it is, and what was not may not be asked for.
    Operand taken = job->op->operands[i];
    taken.optional = true;
    status = check_operand(env, values[static_cast<size_t>(i)], taken, job->operands.bytes[i],
                           &operands[i]);
  }
  if (status == Status::kOk) job->deliver_to(y, operands);
  environment->forget(env, job);
  return to_value(env, status);
}

napi_value abort_call(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  Environment* environment = Environment::of(env);
  AsyncJob* job = find_job(env, arguments[0], environment);
  return to_value(env, job == nullptr ? Status::kUnknownTicket : environment->abort(job));
}

napi_value pending(napi_env env, napi_callback_info) {
  const Environment* environment = Environment::of(env);
  return to_number(env, environment == nullptr ? 0 : environment->pending());
}

}  // namespace softlane
