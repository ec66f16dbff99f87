// Files as memory, and what becomes of those that are cut off meanwhile.
//
//   mapped
//
// Prints each scenario as it is played.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "program.h"
#include "runtime/mapped_file.h"

namespace softlane {
namespace testing {
namespace {

constexpr size_t kPage = 4096, kBytes = 3 * kPage + 100;

uint8_t byte_at(size_t i) { return static_cast<uint8_t>(i * 2654435761u >> 24 | 1); }

void expect(bool right, const char* what) {
  if (!right) fail(what);
}

// A file without a name.
struct File {
  int fd;
  File() {
    char name[] = "/tmp/softlane-mapped-XXXXXX";
    fd = mkstemp(name);
    expect(fd >= 0 && unlink(name) == 0, "expected a file in /tmp");
    std::vector<uint8_t> bytes(kBytes);
    for (size_t i = 0; i < kBytes; i++) bytes[i] = byte_at(i);
    expect(write(fd, bytes.data(), kBytes) == static_cast<ssize_t>(kBytes), "expected to write it");
  }
  ~File() { close(fd); }
  void cut(size_t bytes) { expect(ftruncate(fd, static_cast<off_t>(bytes)) == 0, "truncate"); }
};

void bytes_are_those_of_the_file() {
  const File file;
  for (const uint64_t offset : {0, 2, 128, 4096, 5000, 12384}) {
    const size_t bytes = kBytes - offset;
    MappedFile mapped({file.fd, offset}, bytes, 2);
    expect(mapped.data() != nullptr, "a file that is not mapped");
    const MappedFile::Look look(mapped);
    for (size_t i = 0; i < bytes; i++) {
      expect(static_cast<uint8_t>(mapped.data()[i]) == byte_at(offset + i), "another byte");
    }
    expect(mapped.is_good(), "a file that is as it was");
  }
}

void nothing_where_it_cannot_be() {
  File file;
  const auto is_nothing = [](int fd, uint64_t offset, size_t bytes, size_t alignment) {
    return MappedFile({fd, offset}, bytes, alignment).data() == nullptr;
  };
  expect(is_nothing(file.fd, 0, 0, 4), "no bytes");
  expect(is_nothing(file.fd, 2, 100, 4), "floats in the middle of one");
  expect(is_nothing(file.fd, 100, kBytes - 99, 4), "bytes behind its end");
  expect(is_nothing(file.fd, UINT64_MAX - 3, 8, 4), "bytes at no place");
  expect(is_nothing(-1, 0, 8, 4), "no file");
  file.cut(kBytes + (size_t{1} << 20));
  expect(is_nothing(file.fd, 0, kBytes, 4), "a file with a hole");
  int ends[2];
  expect(pipe(ends) == 0 && is_nothing(ends[0], 0, 8, 4), "a pipe");
}

void zeros_where_it_was_cut_off() {
  for (const size_t left : {size_t{0}, kPage, 2 * kPage}) {
    File file;
    MappedFile mapped({file.fd, 128}, kBytes - 128, 4);
    file.cut(left);
    for (int round = 0; round < 2; round++) {
      const MappedFile::Look look(mapped);
      const volatile char* data = mapped.data();
      expect(data[kBytes - 129] == 0, "bytes that are gone");
      expect(!mapped.is_good(), "a file that was cut off");
    }
  }
}

// No page is gone.
void a_few_bytes_that_are_gone() {
  File file;
  MappedFile mapped({file.fd, 0}, kBytes, 4);
  file.cut(kBytes - 1);
  {
    const MappedFile::Look look(mapped);
    expect(static_cast<const volatile char*>(mapped.data())[kBytes - 1] == 0,
           "a byte that is gone");
  }
  expect(!mapped.is_good(), "a file that was cut off");
}

void threads_share_one() {
  File file;
  MappedFile mapped({file.fd, 0}, kBytes, 4);
  file.cut(0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&] {
      const MappedFile::Look look(mapped);
      for (size_t i = 0; i < kBytes; i++) {
        expect(static_cast<const volatile char*>(mapped.data())[i] == 0, "bytes that are gone");
      }
    });
  }
  for (std::thread& t : threads) t.join();
  expect(!mapped.is_good(), "a file that was cut off");
}

// How a process ends that looks, as `look` says, at another file's memory that is gone.
template <class Look>
int end_of(Look look) {
  const pid_t child = fork();
  if (child == 0) {
    File file, other;
    const void* memory = mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, other.fd, 0);
    other.cut(0);
    look(file, static_cast<const volatile char*>(memory));
    std::_Exit(0);
  }
  int status = 0;
  expect(waitpid(child, &status, 0) == child, "expected to wait");
  return status;
}

void others_signals_stay_theirs() {
  const auto died = [](int status) { return !WIFEXITED(status) || WEXITSTATUS(status) != 0; };
  expect(died(end_of([](File& file, const volatile char* other) {
           MappedFile mapped({file.fd, 0}, kBytes, 4);
           const MappedFile::Look look(mapped);
           (void)other[0];
         })),
         "a process that goes on beside memory that is gone");
  expect(died(end_of([](File& file, const volatile char*) {
           MappedFile mapped({file.fd, 0}, kBytes, 4);
           file.cut(0);
           { const MappedFile::Look look(mapped); }
           (void)static_cast<const volatile char*>(mapped.data())[0];
         })),
         "a process that goes on where it should not look any more");
  const int status = end_of([](File& file, const volatile char* other) {
    struct sigaction theirs = {};
    theirs.sa_handler = [](int) { std::_Exit(7); };
    sigaction(SIGBUS, &theirs, nullptr);
    MappedFile mapped({file.fd, 0}, kBytes, 4);
    const MappedFile::Look look(mapped);
    (void)other[0];
  });
  expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "somebody's handler that is not called");
}

int play() {
  const struct {
    const char* name;
    void (*run)();
  } scenarios[] = {
      {"others' signals stay theirs", others_signals_stay_theirs},  // forks: before any thread
      {"bytes are those of the file", bytes_are_those_of_the_file},
      {"nothing where it cannot be", nothing_where_it_cannot_be},
      {"zeros where it was cut off", zeros_where_it_was_cut_off},
      {"a few bytes that are gone", a_few_bytes_that_are_gone},
      {"threads share one", threads_share_one},
  };
  std::printf("{");
  for (const auto& each : scenarios) {
    each.run();
    std::printf("%s\"%s\": 1", &each == scenarios ? "" : ", ", each.name);
  }
  std::printf("}\n");
  return 0;
}

}  // namespace
}  // namespace testing
}  // namespace softlane

int main() { return softlane::testing::play(); }
