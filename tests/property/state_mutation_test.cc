// Flips every row of the machines' tables, one by one, and asks whether some life notices: the
// cases and histories first; where they do not, short lives that each probe one row, which shows
// that no row is idle. `find` takes the table as an argument, so nothing is compiled again.
// Survivors of both are printed; more than 5 % of them fail.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "bkserver/state/machine.h"
#include "bkserver/state/words.h"
#include "common/base/ascii.h"
#include "common/event/event_id.h"
#include "common/event/seqcode.h"
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
    std::vector<Case> cases = read_cases(root + "cases");
    for (Case& one : read_cases(root + "traces")) cases.push_back(std::move(one));
    for (const Case& one : cases) {
        if (one.name.find("--") != std::string::npos) continue;  // permutations of others
        all.push_back({one.name, one.input.events, 0, {}});
        const std::string main = one.roles.process("main");
        std::erase_if(all.back().events,
                      [&](const cli::ReplayEvent& event) { return event.subject != main; });
    }
    for (Trial& trial : all) trial.expected = statuses(trial, state::machines(), false);
    return all;
}

// An event that a row takes: every field has a text, the conditions hold.
event::Event probe_event(event::EventType type, state::Sources sources, const state::When& when) {
    const event::TypeInfo& info = *event::find_type(static_cast<std::uint16_t>(type));
    event::Event event;
    event.type = info.code;
    event.host = "probe.example.org";
    event.user = "/CN=probe";
    event.source_instance = "instance";
    // Of any source the last one, which no row names beside others.
    for (std::size_t i = 1; i < event::source_names().size(); ++i)
        if ((sources & (1U << i)) != 0 &&
            (sources == state::kAny || event.source == event::Source::kUndefined))
            event.source = static_cast<event::Source>(i);
    for (const event::FieldInfo& field : info.fields) {
        if (field.kind == event::FieldKind::kEnum)
            event.set_text(field.name, std::string(field.values.back().name));
        else if (field.kind == event::FieldKind::kSource)
            event.set_text(field.name, "LRMS");
        else if (field.kind == event::FieldKind::kTags)
            event.set_text(field.name, "a=1");
        else
            event.set_text(field.name, "5");
    }
    for (const state::Test& test : when) {
        if (test.field.empty()) continue;
        const bool is_seen = test.is_equal;
        if (test.field == "resync")
            event.is_resync = is_seen;
        else if (test.field == "SRC")
            event.sequence_code =
                "TIMESTAMP=1:POS=1:EV.CODE=0:SRC=" + std::string(is_seen ? test.value : "N");
        else if (is_seen)
            event.set_text(test.field, std::string(test.value));
    }
    return event;
}

struct Probe {
    event::EventType event;
    state::Sources sources;
    state::When when;
};

// The same without the field whose place among the conditions is `broken`.
event::Event lacking_event(const Probe& row, std::size_t broken) {
    event::Event event = probe_event(row.event, row.sources, row.when);
    event.set_text(row.when[broken].field, "");
    return event;
}

// The same with that condition broken by another value.
event::Event contrary_event(event::EventType type, state::Sources sources, state::When when,
                            std::size_t broken) {
    state::Test& test = when[broken];
    const event::FieldInfo* field =
        event::find_type(static_cast<std::uint16_t>(type))->find_field(test.field);
    if (!test.is_equal) {
        test.is_equal = true;
    } else if (test.field == "SRC" || test.field == "resync" || field == nullptr) {
        test.is_equal = false;
    } else if (field->kind == event::FieldKind::kEnum) {
        test.value = field->values.front().name == test.value ? field->values[1].name
                                                              : field->values.front().name;
    } else {
        test.value = "WorkloadManager";
    }
    return probe_event(type, sources, when);
}

// Events one after the other, as a life of the machine's type that is registered at its beginning.
Trial life_of(const state::Machine& machine, std::vector<event::Event> events,
              bool is_bare = false) {
    event::Event registration = probe_event(event::EventType::kRegJob, state::kAny, {});
    if (is_bare) registration.fields.clear();
    registration.set_text("jobtype", lower_case(machine.word));
    events.insert(events.begin(), std::move(registration));
    Trial trial{"probe", {}, 0, {}};
    for (std::size_t i = 0; i < events.size(); ++i) {
        events[i].time_us = 1'700'000'000'000'000 + static_cast<std::int64_t>(i) * 10'000'000;
        event::GridCounters code{1, 0, 1, 0, 0, 0, 0, 0, static_cast<std::uint32_t>(i)};
        if (events[i].sequence_code.empty()) events[i].sequence_code = event::to_string(code);
        cli::ReplayEvent replayed;
        replayed.event = std::move(events[i]);
        replayed.event_id = event::event_id_of_text("probe" + std::to_string(i));
        trial.events.push_back(std::move(replayed));
    }
    trial.expected = statuses(trial, state::machines(), false);
    return trial;
}

