// A TOML file as a flat list of values; toml++ stays behind this door.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"

namespace lb::config {

struct TomlValue {
    std::string name;  // dotted
    Kind kind = Kind::kText;
    std::string text;  // lists: items with ", " between
    unsigned line = 0;
};

// kReject with file, line and column when it is no TOML, or has a value of a kind no option has.
Result<std::vector<TomlValue>> read_toml(const std::string& file);
Result<std::vector<TomlValue>> parse_toml(std::string_view content, const std::string& file);

}  // namespace lb::config
