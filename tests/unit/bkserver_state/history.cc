#include "tests/unit/bkserver_state/history.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "common/event/codec.h"
#include "common/event/event_id.h"

namespace lb::test {
namespace {

constexpr std::int64_t kT0 = 1'325'376'000'000'000;  // 2012-01-01T00:00:00Z
constexpr const char* kProcess = "https://lb.example.org:9000/history";
constexpr const char* kKey = "libvirt-uuid:/6b1a2a9e-4f3c-4e0f-9d52-0d1f0b6a7c11";

event::Source source_of(const std::string& word) {
    if (word == "CM") return event::Source::kCloudManager;
    if (word == "VMM") return event::Source::kVmManager;
    if (word == "VMS") return event::Source::kVmSystem;
    if (word == "UI") return event::Source::kUserInterface;
    throw std::runtime_error("no such source: " + word);
}

// "stopped vm_paused=true": the first word without "=" is the vm_state.
Expectation expectation(std::istream& words) {
    Expectation expected;
    for (std::string word; words >> word;) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos)
            expected["vm_state"] = word;
        else
            expected[word.substr(0, equals)] = word.substr(equals + 1);
    }
    return expected;
}

void set_field(event::Event& event, const std::string& word) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::string value = word.substr(equals + 1);
    if (name == "resync") {
        event.is_resync = value == "true";
        return;
    }
    const Status set = event::set_field_from_text(event, name, value);
    if (!set.ok()) throw std::runtime_error(set.error().text);
}

HistoryLine event_line(const std::string& text) {
    HistoryLine line;
    std::istringstream words(text);
    std::string time;
    words >> time;
    if (time == "H" || time == "A") {
        line.speaker = time[0];
        words >> time;
    }
    std::string source;
    std::string type;
    event::Event& event = line.event.event;
    words >> source >> event.host >> type;
    event.time_us = kT0 + static_cast<std::int64_t>(std::stod(time) * 1e6);
    event.source = source_of(source);
    event.user = "/DC=org/DC=example/CN=alice";
    const event::TypeInfo* info = event::find_type(type);
    if (info == nullptr) throw std::runtime_error("no such event: " + text);
    event.type = info->code;
    for (std::string word; words >> word;) {
        if (word == "->") {
            line.after = expectation(words);
            break;
        }
        set_field(event, word);
    }
    return line;
}

History read_history(const std::filesystem::path& path) {
    History history;
    history.name = path.stem().string();
    std::ifstream in(path);
    std::size_t number = 0;
    for (std::string text; std::getline(in, text);) {
        ++number;
        if (text.empty() || text[0] == '#') continue;
        std::istringstream words(text);
        std::string first;
        words >> first;
        if (first == "=>") {
            std::string variant;
            words >> variant;
            history.ends[variant] = expectation(words);
        } else if (first == "skew") {
            for (std::string word; words >> word;) history.skewed.push_back(source_of(word));
        } else {
            history.lines.push_back(event_line(text));
            history.lines.back().number = number;
            history.lines.back().event.line = number;
        }
    }
    const bool is_registered =
        std::any_of(history.lines.begin(), history.lines.end(), [](const HistoryLine& line) {
            return line.event.event.type == static_cast<std::uint16_t>(event::EventType::kRegJob);
        });
    history.process = is_registered ? kProcess : kKey;
    for (HistoryLine& line : history.lines) {
        line.event.subject = history.process;
        line.event.event_id = event::event_id_of_text(std::to_string(line.number) + history.name);
    }
    return history;
}

}  // namespace

std::vector<cli::ReplayEvent> History::events(const std::string& variant) const {
    std::vector<cli::ReplayEvent> events;
    for (const HistoryLine& line : lines) {
        if (variant == "hook" && line.speaker == 'A') continue;
        if (variant == "agent" && line.speaker == 'H') continue;
        events.push_back(line.event);
    }
    return events;
}

std::vector<History> read_histories(const std::string& directory) {
    std::vector<History> histories;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        if (entry.path().extension() == ".txt") histories.push_back(read_history(entry.path()));
    std::sort(histories.begin(), histories.end(),
              [](const History& a, const History& b) { return a.name < b.name; });
    return histories;
}

std::string check_steps(const History& history, state::Registry registry) {
    cli::Replay replay(registry);
    std::string text;
    for (const HistoryLine& line : history.lines) {
        replay.add(line.event);
        const std::string differs = difference(line.after, replay.status(history.process));
        if (!differs.empty()) text += "line " + std::to_string(line.number) + ": " + differs + '\n';
    }
    return text;
}

std::string check_ends(const History& history, state::Registry registry) {
    std::string text;
    for (const auto& [variant, expected] : history.ends) {
        cli::Replay replay(registry);
        for (const cli::ReplayEvent& event : history.events(variant)) replay.add(event);
        const std::string differs = difference(expected, replay.status(history.process));
        if (!differs.empty()) text += variant + ": " + differs + '\n';
    }
    return text;
}

std::string difference(const Expectation& expected, const state::ProcessStatus& status) {
    std::string text;
    for (const auto& [name, wanted] : expected) {
        std::string got = "-";
        if (status.attributes.contains(name)) {
            const auto& value = status.attributes.at(name);
            got = value.is_string() ? value.get<std::string>() : value.dump();
        }
        if (got != wanted)
            text.append(name)
                .append(": expected ")
                .append(wanted)
                .append(", got ")
                .append(got)
                .append("; ");
    }
    return text;
}

}  // namespace lb::test
