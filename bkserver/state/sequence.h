// What happened to a parent and its children, laid side by side in the order of time: how the
// states of the past are counted, and with them the times of entering (state-model 6).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "bkserver/state/course.h"
#include "bkserver/state/engine.h"

namespace lb::state {

// How many children stand how, at one moment.
class Census {
  public:
    [[nodiscard]] std::size_t all() const { return all_; }
    [[nodiscard]] std::size_t of(Standing standing) const {
        return standings_[static_cast<std::size_t>(standing)];
    }
    [[nodiscard]] std::size_t of(VmWord word) const {
        return words_[static_cast<std::size_t>(word)];
    }
    // Some child has been something else than at rest, now or before.
    [[nodiscard]] bool has_begun() const { return has_begun_; }

    void enter(const Step& step);  // one child more
    void leave(const Step& step);

  private:
    std::array<std::size_t, kStandings> standings_{};
    std::array<std::size_t, kVmWords> words_{};
    std::size_t all_ = 0;
    bool has_begun_ = false;
};

class Sequence {
  public:
    // `own`: the course of the parent by its own events. Nothing of a child counts before the
    // parent began, or before the child joined.
    Sequence(const Course& own, std::span<const Child> children);

    // To the next moment at which anything changed; false at the end.
    bool next();
    [[nodiscard]] std::int64_t time_us() const { return time_us_; }
    [[nodiscard]] MainState own_state() const { return own_state_; }
    [[nodiscard]] const Census& census() const { return census_; }

  private:
    struct Moment {
        std::int64_t time_us = 0;
        MainState own_state = MainState::kUndefined;  // not kUndefined: the parent's own move
        bool is_first = false;                        // of its child
        Step before, after;
    };
    void add_child(const Child& child, std::int64_t begin_us);

    std::vector<Moment> moments_;
    std::size_t place_ = 0;
    std::int64_t time_us_ = 0;
    MainState own_state_ = MainState::kUndefined;
    Census census_;
};

}  // namespace lb::state
