// The memory that `memory` gives kernels, and a report of whoever leaves it: what was being done.
#pragma once

#include <unistd.h>

#include <csignal>
#include <utility>

#include "buffers.h"

namespace softlane {
namespace testing {
namespace {

constexpr size_t kLongest = 4200;
constexpr size_t kGapX = 5, kGapY = 3;
constexpr size_t kWidest = 3 * (kLongest + kGapX);

// What is being done, for whoever has to find out why it fails.
struct Now {
  const char* isa = "";
  const char* call = "";
  const char* store = "";
  const char* form = "";
  const char* place = "";
  const char* row = "";
  size_t n = 0;
} now;

void describe(char* text, size_t size) {
  std::snprintf(text, size, "%s on %s: %zu elements (%s), %s, %s, %s", now.call, now.isa, now.n,
                now.row, now.form, now.store, now.place);
}

[[noreturn]] void wrong(const std::string& what) {
  char text[512];
  describe(text, sizeof text);
  fail(std::string(text) + ": " + what);
}

// No bytes may be at no address.
bool same_bytes(const void* a, const void* b, size_t n) {
  return n == 0 || std::memcmp(a, b, n) == 0;
}

struct Buffers {
  Buffer x{kLongest}, y{kLongest}, z{kLongest}, wide_x{kWidest}, wide_y{kWidest};
  Buffer scratch{kScratch}, result{kResultBytes / 4};
  Room state, other_state, workspace, operands[kMostOperands];
  // Whole pages: protected ones on both sides.
  float* const scratch_at = scratch.place<float>(Place::kBeforePage, kScratch);
};
Buffers* buffers;

void on_fault(int, siginfo_t* info, void*) {
  char text[512];
  describe(text, sizeof text);
  std::fprintf(stderr, "%s: a fault at %p", text, info->si_addr);
  std::vector<std::pair<const char*, const Buffer*>> known = {
      {"x", &buffers->x},
      {"y", &buffers->y},
      {"z", &buffers->z},
      {"x", &buffers->wide_x},
      {"y", &buffers->wide_y},
      {"scratch", &buffers->scratch},
      {"result", &buffers->result},
      {"state", buffers->state.buffer()},
      {"state", buffers->other_state.buffer()},
      {"workspace", buffers->workspace.buffer()}};
  for (const Room& operand : buffers->operands) known.push_back({"an operand", operand.buffer()});
  for (const auto& [name, buffer] : known) {
    if (buffer == nullptr || !buffer->has(info->si_addr)) continue;
    std::fprintf(stderr, ", byte %ld of %s, which has %zu", buffer->offset(info->si_addr), name,
                 buffer->length());
  }
  std::fprintf(stderr, "\n");
  _exit(1);
}

void watch_faults() {
  struct sigaction action = {};
  action.sa_sigaction = &on_fault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace
}  // namespace testing
}  // namespace softlane
