#include "logd/daemon/user_directory.h"

#include <utility>

namespace lb::logd {

UserDirectory::UserDirectory(env::Env& env, std::function<void()> on_known, LookUp look_up)
    : env_(env), on_known_(std::move(on_known)), look_up_(std::move(look_up)) {
    for (std::thread& thread : threads_) thread = std::thread([this] { run(); });
}

UserDirectory::~UserDirectory() {
    {
        const std::lock_guard lock(mutex_);
        is_ending_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

std::optional<LocalUser> UserDirectory::user_of(uid_t uid) {
    const std::uint64_t now_us = env_.monotonic_us();
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kUsersMax && !known_.contains(uid)) known_.clear();
    Known& known = known_[uid];
    const bool is_fresh = known.user && now_us - known.asked_at_us < kFreshUs;
    if (!is_fresh && !std::exchange(known.is_being_asked, true)) {
        to_ask_.push_back(uid);
        wake_.notify_one();
    }
    return known.user;
}

void UserDirectory::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return is_ending_ || !to_ask_.empty(); });
        if (is_ending_) return;
        const uid_t uid = to_ask_.front();
        to_ask_.pop_front();
        lock.unlock();
        learn(uid, look_up_(uid));
        lock.lock();
    }
}

// Without an answer what was heard before holds on; of whom nothing was, it is asked again at the
// next occasion.
void UserDirectory::learn(uid_t uid, Result<LocalUser> answer) {
    const std::uint64_t now_us = env_.monotonic_us();
    bool is_first = false;
    {
        const std::lock_guard lock(mutex_);
        Known& known = known_[uid];
        is_first = !known.user;
        known.is_being_asked = false;
        known.asked_at_us = is_first && !answer.ok() ? 0 : now_us;
        if (answer.ok())
            known.user = *std::move(answer);
        else if (is_first)
            known.user = LocalUser{.uid = uid, .name = {}, .groups = {}};
    }
    if (is_first) on_known_();
}

}  // namespace lb::logd
