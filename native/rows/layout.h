// Where the elements of rows are, when they are not neighbours: down the columns of a tensor, or in
// windows of its planes. The runtime gathers some rows at a time into memory of a thread's own
// (rows/panel.h), so that no kernel knows of it.
#pragma once

#include <cstddef>

namespace softlane {

// Windows of planes of height x width elements; a row is the elements of one, line by line, and its
// number counts windows line by line, plane by plane. Beyond the edges, up to `pad` on each side,
// is -infinity, which every operator that takes windows counts out.
struct Window {
  size_t height = 0, width = 0;
  size_t kernel_height = 0, kernel_width = 0;  // 0: rows are no windows
  size_t step_down = 0, step_right = 0;
  size_t pad_height = 0, pad_width = 0;

  size_t down() const { return steps(height, pad_height, kernel_height, step_down); }
  size_t across() const { return steps(width, pad_width, kernel_width, step_right); }

 private:
  // 0 where the kernel does not fit.
  static size_t steps(size_t size, size_t pad, size_t kernel, size_t step) {
    const size_t padded = size + 2 * pad;
    return size == 0 || padded < kernel ? 0 : (padded - kernel) / step + 1;
  }
};

struct Layout {
  // Rows side by side: element i of row r is at (r / inner * cols + i) * inner + r % inner. The
  // `inner` rows of which the elements alternate are a slab. 0: rows are of neighbouring elements.
  size_t inner = 0;
  Window window;
};

inline size_t side_by_side(const Layout& layout) { return layout.inner == 0 ? 1 : layout.inner; }
inline bool has_windows(const Layout& layout) { return layout.window.kernel_height != 0; }
inline bool is_gathered(const Layout& layout) { return layout.inner > 1 || has_windows(layout); }

}  // namespace softlane
