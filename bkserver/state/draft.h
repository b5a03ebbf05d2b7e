// A status in the making: one value per attribute, given out in the order of kAttributes.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "bkserver/state/attributes.h"
#include "bkserver/state/engine.h"

namespace lb::state {

class Draft {
  public:
    // An empty text or a null value takes the attribute away.
    void set(Attr attribute, std::string_view text);
    void set(Attr attribute, bool value) { values_[attribute.index] = value; }
    void set(Attr attribute, std::int64_t value) { values_[attribute.index] = value; }
    void set_json(std::size_t index, nlohmann::ordered_json value) {
        values_[index] = std::move(value);
    }
    void set_time(Attr attribute, std::int64_t time_us);
    [[nodiscard]] const nlohmann::ordered_json& get(Attr attribute) const {
        return values_[attribute.index];
    }
    [[nodiscard]] bool has(Attr attribute) const { return !get(attribute).is_null(); }

    // The process enters a state at an event's time. A state that it is in already changes nothing.
    void enter(MainState state, std::int64_t time_us);
    // A state that no event brought about.
    void set_state_without_time(MainState state) { state_ = state; }
    // lastUpdateTime.
    void update(std::int64_t time_us);

    [[nodiscard]] MainState state() const { return state_; }
    [[nodiscard]] std::int64_t entered_us() const { return entered_us_; }
    [[nodiscard]] std::int64_t updated_us() const { return updated_us_; }

    // All attributes that have a value, the state and its times included.
    [[nodiscard]] nlohmann::ordered_json finish() const;

  private:
    static constexpr std::size_t kStates = 12;
    std::array<nlohmann::ordered_json, kAttributeCount> values_;
    std::array<std::int64_t, kStates> enter_times_{};
    std::array<bool, kStates> was_entered_{};
    MainState state_ = MainState::kUndefined;
    std::int64_t entered_us_ = 0;
    std::int64_t updated_us_ = 0;
    bool has_update_ = false;
};

}  // namespace lb::state
