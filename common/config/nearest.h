// The word of a list that a misspelt one most likely meant.
#pragma once

#include <span>
#include <string_view>

namespace lb::config {

// Empty when nothing is near (more than a third of the letters differ).
std::string_view nearest(std::string_view word, std::span<const std::string_view> words);

}  // namespace lb::config
