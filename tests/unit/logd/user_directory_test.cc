// Users whose database takes its time, or does not answer.
#include "logd/daemon/user_directory.h"

#include <catch2/catch.hpp>
#include <future>

#include "tests/support/sim_disk.h"

using namespace lb;
using namespace lb::test;

namespace {

constexpr uid_t kAlice = 1000;

struct Database {
    Result<logd::LocalUser> look_up(uid_t uid) {
        const std::lock_guard lock(mutex);
        if (is_away) return Error{ErrorCode::kRetry, "no answer"};
        return logd::LocalUser{uid, "alice", {group}};
    }

    std::mutex mutex;  // held: it takes its time
    bool is_away = false;
    std::string group = "users";
};

}  // namespace

TEST_CASE("who is known is not waited for, and what is new comes later") {
    SimDisk disk(1);
    SimClock clock;
    SimEnv env(disk, clock);
    Database database;
    logd::UserDirectory users(env, [&](uid_t uid) { return database.look_up(uid); });
    CHECK(users.user_of(kAlice).text() == "uid:1000(alice)");
    {
        const std::lock_guard is_slow(database.mutex);
        database.group = "admins";
        clock.monotonic_us += logd::UserDirectory::kFreshUs;
        for (int i = 0; i < 3; ++i) CHECK(users.user_of(kAlice).groups.at(0) == "users");
    }
    for (int i = 0; i < 1000 && users.user_of(kAlice).groups.at(0) == "users"; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    CHECK(users.user_of(kAlice).groups.at(0) == "admins");
}

TEST_CASE("a database that does not answer takes nobody's name away") {
    SimDisk disk(1);
    SimClock clock;
    clock.monotonic_us = logd::UserDirectory::kFreshUs;
    SimEnv env(disk, clock);
    Database database;
    std::promise<void> asked_again;
    int asked = 0;
    logd::UserDirectory users(env, [&](uid_t uid) {
        if (++asked == 3) asked_again.set_value();
        return database.look_up(uid);
    });
    CHECK(users.user_of(kAlice).name == "alice");
    database.is_away = true;
    CHECK(users.user_of(kAlice + 1).text() == "uid:1001");
    clock.monotonic_us += logd::UserDirectory::kFreshUs;
    CHECK(users.user_of(kAlice).name == "alice");
    asked_again.get_future().wait();
    CHECK(users.user_of(kAlice).name == "alice");
}
