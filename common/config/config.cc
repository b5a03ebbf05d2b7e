#include "common/config/config.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/base/assert.h"
#include "common/base/quoted.h"
#include "common/base/utf8.h"
#include "common/config/nearest.h"
#include "common/config/toml_file.h"

namespace lb::config {

namespace {

Error wrong(std::string_view place, std::string_view option, std::string_view why) {
    return {ErrorCode::kReject,
            std::string(place) + ": " + std::string(option) + " " + std::string(why)};
}

const Option* find(std::span<const Option> options, std::string_view name) {
    const auto found = std::find_if(options.begin(), options.end(),
                                    [&](const Option& option) { return option.name == name; });
    return found == options.end() ? nullptr : &*found;
}

Error unknown(std::span<const Option> options, std::string_view name, std::string_view place) {
    std::vector<std::string_view> names;
    for (const Option& option : options) names.push_back(option.name);
    const std::string_view guess = nearest(name, names);
    return wrong(place, name,
                 guess.empty() ? "is no option; --print-config lists them"
                               : "is no option; did you mean " + std::string(guess) + "?");
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> items;
    while (!text.empty()) {
        const std::size_t comma = std::min(text.find(','), text.size());
        std::string_view item = text.substr(0, comma);
        text.remove_prefix(std::min(comma + 1, text.size()));
        const std::size_t first = item.find_first_not_of(" \t");
        if (first == std::string_view::npos) continue;
        item = item.substr(first, item.find_last_not_of(" \t") - first + 1);
        items.emplace_back(item);
    }
    return items;
}

std::string toml_text(std::string_view text) {
    return escaped_to_ascii(lb::quoted(text));
}

std::string as_toml(const Option& option, const std::string& text) {
    if (option.kind == Kind::kInteger || option.kind == Kind::kBoolean) return text;
    if (option.kind == Kind::kText) return toml_text(text);
    std::string out = "[";
    for (const std::string& item : split_list(text))
        out += (out.size() > 1 ? ", " : "") + toml_text(item);
    return out + "]";
}

std::pair<std::string_view, std::string_view> split_name(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) return {"", name};
    return {name.substr(0, dot), name.substr(dot + 1)};
}

}  // namespace

Result<Config> Config::load(std::span<const Option> options, const std::string& file,
                            std::span<const Override> overrides) {
    Config config(options);
    for (const Option& option : options)
        config.values_[std::string(option.name)] = option.default_text;
    if (!file.empty()) {
        LB_TRY_ASSIGN(const std::vector<TomlValue> values, read_toml(file));
        for (const TomlValue& value : values) {
            const std::string place = file + ":" + std::to_string(value.line);
            const Option* option = find(options, value.name);
            if (option == nullptr) return unknown(options, value.name, place);
            if (option->kind != value.kind &&
                !(option->kind == Kind::kTextList && value.kind == Kind::kText))
                return wrong(place, value.name, "is of the wrong kind; --print-config shows how");
            LB_TRY(config.set(*option, value.text, place));
        }
    }
    for (const auto& [name, text] : overrides) {
        const Option* option = find(options, name);
        if (option == nullptr) return unknown(options, name, "command line");
        LB_TRY(config.set(*option, text, "command line"));
    }
    return config;
}

Status Config::set(const Option& option, std::string text, std::string_view place) {
    if (option.kind == Kind::kBoolean && text != "true" && text != "false")
        return wrong(place, option.name, "must be true or false");
    if (option.kind == Kind::kInteger) {
        const auto number = parse_integer(text);
        if (!number) return wrong(place, option.name, "must be a whole number");
        if (*number < option.least || *number > option.greatest)
            return wrong(place, option.name,
                         "must be between " + std::to_string(option.least) + " and " +
                             std::to_string(option.greatest));
    }
    values_[std::string(option.name)] = std::move(text);
    return {};
}

const std::string& Config::value(std::string_view name, Kind kind) const {
    const Option* option = find(options_, name);
    LB_ASSERT(option != nullptr && option->kind == kind);
    return values_.find(name)->second;
}

const std::string& Config::text(std::string_view name) const {
    return value(name, Kind::kText);
}

std::int64_t Config::integer(std::string_view name) const {
    return parse_integer(value(name, Kind::kInteger)).value_or(0);
}

bool Config::boolean(std::string_view name) const {
    return value(name, Kind::kBoolean) == "true";
}

std::vector<std::string> Config::list(std::string_view name) const {
    return split_list(value(name, Kind::kTextList));
}

std::string Config::print() const {
    // Options without a table first: in TOML none can follow a table's.
    std::vector<Option> sorted(options_.begin(), options_.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const Option& a, const Option& b) {
        return split_name(a.name).first < split_name(b.name).first;
    });
    std::string out;
    std::string_view section;
    for (const Option& option : sorted) {
        const auto [table, key] = split_name(option.name);
        if (table != section) out += (out.empty() ? "[" : "\n[") + std::string(table) + "]\n";
        section = table;
        out += "# " + std::string(option.help) + (option.is_reloadable ? " (reloadable)" : "") +
               "\n" + std::string(key) + " = " +
               as_toml(option, values_.find(option.name)->second) + "\n";
    }
    return out;
}

std::vector<std::string> Config::fixed_differences(const Config& other) const {
    std::vector<std::string> names;
    for (const Option& option : options_)
        if (!option.is_reloadable &&
            values_.find(option.name)->second != other.values_.find(option.name)->second)
            names.emplace_back(option.name);
    return names;
}

}  // namespace lb::config
