// The local users that lb-logd met, from the system's user database. Asking it may take long, so
// threads aside do it and nobody who asks here is kept waiting: of a user who is known already the
// last answer holds meanwhile.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "common/env/env.h"
#include "logd/daemon/source_policy.h"

namespace lb::logd {

class UserDirectory {
  public:
    using LookUp = std::function<Result<LocalUser>(uid_t uid)>;

    // What was heard longer ago is asked again.
    static constexpr std::uint64_t kFreshUs = 60'000'000;
    static constexpr std::size_t kUsersMax = 4096;
    // Asked about at once: a user whom a distant directory is slow to know holds up no local one.
    static constexpr std::size_t kThreads = 4;

    // `on_known` is called in such a thread when somebody became known.
    UserDirectory(env::Env& env, std::function<void()> on_known, LookUp look_up = look_up_user);
    ~UserDirectory();
    UserDirectory(const UserDirectory&) = delete;
    UserDirectory& operator=(const UserDirectory&) = delete;

    // As he was heard of last; nothing until the first answer about him. When that was that the
    // system could not tell, he has no name.
    std::optional<LocalUser> user_of(uid_t uid);

  private:
    struct Known {
        std::optional<LocalUser> user;
        std::uint64_t asked_at_us = 0;  // monotonic
        bool is_being_asked = false;
    };

    void run();
    void learn(uid_t uid, Result<LocalUser> answer);

    env::Env& env_;
    const std::function<void()> on_known_;
    const LookUp look_up_;
    std::mutex mutex_;  // guards what is below
    std::condition_variable wake_;
    std::unordered_map<uid_t, Known> known_;
    std::deque<uid_t> to_ask_;
    bool is_ending_ = false;
    std::array<std::thread, kThreads> threads_;
};

}  // namespace lb::logd
