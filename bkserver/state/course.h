// The states of a process in the order in which it entered them, with event times.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "bkserver/state/engine.h"
#include "bkserver/state/steps.h"

namespace lb::state {

inline constexpr std::size_t kMainStates = 12;

// `is_failed`: Done, but with a failure.
constexpr Standing standing_of(MainState state, bool is_failed) {
    switch (state) {
        case MainState::kRunning:
            return Standing::kRunning;
        case MainState::kDone:
            return is_failed ? Standing::kRest : Standing::kDone;
        case MainState::kAborted:
            return Standing::kAborted;
        case MainState::kCleared:
            return Standing::kCleared;
        case MainState::kCancelled:
            return Standing::kCancelled;
        case MainState::kUndefined:
        case MainState::kSubmitted:
        case MainState::kWaiting:
        case MainState::kReady:
        case MainState::kScheduled:
        case MainState::kUnknown:
        case MainState::kPurged:
            return Standing::kRest;
    }
    return Standing::kRest;
}

class Course {
  public:
    // The process enters a state at an event's time. A state that it is in already moves nothing.
    void enter(MainState state, std::int64_t time_us, bool is_failed = false,
               VmWord vm_word = VmWord::kNone) {
        const Step step{time_us, standing_of(state, is_failed), vm_word};
        if (!step.stands_like(steps_.empty() ? Step() : steps_.back())) steps_.push_back(step);
        if (state == state_ && was_entered(state)) return;
        state_ = state;
        entered_us_ = time_us;
        note(state, time_us);
        moves_.push_back({time_us, state});
    }
    // Whether the present Done is a good one is known in the end only, for some types.
    void judge_done(bool is_failed) {
        if (state_ == MainState::kDone && !steps_.empty())
            steps_.back().standing = standing_of(state_, is_failed);
    }
    // A time for stateEnterTimes of a state that it is not in any more.
    void note(MainState state, std::int64_t time_us) {
        times_[static_cast<std::size_t>(state)] = time_us;
        was_entered_[static_cast<std::size_t>(state)] = true;
    }
    // A state that no event brought about.
    void set_state_without_time(MainState state) { state_ = state; }
    // lastUpdateTime.
    void update(std::int64_t time_us) {
        updated_us_ = time_us;
        has_update_ = true;
    }

    [[nodiscard]] MainState state() const { return state_; }
    [[nodiscard]] std::int64_t entered_us() const { return entered_us_; }
    [[nodiscard]] std::int64_t updated_us() const { return updated_us_; }
    [[nodiscard]] bool has_update() const { return has_update_; }
    [[nodiscard]] bool was_entered(MainState state) const {
        return was_entered_[static_cast<std::size_t>(state)];
    }
    // When the state was entered last; 0 when it never was.
    [[nodiscard]] std::int64_t time_of(MainState state) const {
        return times_[static_cast<std::size_t>(state)];
    }
    [[nodiscard]] const std::vector<Move>& moves() const { return moves_; }
    [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }

  private:
    std::array<std::int64_t, kMainStates> times_{};
    std::array<bool, kMainStates> was_entered_{};
    std::vector<Move> moves_;
    std::vector<Step> steps_;
    MainState state_ = MainState::kUndefined;
    std::int64_t entered_us_ = 0;
    std::int64_t updated_us_ = 0;
    bool has_update_ = false;
};

}  // namespace lb::state
