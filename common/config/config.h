// Configuration: one TOML file per daemon, read by a table of options. The table is the only place
// that knows an option: the parser, --print-config, --help and the example file come from it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace lb::config {

enum class Kind : std::uint8_t { kText, kInteger, kBoolean, kTextList };

struct Option {
    std::string_view name;  // dotted TOML key: "spool.segment_bytes_max"
    Kind kind;
    std::string_view default_text;  // as in TOML, strings and lists without quotes: "a, b"
    std::string_view help;          // one line, with the unit
    std::int64_t least = 0;         // of integers
    std::int64_t greatest = INT64_MAX;
    bool is_reloadable = false;  // takes effect at SIGHUP
};

// Name and text of an option, as the command line overrides it.
using Override = std::pair<std::string, std::string>;

// Values of every option of a table. Copies are cheap enough to hand over.
class Config {
  public:
    // `file` empty: defaults and overrides only. kReject names file, line and option; an unknown
    // key names the nearest one that exists.
    static Result<Config> load(std::span<const Option> options, const std::string& file,
                               std::span<const Override> overrides);

    // Asking for an option that is not in the table, or of another kind, is a broken promise.
    [[nodiscard]] const std::string& text(std::string_view name) const;
    [[nodiscard]] std::int64_t integer(std::string_view name) const;
    [[nodiscard]] bool boolean(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> list(std::string_view name) const;

    // The effective configuration as TOML that load() reads, each option with its help.
    [[nodiscard]] std::string print() const;
    // Names of the options that differ and are not reloadable.
    [[nodiscard]] std::vector<std::string> fixed_differences(const Config& other) const;

  private:
    explicit Config(std::span<const Option> options) : options_(options) {}
    Status set(const Option& option, std::string text, std::string_view place);
    [[nodiscard]] const std::string& value(std::string_view name, Kind kind) const;

    std::span<const Option> options_;
    std::map<std::string, std::string, std::less<>> values_;  // canonical texts
};

}  // namespace lb::config
