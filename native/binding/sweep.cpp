// Calls over the same rows of a file, which the pool reads while it works on them: each part of the
// file once for all calls. They are gathered first, each with a ticket of its own, and settle as
// every other call does.
#include <memory>
#include <utility>
#include <vector>

#include "../runtime/file.h"
#include "environment.h"
#include "exports.h"

namespace softlane {
namespace {

class Sweep final : public Task {
 public:
  Sweep(std::shared_ptr<Environment> environment, size_t count)
      : environment_(std::move(environment)) {
    jobs_.reserve(count);
    steps_.reserve(count);
  }
  ~Sweep() {
    if (file_.fd >= 0) close_file(file_.fd);
  }

  // False for a call that is not waiting for one, or that is about other rows than those before.
  bool add(const std::shared_ptr<AsyncJob>& job) {
    if (job == nullptr || !job->gathered) return false;
    if (!jobs_.empty() && !job->same_rows(*jobs_[0])) return false;
    jobs_.push_back(job);
    return true;
  }

  // The descriptor is the sweep's own from here on: JavaScript may close the file at any time.
  void start(int fd, uint64_t offset) {
    for (const auto& job : jobs_) job->gathered = false;
    file_ = {duplicate(fd), offset};
  }

  // On a pool thread. The last that is done with this.
  void run() override {
    for (size_t i = 0; i < jobs_.size(); i++) {
      if (!environment_->begin(jobs_[i].get())) continue;
      steps_.push_back(jobs_[i]->step());
      std::swap(jobs_[steps_.size() - 1], jobs_[i]);
    }
    if (!steps_.empty()) work();
    delete this;
  }

 private:
  void work() {
    // All have one signal: what stops the first stops the others.
    if (file_.fd < 0) {
      for (Step& step : steps_) step.outcome = {Outcome::kUnread, 0};
    } else {
      execute_from(file_, steps_.data(), steps_.size(), jobs_[0]->threads(), &jobs_[0]->cancel);
    }
    for (size_t i = 0; i < steps_.size(); i++) environment_->end(jobs_[i].get(), steps_[i].outcome);
  }

  std::shared_ptr<Environment> environment_;
  std::vector<std::shared_ptr<AsyncJob>> jobs_;  // those that run come first
  std::vector<Step> steps_;
  FileRange file_ = {-1, 0};
};

}  // namespace

napi_value sweep(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  Environment* environment = Environment::of(env);
  Array<double> tickets;
  int64_t fd, offset;
  if (environment == nullptr || !get_doubles(env, arguments[0], &tickets) || tickets.length == 0)
    return to_value(env, Status::kUnknownTicket);
  if (!get_integer(env, arguments[1], 0, INT32_MAX, &fd) ||
      !get_integer(env, arguments[2], 0, kMostExact, &offset))
    return to_value(env, Status::kBadInput);
  auto task = std::make_unique<Sweep>(environment->shared_from_this(), tickets.length);
  for (size_t i = 0; i < tickets.length; i++) {
    int64_t ticket;
    if (!to_integer(tickets.data[i], 1, kMostExact, &ticket) ||
        !task->add(environment->hold(static_cast<uint64_t>(ticket))))
      return to_value(env, Status::kUnknownTicket);
  }
  task->start(static_cast<int>(fd), static_cast<uint64_t>(offset));
  Sweep* const ready = task.release();
  if (!enqueue(ready)) ready->run();  // no thread to be had: here and now
  return to_value(env, Status::kOk);
}

}  // namespace softlane
