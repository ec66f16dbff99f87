// Number formats of inputs and outputs. Arithmetic is in float whatever they are.
#pragma once

#include <cstddef>
#include <cstdint>

namespace softlane {

enum class Format : int32_t { kF32, kF16, kBf16 };
constexpr int kFormats = 3;
constexpr const char* kFormatNames[kFormats] = {"f32", "f16", "bf16"};

constexpr size_t size_of(Format format) { return format == Format::kF32 ? 4 : 2; }

}  // namespace softlane
