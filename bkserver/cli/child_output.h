// What a program prints.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace lb::cli {

// Standard output of a program without input; kRetry when it fails, or does not end in time (its
// own message stands on our error stream).
Result<std::string> output_of(const std::vector<std::string>& command);

}  // namespace lb::cli
