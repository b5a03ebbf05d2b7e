#include "logd/daemon/user_directory.h"

#include <utility>

namespace lb::logd {

UserDirectory::UserDirectory(env::Env& env, LookUp look_up)
    : env_(env), look_up_(std::move(look_up)), thread_([this] { run(); }) {}

UserDirectory::~UserDirectory() {
    {
        const std::lock_guard lock(mutex_);
        is_ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

LocalUser UserDirectory::user_of(uid_t uid) {
    const std::uint64_t now_us = env_.monotonic_us();
    std::unique_lock lock(mutex_);
    if (const auto found = known_.find(uid); found != known_.end()) {
        Known& known = found->second;
        if (now_us - known.asked_at_us >= kFreshUs && !std::exchange(known.is_being_asked, true)) {
            to_ask_.push_back(uid);
            wake_.notify_one();
        }
        return known.user;
    }
    lock.unlock();
    auto answer = look_up_(uid);
    LocalUser user;
    user.uid = uid;
    if (answer.ok()) user = *std::move(answer);
    lock.lock();
    if (known_.size() >= kUsersMax) known_.clear();
    known_[uid] = {user, answer.ok() ? now_us : 0, false};
    return user;
}

void UserDirectory::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return is_ending_ || !to_ask_.empty(); });
        if (is_ending_) return;
        const uid_t uid = to_ask_.front();
        to_ask_.pop_front();
        lock.unlock();
        auto answer = look_up_(uid);
        const std::uint64_t now_us = env_.monotonic_us();
        lock.lock();
        const auto found = known_.find(uid);
        if (found == known_.end()) continue;
        // Without an answer what was heard before holds on.
        if (answer.ok()) found->second.user = *std::move(answer);
        found->second.asked_at_us = now_us;
        found->second.is_being_asked = false;
    }
}

}  // namespace lb::logd
