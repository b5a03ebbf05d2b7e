// A status in the making: one value per attribute, given out in the order of kAttributes.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "bkserver/state/attributes.h"
#include "bkserver/state/course.h"

namespace lb::state {

class Draft {
  public:
    // An empty text or a null value takes the attribute away.
    void set(Attr attribute, std::string_view text);
    // A truth value only: a text literal must not become one.
    void set(Attr attribute, std::same_as<bool> auto value) { values_[attribute.index] = value; }
    void set(Attr attribute, std::int64_t value) { values_[attribute.index] = value; }
    void set_json(std::size_t index, nlohmann::ordered_json value) {
        values_[index] = std::move(value);
    }
    void set_time(Attr attribute, std::int64_t time_us);
    // Something of this attribute was left out.
    void add_truncated(std::string_view name);
    [[nodiscard]] const nlohmann::ordered_json& get(Attr attribute) const {
        return values_[attribute.index];
    }
    [[nodiscard]] bool has(Attr attribute) const { return !get(attribute).is_null(); }

    // The states it went through: a machine steps the draft's own course or hands in its own.
    [[nodiscard]] Course& course() { return course_; }
    [[nodiscard]] const Course& course() const { return course_; }
    void set_course(Course course) { course_ = std::move(course); }

    // All attributes that have a value, the state and its times included.
    [[nodiscard]] nlohmann::ordered_json finish() &&;

  private:
    // Of the attribute's place in the status; null: none. The course's own are not among `values_`.
    [[nodiscard]] nlohmann::ordered_json take(std::size_t index);
    [[nodiscard]] nlohmann::ordered_json times_entered() const;

    std::array<nlohmann::ordered_json, kAttributeCount> values_;
    Course course_;
};

}  // namespace lb::state
