// The arrays of a call beside x and y: examples of those that are read, room for those that are
// written. Some of those that may be left out are.
#pragma once

#include <algorithm>

#include "rows.h"

namespace softlane {
namespace testing {

class Operands {
 public:
  struct Array {
    const Operand* operand;
    bool given;
    size_t row_bytes;  // 0 for one that all rows share
    std::vector<char> bytes;

    size_t bytes_of(size_t rows) const {
      return row_bytes == 0 ? bytes.size() : std::min(bytes.size(), rows * row_bytes);
    }
  };

  // For a call that has its shape.
  Operands(const Operator& op, const Call& call, uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < op.operand_count; i++) {
      const Operand& operand = op.operands[i];
      size_t length;
      if (!operand_length(operand, call, &length)) fail("expected an operand of some length");
      const size_t size = element_bytes(operand.element), width = operand.width(call);
      const bool given = !operand.optional || random.below(3) > 0;
      arrays_.push_back({&operand, given, operand.shared ? 0 : width * size, {}});
      arrays_.back().bytes.resize(given ? length * size : 0);
      if (given && !operand.written) fill(arrays_.back(), width, call.cols, random);
    }
    for (Array& array : arrays_) at_.push_back(array.given ? array.bytes.data() : nullptr);
  }

  const std::vector<Array>& arrays() const { return arrays_; }
  // As a call has them.
  void* const* at() const { return at_.data(); }

 private:
  // Indices of columns, bits, or positive numbers of which a row has a sum of 1.
  static void fill(Array& array, size_t width, size_t cols, Random& random) {
    const size_t size = element_bytes(array.operand->element), length = array.bytes.size() / size;
    std::vector<double> row(width);
    for (size_t i = 0; i < length; i++) {
      if (i % width == 0) {
        double sum = 0;
        for (double& v : row) sum += v = static_cast<double>(random.uniform(0.1f, 1));
        for (double& v : row) v /= sum;
      }
      char* to = array.bytes.data() + i * size;
      const auto put = [to](auto value) { std::memcpy(to, &value, sizeof value); };
      switch (array.operand->element) {
        case Element::kInt32:
          put(static_cast<int32_t>(random.below(std::max<size_t>(cols, 1))));
          break;
        case Element::kUint32:
          put(random.next() << 1 ^ random.next());
          break;
        case Element::kFloat32:
          put(static_cast<float>(row[i % width]));
          break;
        case Element::kFloat64:
          put(row[i % width]);
          break;
      }
    }
  }

  std::vector<Array> arrays_;
  std::vector<void*> at_;
};

// Whether two results are the same: one NaN is like another, as payloads are not promised.
inline bool same_elements(Element element, const char* a, const char* b, size_t bytes) {
  const auto all = [=](auto one) {
    decltype(one) p, q;
    for (size_t i = 0; i < bytes; i += sizeof one) {
      std::memcpy(&p, a + i, sizeof p), std::memcpy(&q, b + i, sizeof q);
      const bool nan = p != p && q != q;
      if (!nan && std::memcmp(a + i, b + i, sizeof one) != 0) return false;
    }
    return true;
  };
  if (element == Element::kFloat32) return all(0.0f);
  if (element == Element::kFloat64) return all(0.0);
  return bytes == 0 || std::memcmp(a, b, bytes) == 0;
}

}  // namespace testing
}  // namespace softlane
