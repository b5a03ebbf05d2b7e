// What `lbctl replay` reads: events as ULM lines, as JSON lines, or one JSON document with a list
// of events (the form of the cases in tests/fixtures/cases). Lenient: many spellings mean the same.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/event/event.h"

namespace lb::cli {

enum class ReplayForm : std::uint8_t { kDetect, kUlm, kJsonLines, kDocument };

struct ReplayEvent {
    std::size_t line = 0;  // in the file; of a document the event's place in its list
    std::string subject;   // process id or key
    std::string event_id;  // 16 bytes; made from the content if the input has none
    event::Event event;
    std::string error;  // why it could not be read; then all else is empty
};

struct ReplayInput {
    ReplayForm form = ReplayForm::kDetect;
    std::vector<ReplayEvent> events;
};

// kReject when the whole is no document at all; single bad lines become events with an error.
Result<ReplayInput> read_replay(std::string_view text, ReplayForm form);

// Process ids of a document's roles: those listed, the others by the formula of the cases
// (MD5 of "<name>/<role>").
class Roles {
  public:
    Roles() = default;
    explicit Roles(const nlohmann::json& document);
    [[nodiscard]] std::string process(std::string_view role) const;

  private:
    std::string name_;
    std::string host_ = "lb.example.org:9000";
    std::map<std::string, std::string, std::less<>> listed_;
};

// One event object: members in any of their spellings, fields nested or flat.
Result<ReplayEvent> replay_event_from_json(const nlohmann::json& object, const Roles& roles);

}  // namespace lb::cli
