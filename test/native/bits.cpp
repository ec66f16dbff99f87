// A hash of results for each call, on the instruction set that this CPU gets by itself: to be
// compared with another CPU's, or with another compiler's build.
//
//   bits [--isa NAME] < calls
#include "operands.h"
#include "program.h"
#include "runtime/execute.h"

namespace softlane {
namespace testing {
namespace {

constexpr size_t kLengths[] = {1, 7, 16, 33, 130, 4097, 12289};

// FNV-1a over words.
class Hash {
 public:
  void add(uint32_t word) {
    for (int i = 0; i < 4; i++, word >>= 8) value_ = (value_ ^ (word & 0xff)) * 0x100000001b3u;
  }
  // One NaN is like another: payloads are not promised.
  void add(float a) { add(a == a ? bits_of(a) : uint32_t{0x7fc00000}); }
  void add(double a) {
    uint64_t bits;
    std::memcpy(&bits, &a, sizeof bits);
    if (a != a) bits = 0;
    add(static_cast<uint32_t>(bits));
    add(static_cast<uint32_t>(bits >> 32));
  }
  void add(Element element, const char* at) {
    const auto one = [&](auto value) {
      std::memcpy(&value, at, sizeof value);
      add(value);
    };
    if (element == Element::kFloat32) return one(0.0f);
    if (element == Element::kFloat64) return one(0.0);
    one(uint32_t{0});
  }
  std::string hex() const {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value_));
    return text;
  }

 private:
  uint64_t value_ = 0xcbf29ce484222325u;
};

std::string hash_of(const Isa& isa, const TestCall& test) {
  Hash hash;
  for (const size_t n : kLengths) {
    for (size_t kind = 0; kind < kRowKinds; kind++) {
      Random random(n * kRowKinds + kind);
      std::vector<float> x(n), y(n);
      fill_row(kind, random, x.data(), n);
      Call call = test.call;
      call.rows = 1, call.cols = call.x_stride = call.y_stride = n;
      const Operator& op = test.of(isa);
      if (!op.valid(call)) continue;
      const Operands operands(op, call, n * kRowKinds + kind);
      call.operands = operands.at();
      // As the runtime does it: with a workspace, and with what is refused told.
      const Outcome outcome = execute(Call(call), isa, x.data(), y.data(), 1, nullptr);
      hash.add(static_cast<uint32_t>(outcome.refused));
      if (outcome.kind != Outcome::kDone) continue;
      for (const Operands::Array& array : operands.arrays()) {
        const Element element = array.operand->element;
        for (size_t i = 0; i < array.bytes.size(); i += element_bytes(element)) {
          hash.add(element, array.bytes.data() + i);
        }
      }
      const size_t width = op.output == Output::kRow ? n : op.output == Output::kNone ? 0 : 1;
      for (size_t i = 0; i < width; i++) {
        if (op.output == Output::kIndex) {
          hash.add(bits_of(y[i]));
        } else {
          hash.add(y[i]);
        }
      }
    }
  }
  return hash.hex();
}

std::string hash_of_functions(const Isa& isa) {
  Hash hash;
  std::vector<float> x, y(1 << 16), z(1 << 16);
  for (uint64_t b = 0; b < uint64_t{1} << 32; b += 65537) {
    x.push_back(float_of(static_cast<uint32_t>(b)));
  }
  isa.exp(x.data(), y.data(), x.size());
  for (const float v : y) hash.add(v);
  isa.log(x.data(), y.data(), x.size());
  for (const float v : y) hash.add(v);
  isa.ext_exp(x.data(), y.data(), z.data(), x.size());
  for (const float v : y) hash.add(v);
  for (const float v : z) hash.add(v);
  return hash.hex();
}

int run(int count, char** values) {
  const std::string only = argument(count, values, "isa", "");
  const Isa& isa = only.empty() ? isa_at(current_isa()) : *isas(only)[0];
  std::printf("{\"isa\":\"%s\",\"hashes\":{\n", isa.name);
  for (const TestCall& call : read_calls()) {
    std::printf("\"%s\":\"%s\",\n", call.text.c_str(), hash_of(isa, call).c_str());
  }
  std::printf("\"functions\":\"%s\"}}\n", hash_of_functions(isa).c_str());
  return 0;
}

}  // namespace
}  // namespace testing
}  // namespace softlane

int main(int count, char** values) { return softlane::testing::run(count, values); }
