#include "bkserver/state/draft.h"

#include <utility>

#include "common/event/time_text.h"

namespace lb::state {

using nlohmann::ordered_json;

void Draft::set(Attr attribute, std::string_view text) {
    values_[attribute.index] = text.empty() ? ordered_json() : ordered_json(std::string(text));
}

void Draft::set_time(Attr attribute, std::int64_t time_us) {
    values_[attribute.index] = event::time_to_text(time_us);
}

void Draft::add_truncated(std::string_view name) {
    ordered_json& names = values_[Attr{"truncated"}.index];
    if (names.is_null()) names = ordered_json::array();
    names.push_back(std::string(name));
}

ordered_json Draft::times_entered() const {
    ordered_json times;
    for (std::size_t s = 0; s < kMainStates; ++s) {
        const auto state = static_cast<MainState>(s);
        if (course_.was_entered(state))
            times[std::string(to_string(state))] = event::time_to_text(course_.time_of(state));
    }
    return times;
}

ordered_json Draft::take(std::size_t index) {
    switch (index) {
        case Attr{"state"}.index:
            return std::string(to_string(course_.state()));
        case Attr{"stateEnterTime"}.index:
            if (!course_.was_entered(course_.state())) return {};
            return event::time_to_text(course_.entered_us());
        case Attr{"lastUpdateTime"}.index:
            if (!course_.has_update()) return {};
            return event::time_to_text(course_.updated_us());
        case Attr{"stateEnterTimes"}.index:
            return times_entered();
        default:
            return std::move(values_[index]);
    }
}

ordered_json Draft::finish() && {
    // Each name comes once: looking for it among those before would take longer than all else.
    ordered_json::object_t all;
    all.reserve(kAttributeCount);
    for (std::size_t i = 0; i < kAttributeCount; ++i)
        if (ordered_json value = take(i); !value.is_null())
            all.emplace_back(std::string(kAttributes[i].name), std::move(value));
    return all;
}

}  // namespace lb::state
