#include "bkserver/state/sequence.h"

#include <algorithm>
#include <limits>

namespace lb::state {

void Census::enter(const Step& step) {
    ++all_;
    ++standings_[static_cast<std::size_t>(step.standing)];
    ++words_[static_cast<std::size_t>(step.vm_word)];
    has_begun_ = has_begun_ || step.standing != Standing::kRest;
}

void Census::leave(const Step& step) {
    --all_;
    --standings_[static_cast<std::size_t>(step.standing)];
    --words_[static_cast<std::size_t>(step.vm_word)];
}

Sequence::Sequence(const Course& own, std::span<const Child> children) {
    std::int64_t begin_us = std::numeric_limits<std::int64_t>::min();
    for (const Move& move : own.moves()) {
        // A course runs by keys: a logical clock may put a later event before an earlier one.
        begin_us = std::max(begin_us, move.time_us);
        moments_.push_back({begin_us, move.state, false, {}, {}});
    }
    if (!own.moves().empty()) begin_us = own.moves().front().time_us;
    for (const Child& child : children) add_child(child, std::max(begin_us, child.since_us));
    std::stable_sort(moments_.begin(), moments_.end(),
                     [](const Moment& a, const Moment& b) { return a.time_us < b.time_us; });
}

void Sequence::add_child(const Child& child, std::int64_t begin_us) {
    Moment moment{begin_us, MainState::kUndefined, true, {}, {}};
    moments_.push_back(moment);
    moment.is_first = false;
    for (const Step& step : child.steps) {
        moment.time_us = std::max(moment.time_us, step.time_us);
        moment.before = moment.after;
        moment.after = step;
        moments_.push_back(moment);
    }
}

bool Sequence::next() {
    if (place_ == moments_.size()) return false;
    time_us_ = moments_[place_].time_us;
    for (; place_ < moments_.size() && moments_[place_].time_us == time_us_; ++place_) {
        const Moment& moment = moments_[place_];
        if (moment.own_state != MainState::kUndefined) {
            own_state_ = moment.own_state;
            continue;
        }
        if (!moment.is_first) census_.leave(moment.before);
        census_.enter(moment.after);
    }
    return true;
}

}  // namespace lb::state
