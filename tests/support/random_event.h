// Random events of any type; hostile texts among them.
#pragma once

#include <random>

#include "common/event/event.h"

namespace lb::test {

// With `is_full` every field is set, else each now and then. Texts are UTF-8.
event::Event random_event(const event::TypeInfo& type, std::mt19937& random, bool is_full);

}  // namespace lb::test
