// Some neighbouring columns, for rows/panel.h and those who call it.
#pragma once

#include <cstddef>

#include "format.h"

namespace softlane {

struct Panel {
  Format format;    // of the columns; rows are floats
  size_t inner;     // elements from one element of a column to its next
  size_t elements;  // of each column
  size_t columns;
  size_t stride;  // elements between the starts of two rows
};

}  // namespace softlane
