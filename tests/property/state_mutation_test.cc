// Flips every row of the machines' tables, one by one, and runs the lives of tests/fixtures (cases,
// traces, histories) by the flipped table: a life that does not come out as is written down there
// has noticed. `find` takes the table as an argument, so nothing is compiled again. Survivors are
// printed (.github/CONTRIBUTING.md says how to see them); more than 5 % of them fail.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "bkserver/state/machine.h"
#include "bkserver/state/words.h"
#include "tests/unit/bkserver_state/case_check.h"
#include "tests/unit/bkserver_state/history.h"

namespace lb::test {
namespace {

using state::DataRow;
using state::MainState;
using state::TrackRow;

constexpr double kSurvivorsMax = 0.05;

bool share_tables(const state::Machine& one, const state::Machine& other) {
    return one.track.data() == other.track.data();
}

// A registry in which tables may be changed, for every machine that they are the tables of.
struct Tables {
    std::vector<DataRow> data;
    std::vector<TrackRow> track;
    std::vector<state::Machine> changed;
    std::vector<const state::Machine*> registry;

    explicit Tables(const state::Machine& original)
        : data(original.data.begin(), original.data.end()),
          track(original.track.begin(), original.track.end()) {
        changed.reserve(state::machines().size());
        for (const state::Machine* machine : state::machines())
            if (share_tables(*machine, original))
                registry.push_back(&changed.emplace_back(*machine));
            else
                registry.push_back(machine);
        refresh();
    }
    Tables(const Tables&) = delete;
    void refresh() {
        for (state::Machine& machine : changed) {
            machine.data = data;
            machine.track = track;
        }
    }
};

// A committed life, and whether it comes out as is written down with it.
struct Life {
    std::size_t events = 0;
    std::set<std::uint16_t> event_types;
    std::set<std::uint32_t> process_types;
    std::function<bool(state::Registry)> comes_out;
};

Life life_of(const std::vector<cli::ReplayEvent>& events,
             std::function<bool(state::Registry)> comes_out) {
    Life life{events.size(), {}, {}, std::move(comes_out)};
    cli::Replay replay;
    for (const cli::ReplayEvent& event : events) {
        life.event_types.insert(event.event.type);
        replay.add(event);
    }
    for (const std::string& process : replay.processes())
        life.process_types.insert(replay.registers(process)->type);
    return life;
}

// Short ones first.
std::vector<Life> lives() {
    const char* dir = std::getenv("LB_SOURCE_DIR");
    const std::string root = std::string(dir == nullptr ? "." : dir) + "/tests/fixtures/";
    std::vector<Life> all;
    for (const History& history : read_histories(root + "histories"))
        all.push_back(life_of(history.events("both"), [history](state::Registry registry) {
            return check_ends(history, registry).empty() && check_steps(history, registry).empty();
        }));
    for (const char* directory : {"cases", "traces"})
        for (const Case& one : read_cases(root + directory)) {
            if (one.name.find("--") != std::string::npos) continue;  // permutations of others
            all.push_back(life_of(one.input.events, [one](state::Registry registry) {
                return check_case(one, registry).ok();
            }));
        }
    std::stable_sort(all.begin(), all.end(),
                     [](const Life& a, const Life& b) { return a.events < b.events; });
    return all;
}

bool is_noticed(const std::vector<Life>& all, const Tables& tables, std::uint16_t event) {
    return std::any_of(all.begin(), all.end(), [&](const Life& life) {
        // Rows of every event have type 0.
        if (event != 0 && !life.event_types.contains(event)) return false;
        const bool concerns = std::any_of(tables.changed.begin(), tables.changed.end(),
                                          [&](const state::Machine& machine) {
                                              return life.process_types.contains(machine.type);
                                          });
        return concerns && !life.comes_out(tables.registry);
    });
}

class Mutator {
  public:
    // `lives` outlive it.
    Mutator(const state::Machine& machine, const std::vector<Life>& lives)
        : machine_(machine), lives_(lives) {}

