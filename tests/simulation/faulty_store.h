// A database that fails when it is told to: any verb, a commit that happened all the same, or the
// death of its server in the middle of a transaction. What lies behind is a real one.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "bkserver/store/store.h"
#include "tests/simulation/world.h"

namespace lb::test {

class FaultyStore final : public store::Database {
  public:
    // `inner` outlives it.
    FaultyStore(store::Database& inner, Bug bug) : inner_(inner), bug_(bug) {}

    Result<std::unique_ptr<store::Writer>> open_writer(std::uint32_t lane) override;
    Result<std::unique_ptr<store::Reader>> open_reader() override { return inner_.open_reader(); }

    // After so many verbs one fails and its transaction is gone; but a commit may have happened.
    void fail_after(std::uint32_t verbs, bool is_commit_done) {
        is_commit_done_ = is_commit_done;
        fails_after_ = verbs;
    }
    // After so many verbs the server dies: every verb fails from then on. When that verb is a
    // commit it happens, and nobody learns of it.
    void die_after(std::uint32_t verbs) { dies_after_ = verbs; }
    [[nodiscard]] bool is_dead() const { return is_dead_; }
    // Called once, when it dies, in the thread that uses it.
    std::function<void()> on_death;

    // What becomes of the next verb of a writer.
    struct Fate {
        bool is_failing = false;
        bool is_done_all_the_same = false;
    };
    Fate next_fate(bool is_commit);
    [[nodiscard]] Bug bug() const { return bug_; }
    // The server dies of this event, again and again.
    [[nodiscard]] bool chokes_on(const store::Event& event);

  private:
    store::Database& inner_;
    const Bug bug_;
    std::atomic<std::uint32_t> fails_after_ = 0;
    std::atomic<std::uint32_t> dies_after_ = 0;
    std::atomic<bool> is_commit_done_ = false;
    std::atomic<bool> is_dead_ = false;
};

}  // namespace lb::test
