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

void Draft::enter(MainState state, std::int64_t time_us) {
    if (state == state_ && was_entered_[static_cast<std::size_t>(state)]) return;
    state_ = state;
    entered_us_ = time_us;
    enter_times_[static_cast<std::size_t>(state)] = time_us;
    was_entered_[static_cast<std::size_t>(state)] = true;
}

void Draft::update(std::int64_t time_us) {
    updated_us_ = time_us;
    has_update_ = true;
}

ordered_json Draft::finish() const {
    ordered_json all = ordered_json::object();
    for (std::size_t i = 0; i < kAttributeCount; ++i) {
        const std::string name(kAttributes[i].name);
        if (name == "state") {
            all[name] = std::string(to_string(state_));
        } else if (name == "stateEnterTime") {
            if (was_entered_[static_cast<std::size_t>(state_)])
                all[name] = event::time_to_text(entered_us_);
        } else if (name == "lastUpdateTime") {
            if (has_update_) all[name] = event::time_to_text(updated_us_);
        } else if (name == "stateEnterTimes") {
            ordered_json times = ordered_json::object();
            for (std::size_t s = 0; s < kStates; ++s)
                if (was_entered_[s])
                    times[std::string(to_string(static_cast<MainState>(s)))] =
                        event::time_to_text(enter_times_[s]);
            if (!times.empty()) all[name] = std::move(times);
        } else if (!values_[i].is_null()) {
            all[name] = values_[i];
        }
    }
    return all;
}

}  // namespace lb::state
