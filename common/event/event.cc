#include "common/event/event.h"

#include <algorithm>

namespace lb::event {

namespace {

// Index of the field called `name` in the table of `type`, or -1.
int index_of(std::uint16_t type, std::string_view name) {
    const TypeInfo* info = find_type(type);
    if (info == nullptr) return -1;
    for (std::size_t i = 0; i < info->fields.size(); ++i)
        if (info->fields[i].name == name) return static_cast<int>(i);
    return -1;
}

}  // namespace

std::string_view Event::text(std::string_view name) const {
    const int index = index_of(type, name);
    for (const FieldValue& field : fields)
        if (field.index == index) return field.text;
    return {};
}

bool Event::set_text(std::string_view name, std::string text) {
    const int index = index_of(type, name);
    if (index < 0) return false;
    const auto place =
        std::lower_bound(fields.begin(), fields.end(), index,
                         [](const FieldValue& field, int wanted) { return field.index < wanted; });
    const bool is_present = place != fields.end() && place->index == index;
    if (text.empty()) {
        if (is_present) fields.erase(place);
    } else if (is_present) {
        place->text = std::move(text);
    } else {
        fields.insert(place, {static_cast<std::uint8_t>(index), std::move(text)});
    }
    return true;
}

}  // namespace lb::event
