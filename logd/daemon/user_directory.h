// The local users that lb-logd met, from the system's user database. Asking it may take long: a
// user who is known already is never waited for, but asked about again in a thread aside.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
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

    explicit UserDirectory(env::Env& env, LookUp look_up = look_up_user);
    ~UserDirectory();
    UserDirectory(const UserDirectory&) = delete;
    UserDirectory& operator=(const UserDirectory&) = delete;

    // As he was heard of last. The first time it asks and waits; without an answer he has no name.
    LocalUser user_of(uid_t uid);

  private:
    struct Known {
        LocalUser user;
        std::uint64_t asked_at_us = 0;  // monotonic
        bool is_being_asked = false;
    };

    void run();

    env::Env& env_;
    const LookUp look_up_;
    std::mutex mutex_;  // guards what is below
    std::condition_variable wake_;
    std::unordered_map<uid_t, Known> known_;
    std::deque<uid_t> to_ask_;
    bool is_ending_ = false;
    std::thread thread_;
};

}  // namespace lb::logd
