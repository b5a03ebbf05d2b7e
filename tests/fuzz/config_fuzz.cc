// Configuration files and names of databases: refused with a line, or read; what was read prints as
// a file that says the same.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "bkserver/store/mariadb/dsn.h"
#include "common/base/assert.h"
#include "common/config/config.h"
#include "common/config/toml_file.h"

namespace {

using namespace lb::config;

constexpr Option kOptions[] = {
    {"text", Kind::kText, "", "a text"},
    {"number", Kind::kInteger, "5", "a number", 1, 100},
    {"is_on", Kind::kBoolean, "true", "a choice"},
    {"table.list", Kind::kTextList, "a, b", "a list"},
};

lb::Result<Config> config_of(const std::vector<TomlValue>& values) {
    std::vector<Override> given;
    for (const TomlValue& value : values) given.emplace_back(value.name, value.text);
    return Config::load(kOptions, "", given);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)lb::store::mariadb::Dsn::parse(text);
    const auto values = parse_toml(text, "fuzz.toml");
    if (!values.ok()) return 0;
    const auto config = config_of(*values);
    if (!config.ok()) return 0;
    const auto printed = parse_toml(config->print(), "printed.toml");
    LB_ASSERT(printed.ok());
    const auto again = config_of(*printed);
    LB_ASSERT(again.ok() && again->print() == config->print());
    return 0;
}
