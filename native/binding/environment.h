// Asynchronous calls of one Node environment (the main thread's or a worker's).
//
// An environment can end at any moment, with work in flight. So its state is shared by the
// environment, its cleanup hook and every job, and lives until the last of them lets go; `dead`,
// set by the hook under the mutex that is also held while the event loop is woken, says that the
// environment is not to be touched again; and the hook waits for jobs that work in memory the
// environment gave them.
#pragma once

#include <node_api.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "../runtime/memory.h"
#include "../runtime/pieces.h"
#include "../runtime/pool.h"
#include "spec.h"

namespace softlane {

class Environment;

class AsyncJob final : public Task {
 public:
  enum class Stage { kQueued, kRunning, kSettled, kDelivered };

  AsyncJob(std::shared_ptr<Environment> environment, uint64_t ticket)
      : environment_(std::move(environment)), ticket(ticket) {}

  // Copies the input of a checked call, or takes it as it is where that is safe or it is in a file;
  // sees to the output.
  bool prepare(const Checked& checked, bool x_stays, bool y_stays);

  // Copies the results to y and to the operands that are written, all of them checked.
  void deliver_to(void* y, void* const* operands) const;

  void drop_memory();

  // Of JavaScript's objects, on its thread.
  void let_go(napi_env env);

  // On a pool thread.
  void run() override;

  // For rows of a file (sweep.cpp): what is to be done, and by how many threads.
  Step step() const { return {call_, isa_, y_, {Outcome::kDone, 0}}; }
  int threads() const { return threads_; }
  bool same_rows(const AsyncJob& other) const {
    return call_.rows == other.call_.rows && call_.cols == other.call_.cols &&
           call_.x_format == other.call_.x_format;
  }

 private:
  std::shared_ptr<Environment> environment_;

 public:
  const uint64_t ticket;
  bool borrows = false;      // works in memory of JavaScript's
  bool writes_to_y = false;  // there is nothing to copy at the end
  bool gathered = false;     // waits for the sweep that it is to be part of
  const Operator* op = nullptr;
  size_t y_needed = 0;  // elements of the caller's output
  Format y_format() const { return call_.y_format; }
  Operands operands;  // in operand_memory_; as many as the operator has
  napi_ref references[2] = {nullptr, nullptr};
  std::shared_ptr<AsyncJob> self;  // the pool's hold on it

  // Under the environment's mutex.
  Stage stage = Stage::kQueued;
  Outcome outcome = {Outcome::kDone, 0};
  AsyncJob* next_settled = nullptr;
  std::atomic<bool> cancel{false};

 private:
  Call call_ = {};
  const Isa* isa_ = nullptr;
  int threads_ = 1;
  size_t y_stride_ = 0;
  const void* x_ = nullptr;
  void* y_ = nullptr;
  Memory input_, output_, operand_memory_;

  bool take_operands(const Checked& checked);
};

class Environment : public std::enable_shared_from_this<Environment> {
 public:
  // Makes the state of an environment; false when that fails.
  static bool create(napi_env env);
  static Environment* of(napi_env env);

  // JavaScript's thread only.
  uint32_t open_channel(napi_env env, napi_value callback);
  bool has_channel(uint64_t ticket) const;
  AsyncJob* find(uint64_t ticket) const;
  std::shared_ptr<AsyncJob> hold(uint64_t ticket) const;
  bool add(napi_env env, const std::shared_ptr<AsyncJob>& job);
  void forget(napi_env env, AsyncJob* job);
  Status abort(AsyncJob* job);
  bool is_delivered(const AsyncJob* job);
  uint32_t pending() const { return pending_; }

  // Rows in pieces (pieces.cpp), by their numbers.
  double add_row(std::unique_ptr<RowInPieces> row) {
    rows_.emplace(next_row_, std::move(row));
    return next_row_++;
  }
  RowInPieces* find_row(double number) const {
    const auto found = rows_.find(number);
    return found == rows_.end() ? nullptr : found->second.get();
  }
  bool close_row(double number) { return rows_.erase(number) > 0; }

  // Pool threads. False: the job is not to run.
  bool begin(AsyncJob* job);
  void end(AsyncJob* job, const Outcome& outcome);

 private:
  struct Channel {
    napi_ref callback;  // weak while nothing is pending
    uint32_t pending;
  };

  bool open_wake(napi_env env);
  void settle(AsyncJob* job, const Outcome& outcome);
  void count(napi_env env, AsyncJob* job, int change);
  void deliver(napi_env env);
  AsyncJob* next_settled();
  void shut_down();
  static void on_wake(napi_env env, napi_value, void* context, void*);

  std::unordered_map<uint64_t, std::shared_ptr<AsyncJob>> jobs_;
  std::vector<Channel> channels_;
  uint32_t pending_ = 0;
  std::unordered_map<double, std::unique_ptr<RowInPieces>> rows_;
  double next_row_ = 1;

  std::mutex mutex_;  // guards what follows, and each job's stage, status and link
  std::condition_variable idle_;
  bool dead_ = false;
  bool waking_ = false;
  napi_threadsafe_function wake_ = nullptr;
  AsyncJob* first_ = nullptr;
  AsyncJob* last_ = nullptr;
};

}  // namespace softlane
