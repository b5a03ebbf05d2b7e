// Flips every row of the machines' tables, one by one, and asks whether the cases and histories
// notice. `find` takes the table as an argument, so nothing is compiled again. Survivors are
// printed; more than 5 % fail.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
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

// A registry in which one machine's tables may be changed.
struct Tables {
    state::Machine machine;
    std::vector<DataRow> data;
    std::vector<TrackRow> track;
    std::vector<const state::Machine*> registry;

    explicit Tables(const state::Machine& original)
        : machine(original),
          data(original.data.begin(), original.data.end()),
          track(original.track.begin(), original.track.end()) {
        for (const state::Machine* other : state::machines())
            registry.push_back(other == &original ? &machine : other);
        machine.data = data;
        machine.track = track;
    }
    Tables(const Tables&) = delete;
    void refresh() {
        machine.data = data;
        machine.track = track;
    }
};

// One process' events in order of arrival; the statuses after each of them, as text.
struct Trial {
    std::string name;
    std::vector<cli::ReplayEvent> events;
    std::uint32_t implied_type = 0;
    std::vector<std::string> expected;
};

std::vector<std::string> statuses(const Trial& trial, state::Registry registry, bool stop_early) {
    state::Registers registers = state::fresh(trial.implied_type);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < trial.events.size(); ++i) {
        event::Arrival arrival;
        arrival.event_id = trial.events[i].event_id;
        if (state::apply(registry, registers, trial.events[i].event, arrival) ==
            state::Outcome::kTypeChanged)
            for (std::size_t j = 0; j < i; ++j) {
                event::Arrival earlier;
                earlier.event_id = trial.events[j].event_id;
                state::apply(registry, registers, trial.events[j].event, earlier);
            }
        texts.push_back(state::derive(registry, registers, "p").to_text() +
                        state::view(registry, registers, {}).evidence.dump());
        if (stop_early && texts.back() != trial.expected[i]) break;
    }
    return texts;
}

std::vector<Trial> trials() {
    const char* dir = std::getenv("LB_SOURCE_DIR");
    const std::string root = std::string(dir == nullptr ? "." : dir) + "/tests/fixtures/";
    std::vector<Trial> all;
    for (const History& history : read_histories(root + "histories"))
        for (const auto& [variant, end] : history.ends) {
            const bool is_key = !history.process.starts_with("https://");
            all.push_back(
                {history.name + " " + variant, history.events(variant), is_key ? 11U : 0U, {}});
        }
    for (const Case& one : read_cases(root + "cases")) {
        if (one.name.find("--") != std::string::npos) continue;  // permutations of others
        all.push_back({one.name, one.input.events, 0, {}});
        const std::string main = one.roles.process("main");
        std::erase_if(all.back().events,
                      [&](const cli::ReplayEvent& event) { return event.subject != main; });
    }
    for (Trial& trial : all) trial.expected = statuses(trial, state::machines(), false);
    return all;
}

bool is_noticed(const std::vector<Trial>& all, state::Registry registry, std::uint16_t event) {
    return std::any_of(all.begin(), all.end(), [&](const Trial& trial) {
        const bool concerns =
            std::any_of(trial.events.begin(), trial.events.end(),
                        [&](const cli::ReplayEvent& one) { return one.event.type == event; });
        if (!concerns) return false;
        const auto texts = statuses(trial, registry, true);
        return texts.size() != trial.expected.size() || texts.back() != trial.expected.back();
    });
}

class Mutator {
  public:
    explicit Mutator(const state::Machine& machine) : machine_(machine), trials_(trials()) {}

    void flip_track_rows() {
        for (std::size_t i = 0; i < machine_.track.size(); ++i) {
            const TrackRow row = machine_.track[i];
            track("without", i, [&](Tables& t) { t.track.erase(at(t.track, i)); });
            track("without source", i, [&](Tables& t) { t.track[i].sources = 0; });
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
        if (is_noticed(trials_, tables.registry, static_cast<std::uint16_t>(type))) return;
        ++survived_;
        std::printf("survivor: %s %s %s: %s\n", std::string(machine_.word).c_str(),
                    state::event_word(type).c_str(), which.c_str(), what);
    }

    const state::Machine& machine_;
    std::vector<Trial> trials_;
    int made_ = 0;
    int survived_ = 0;
};

}  // namespace

TEST_CASE("a flipped row of the virtual machine's tables is noticed") {
    Mutator mutator(*state::find_machine(state::machines(), 11));
    mutator.flip_track_rows();
    mutator.flip_data_rows();
    std::printf("%d of %d mutants survived\n", mutator.survived(), mutator.made());
    CHECK(mutator.survived() <= kSurvivorsMax * mutator.made());
}

}  // namespace lb::test