// Short lives around each row: the event alone, in a process that runs and after another one of the
// tables, and with each condition broken.
std::vector<Trial> probes(const state::Machine& machine) {
    std::vector<Probe> rows;
    for (const TrackRow& row : machine.track) rows.push_back({row.event, row.sources, row.when});
    for (const DataRow& row : machine.data) rows.push_back({row.event, row.sources, row.when});
    std::erase_if(rows, [](const Probe& row) { return row.event == event::EventType{}; });
    std::vector<event::Event> running;
    for (const TrackRow& row : machine.track)
        if (row.to == MainState::kRunning && running.empty())
            running.push_back(probe_event(row.event, row.sources, row.when));
    std::vector<Trial> all;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Probe& row = rows[i];
        const event::Event event = probe_event(row.event, row.sources, row.when);
        const Probe& next = rows[(i + 1) % rows.size()];
        const event::Event other = probe_event(next.event, next.sources, next.when);
        all.push_back(life_of(machine, {event, other}));
        all.push_back(life_of(machine, {other, event}));
        all.push_back(life_of(machine, {event, other}, true));
        std::vector<event::Event> events = running;
        events.insert(events.end(), {event, other});
        all.push_back(life_of(machine, events));
        for (std::size_t j = 0; j < row.when.size(); ++j)
            if (!row.when[j].field.empty())
                for (const bool is_bare : {false, true}) {
                    const auto contrary = contrary_event(row.event, row.sources, row.when, j);
                    all.push_back(life_of(machine, {contrary, other}, is_bare));
                    all.push_back(life_of(machine, {lacking_event(row, j), other}, is_bare));
                }
    }
    return all;
}

bool is_noticed(const std::vector<Trial>& all, state::Registry registry, std::uint16_t event) {
    return std::any_of(all.begin(), all.end(), [&](const Trial& trial) {
        // Rows of every event have type 0.
        const bool concerns = event == 0 || std::any_of(trial.events.begin(), trial.events.end(),
                                                        [&](const cli::ReplayEvent& one) {
                                                            return one.event.type == event;
                                                        });
        if (!concerns) return false;
        const auto texts = statuses(trial, registry, true);
        return texts.size() != trial.expected.size() || texts.back() != trial.expected.back();
    });
}

class Mutator {
  public:
    // `trials` outlives it.
    Mutator(const state::Machine& machine, const std::vector<Trial>& trials)
        : machine_(machine), trials_(trials), probes_(probes(machine)) {}

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
    [[nodiscard]] int unnoticed_by_cases() const { return unnoticed_by_cases_; }

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
        ++unnoticed_by_cases_;
        if (is_noticed(probes_, tables.registry, static_cast<std::uint16_t>(type))) return;
        ++survived_;
        std::printf("survivor: %s %s %s: %s\n", std::string(machine_.word).c_str(),
                    state::event_word(type).c_str(), which.c_str(), what);
    }

    const state::Machine& machine_;
    const std::vector<Trial>& trials_;
    const std::vector<Trial> probes_;
    int made_ = 0;
    int survived_ = 0;
    int unnoticed_by_cases_ = 0;
};

}  // namespace

namespace {

void flip_rows_of(const state::Machine& machine, const std::vector<Trial>& all) {
    INFO(machine.word);
    Mutator mutator(machine, all);
    mutator.flip_track_rows();
    mutator.flip_data_rows();
    std::printf("%s: %d of %d mutants survived; %d of them all unnoticed by cases alone\n",
                std::string(machine.word).c_str(), mutator.survived(), mutator.made(),
                mutator.unnoticed_by_cases());
    CHECK(mutator.survived() <= kSurvivorsMax * mutator.made());
}

}  // namespace

TEST_CASE("a flipped row of the virtual machine's tables is noticed") {
    flip_rows_of(*state::find_machine(state::machines(), 11), trials());
}

// Not run unless asked for: minutes.
TEST_CASE("a flipped row of any type's tables is noticed", "[.long]") {
    const std::vector<Trial> all = trials();
    const TrackRow* last = nullptr;
    for (const state::Machine* machine : state::machines()) {
        if (machine->track.data() == last) continue;  // the tables of the one before
        last = machine->track.data();
        flip_rows_of(*machine, all);
    }
}

}  // namespace lb::test
