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

ordered_json Draft::finish() const {
    ordered_json all = ordered_json::object();
    for (std::size_t i = 0; i < kAttributeCount; ++i) {
        const std::string name(kAttributes[i].name);
        if (name == "state") {
            all[name] = std::string(to_string(course_.state()));
        } else if (name == "stateEnterTime") {
            if (course_.was_entered(course_.state()))
                all[name] = event::time_to_text(course_.entered_us());
        } else if (name == "lastUpdateTime") {
            if (course_.has_update()) all[name] = event::time_to_text(course_.updated_us());
        } else if (name == "stateEnterTimes") {
            ordered_json times = ordered_json::object();
            for (std::size_t s = 0; s < kMainStates; ++s) {
                const auto state = static_cast<MainState>(s);
                if (!course_.was_entered(state)) continue;
                times[std::string(to_string(state))] = event::time_to_text(course_.time_of(state));
            }
            if (!times.empty()) all[name] = std::move(times);
        } else if (!values_[i].is_null()) {
            all[name] = values_[i];
        }
    }
    return all;
}

}  // namespace lb::state
