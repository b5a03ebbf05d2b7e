// A site of virtual machines in virtual time: what happens to them, who says so, and when it is
// heard. It knows the truth: the state that each machine is in, and the disagreements that it made.
//
// Every machine does one thing at a time. Hosts and the manager tell of it each on their own; words
// take up to 20 s, come in any order, some twice. Now and then a party says nothing, or something
// wrong, for longer than the grace time: a disagreement that was made. Hosts fall silent for
// minutes, with what they have seen meanwhile, or die with their machines.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/event_builder.h"

namespace lb::test {

class MachinePark {
  public:
    static constexpr double kStepSeconds = 10;

    struct Truth {
        std::string id;
        std::string vm_state;
        std::string host;  // as the status shows it; empty: none
    };

    struct Size {
        int machines = 0;
        int hosts = 0;
    };

    // Seeded: the same seed is the same story, whenever it begins (in seconds after kNoon) and
    // however fast it is told.
    MachinePark(std::string service, Size size, double begin, unsigned seed);

    // Lets one step pass. In a calm nothing new begins, what was begun comes to its end.
    void pass(bool is_calm);
    // What is heard by now and was not before.
    std::vector<book::Arrived> take_heard();
    // The loggers that are not silent now.
    [[nodiscard]] std::vector<std::string> loggers_heard() const;
    // Seconds after kNoon.
    [[nodiscard]] double now() const { return now_; }
    // Nothing is under way, nothing unheard but heartbeats, nobody silent.
    [[nodiscard]] bool is_at_rest() const;

    [[nodiscard]] std::vector<Truth> truth() const;
    // How often a disagreement, or "stale", was made of a machine: by name and id.
    using Disagreements = std::map<std::pair<std::string, std::string>, int>;
    [[nodiscard]] const Disagreements& made() const { return made_; }
    void forget_made() { made_.clear(); }
    // How often each kind of thing was done.
    [[nodiscard]] const std::map<std::string, int>& done() const { return done_; }
    // New machines in place of those that have ended.
    void replace_ended();

  private:
    using E = event::EventType;

    struct Machine {
        std::string id;
        std::string state = "pending";
        int host = -1;       // that it runs on
        int placement = -1;  // that the manager named last
        bool has_guest = false;
        bool is_paused = false;
        bool has_beaten = false;
        bool is_guest_silent = false;
        double idle_from = 0;
        std::vector<int> involved;  // hosts, while it does something
        double beat_at = 0;         // the next heartbeat
    };
    struct Host {
        std::string name;
        bool is_closing = false;  // nothing begins here: it is to fall silent
        bool is_silent = false;
    };
    struct Word {
        int host = -1;  // whose logger has it; -1: the manager's
        double heard_at = 0;
        book::Arrived event;
        bool is_beat = false;
    };
    struct Deed {
        std::string_view name;
        int weight;
        bool (MachinePark::*begin)(Machine& machine, double at);  // false: not with this machine
    };

    void register_machine(Machine& machine);
    void begin_something();
    void beat();
    void close_hosts();
    void fall_silent(int host);
    void crash_unseen(int host, double at, double heard_again);
    void die(int host, double at, double heard_again);
    [[nodiscard]] bool may_fall_silent(int host) const;
    [[nodiscard]] bool is_free(const Machine& machine) const;

    bool start(Machine& machine, double at);
    bool stop(Machine& machine, double at);
    bool crash(Machine& machine, double at);
    bool end(Machine& machine, double at);
    bool pause(Machine& machine, double at);
    bool migrate(Machine& machine, double at);
    bool cancel_migration(Machine& machine, double at);
    bool lose(Machine& machine, double at);
    bool stray(Machine& machine, double at);
    bool misplace(Machine& machine, double at);
    bool split(Machine& machine, double at);
    bool haunt(Machine& machine, double at);
    bool silence_guest(Machine& machine, double at);

    struct Ending {
        const char* reason;
        E managers_word;
        const char* state;
    };
    bool go_down(Machine& machine, double at, const Ending& ending);
    void run_on(Machine& machine, int host, double at);
    void receive(Machine& machine, int host, double at);
    // Calls `act` once the disagreement has been there for long enough.
    void resolve_later(Machine& machine, std::string_view name, double at, double hold,
                       std::function<void(Machine&, double)> act);
    void later(double at, std::function<void(double)> act) { agenda_.emplace(at, std::move(act)); }

    void host_says(const Machine& machine, int host, E type, double at, std::string_view field = {},
                   std::string_view value = {});
    void manager_says(Machine& machine, E type, double at, int host = -1);
    void guest_says(const Machine& machine, int host, E type, double at);
    void say(int host, EventBuilder& built, double at, bool is_beat = false);

    [[nodiscard]] int other_host(const Machine& machine);
    double between(double least, double most);
    int index_of(const Machine& machine) const {
        return static_cast<int>(&machine - machines_.data());
    }
    static const Deed kDeeds[];

    const std::string service_;
    std::mt19937 random_;
    double now_;
    int named_ = 0;
    std::uint64_t counter_ = 0;
    std::vector<Machine> machines_;
    std::vector<Host> hosts_;
    std::vector<Word> unheard_;
    std::multimap<double, std::function<void(double)>> agenda_;
    Disagreements made_;
    std::map<std::string, int> done_;
};

}  // namespace lb::test
