#include "common/event/table.h"

#include <algorithm>

#include "common/base/ascii.h"
#include "common/event/generated_table.h"

namespace lb::event {

std::span<const TypeInfo> types() {
    return generated::kTypes;
}

const TypeInfo* find_type(std::uint16_t code) {
    const auto found = std::lower_bound(
        generated::kTypes.begin(), generated::kTypes.end(), code,
        [](const TypeInfo& type, std::uint16_t wanted) { return type.code < wanted; });
    return found != generated::kTypes.end() && found->code == code ? &*found : nullptr;
}

const TypeInfo* find_type(std::string_view name) {
    for (const TypeInfo& type : generated::kTypes)
        if (equal_ignoring_case(type.name, name)) return &type;
    return nullptr;
}

std::span<const std::string_view> source_names() {
    return generated::kSourceNames;
}
std::span<const std::string_view> level_names() {
    return generated::kLevelNames;
}
std::span<const std::string_view> process_type_names() {
    return generated::kProcessTypeNames;
}

}  // namespace lb::event
