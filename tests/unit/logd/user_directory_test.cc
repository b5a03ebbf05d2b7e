// Users whose database takes its time, or does not answer.
#include "logd/daemon/user_directory.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <thread>

#include "tests/support/sim_disk.h"

using namespace lb;
using namespace lb::test;

namespace {

constexpr uid_t kAlice = 1000;

// Far longer than it takes.
template <typename Condition>
void wait_until(Condition is_true) {
    for (int i = 0; i < 1000 && !is_true(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    REQUIRE(is_true());
}

struct Database {
    Result<logd::LocalUser> look_up(uid_t uid) {
        const std::lock_guard lock(mutex);
        ++asked;
        if (is_away) return Error{ErrorCode::kRetry, "no answer"};
        return logd::LocalUser{uid, "alice", {group}};
    }

    std::mutex mutex;  // held: it takes its time
    bool is_away = false;
    std::string group = "users";
    std::atomic<int> asked = 0;
};

struct Desk {
    explicit Desk(logd::UserDirectory::LookUp look_up)
        : users(
              env, [this] { ++known; }, std::move(look_up)) {}
    Desk() : Desk([this](uid_t uid) { return database.look_up(uid); }) {}

    // As soon as there is an answer.
    logd::LocalUser known_user(uid_t uid) {
        wait_until([&] { return users.user_of(uid).has_value(); });
        return *users.user_of(uid);
    }

    SimDisk disk{1};
    SimClock clock;
    SimEnv env{disk, clock};
    Database database;
    std::atomic<int> known = 0;
    logd::UserDirectory users;
};

}  // namespace

TEST_CASE("nobody is waited for, not even the first time") {
    Desk desk;
    {
        const std::lock_guard is_slow(desk.database.mutex);
        CHECK_FALSE(desk.users.user_of(kAlice));
        CHECK_FALSE(desk.users.user_of(kAlice));
        CHECK(desk.known == 0);
    }
    CHECK(desk.known_user(kAlice).text() == "uid:1000(alice)");
    wait_until([&] { return desk.known == 1; });
    CHECK(desk.database.asked == 1);
    {
        const std::lock_guard is_slow(desk.database.mutex);
        desk.database.group = "admins";
        desk.clock.monotonic_us += logd::UserDirectory::kFreshUs;
        for (int i = 0; i < 3; ++i) CHECK(desk.users.user_of(kAlice)->groups.at(0) == "users");
    }
    wait_until([&] { return desk.users.user_of(kAlice)->groups.at(0) == "admins"; });
    CHECK(desk.known == 1);
}

TEST_CASE("who is hard to find keeps nobody else waiting") {
    std::promise<void> found;
    const std::shared_future<void> is_found = found.get_future().share();
    Desk desk([&](uid_t uid) -> Result<logd::LocalUser> {
        if (uid == kAlice) is_found.wait();
        return logd::LocalUser{uid, "somebody", {}};
    });
    CHECK_FALSE(desk.users.user_of(kAlice));
    CHECK(desk.known_user(kAlice + 1).name == "somebody");
    CHECK_FALSE(desk.users.user_of(kAlice));
    found.set_value();
    CHECK(desk.known_user(kAlice).name == "somebody");
}

TEST_CASE("a database that does not answer takes nobody's name away") {
    Desk desk;
    CHECK(desk.known_user(kAlice).name == "alice");
    {
        const std::lock_guard lock(desk.database.mutex);
        desk.database.is_away = true;
    }
    desk.clock.monotonic_us += logd::UserDirectory::kFreshUs;
    CHECK(desk.users.user_of(kAlice)->name == "alice");
    CHECK(desk.known_user(kAlice + 1).text() == "uid:1001");
    wait_until([&] { return desk.database.asked >= 3; });
    CHECK(desk.users.user_of(kAlice)->name == "alice");
}
