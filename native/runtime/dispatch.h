// Which instruction set the kernels run with: those compiled in, those usable here, the current
// one.
#pragma once

#include "../isa/table.h"

namespace softlane {

// Compiled in, best first; the index is what the binding and the spec carry.
int isa_count();
const Isa& isa_at(int index);

// True when this CPU has the instructions and the OS saves the registers.
bool isa_usable(int index);

// The process-wide choice; at first the best usable one.
int current_isa();
bool set_current_isa(int index);

}  // namespace softlane