    void flip_track_rows() {
        for (std::size_t i = 0; i < machine_.track.size(); ++i) {
            const TrackRow row = machine_.track[i];
            track("without", i, [&](Tables& t) { t.track.erase(at(t.track, i)); });
            if (row.sources != state::kAny)
                track("from any source", i, [&](Tables& t) { t.track[i].sources = state::kAny; });
            if (row.to != MainState::kUndefined)
                track("moves elsewhere", i, [&](Tables& t) { other_target(t.track[i]); });
            if (row.when != state::kAlways)
                track("without condition", i, [&](Tables& t) { t.track[i].when = state::kAlways; });
        }
    }
    void flip_data_rows() {
        for (std::size_t i = 0; i < machine_.data.size(); ++i) {
            data("without", i, [&](Tables& t) { t.data.erase(at(t.data, i)); });
            data("other value", i, [&](Tables& t) { other_value(t.data[i]); });
            if (machine_.data[i].sources != state::kAny)
                data("from any source", i, [&](Tables& t) { t.data[i].sources = state::kAny; });
            if (machine_.data[i].when != state::kAlways)
                data("without condition", i, [&](Tables& t) { t.data[i].when = state::kAlways; });
        }
    }
    [[nodiscard]] int made() const { return made_; }
    [[nodiscard]] int survived() const { return survived_; }

  private:
    template <typename T>
    static typename std::vector<T>::iterator at(std::vector<T>& list, std::size_t i) {
        return list.begin() + static_cast<std::ptrdiff_t>(i);
    }
    // The rules read roles, the plain machines the target: flip both.
    static void other_target(TrackRow& row) {
        row.to = row.to == MainState::kWaiting ? MainState::kRunning : MainState::kWaiting;
        row.role = row.role == 0 ? 1 : 0;
        row.phase = "mutant";
    }
    static void other_value(DataRow& row) {
        row.value = state::fixed(row.value == state::fixed("false") ? "true" : "mutant");
    }
    void track(const char* what, std::size_t i, const std::function<void(Tables&)>& change) {
        const TrackRow& row = machine_.track[i];
        if (row.role == state::kNothing && row.event == event::EventType::kVMHeartbeat) return;
        run(what, row.event, state::sources_words(row.sources) + " " + state::when_words(row.when),
            change);
    }
    void data(const char* what, std::size_t i, const std::function<void(Tables&)>& change) {
        const DataRow& row = machine_.data[i];
        run(what, row.event, std::string(row.into.attribute.info().name), change);
    }
    void run(const char* what, event::EventType type, const std::string& which,
             const std::function<void(Tables&)>& change) {
        Tables tables(machine_);
        change(tables);
        tables.refresh();
        ++made_;
        if (is_noticed(lives_, tables, static_cast<std::uint16_t>(type))) return;
        ++survived_;
        std::printf("survivor: %s %s %s: %s\n", std::string(machine_.word).c_str(),
                    state::event_word(type).c_str(), which.c_str(), what);
    }

    const state::Machine& machine_;
    const std::vector<Life>& lives_;
    int made_ = 0;
    int survived_ = 0;
};

// "simple, dag, collection"
std::string types_of_tables(const state::Machine& machine) {
    std::string words;
    for (const state::Machine* other : state::machines())
        if (share_tables(*other, machine))
            words.append(words.empty() ? "" : ", ").append(other->word);
    return words;
}

void flip_rows_of(const state::Machine& machine, const std::vector<Life>& all) {
    const std::string types = types_of_tables(machine);
    INFO(types);
    Mutator mutator(machine, all);
    mutator.flip_track_rows();
    mutator.flip_data_rows();
    std::printf("%s: %d of %d mutants survived\n", types.c_str(), mutator.survived(),
                mutator.made());
    CHECK(mutator.survived() <= kSurvivorsMax * mutator.made());
}

}  // namespace

TEST_CASE("a flipped row of any type's tables is noticed") {
    const std::vector<Life> all = lives();
    const state::Machine* last = nullptr;
    for (const state::Machine* machine : state::machines()) {
        if (last != nullptr && share_tables(*machine, *last)) continue;
        last = machine;
        flip_rows_of(*machine, all);
    }
}

}  // namespace lb::test
