#include "bkserver/cli/replay_input.h"

#include <array>
#include <cmath>
#include <utility>

#include "common/base/ascii.h"
#include "common/base/encoding.h"
#include "common/event/codec.h"
#include "common/event/digest.h"
#include "common/event/event_id.h"
#include "common/event/json.h"
#include "common/event/time_text.h"
#include "common/event/ulm.h"

namespace lb::cli {
namespace {

using nlohmann::json;

constexpr std::string_view kDefaultT0 = "2012-01-01T00:00:00Z";
constexpr std::string_view kDefaultUser = "/DC=org/DC=example/CN=alice";
constexpr std::string_view kDefaultRole = "main";

// Members by the names that event_from_json() knows.
constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
    {"process_id", "process"}, {"processid", "process"}, {"jobid", "process"},
    {"job_id", "process"},     {"dg.jobid", "process"},  {"id_of_process", "process"},
    {"subject", "process"},    {"key", "process"},       {"timestamp", "time"},
    {"date", "time"},          {"event", "type"},        {"event_type", "type"},
    {"evnt", "type"},          {"seq_code", "seqcode"},  {"sequencecode", "seqcode"},
};

std::string canonical_name(const std::string& name) {
    std::string lower = lower_case(name);
    for (const auto& [alias, canonical] : kAliases)
        if (alias == lower) return std::string(canonical);
    return lower;
}

bool is_id_or_key(std::string_view text) {
    return text.find(":/") != std::string_view::npos;
}

Result<std::int64_t> t0_of(const json& document) {
    const auto at = document.find("t0");
    if (at == document.end() || !at->is_string()) return event::time_from_text(kDefaultT0);
    const std::string text = at->get<std::string>();
    return event::time_from_text(std::string_view(text).substr(0, text.find(' ')));
}

// "@role" in a field means that role's process id.
void resolve_roles(json& fields, const Roles& roles) {
    if (!fields.is_object()) return;
    for (auto& [name, value] : fields.items())
        if (value.is_string() && value.get_ref<const std::string&>().starts_with('@'))
            value = roles.process(value.get<std::string>().substr(1));
}

// The offset "t" as seconds since 1970.
Status resolve_time(json& object, std::int64_t t0_us) {
    const auto at = object.find("t");
    if (at == object.end() || object.contains("time")) return {};
    if (!at->is_number()) return Error{ErrorCode::kReject, "\"t\": expected a number of seconds"};
    const double seconds = at->get<double>();
    if (!(std::abs(seconds) < 1e11)) return Error{ErrorCode::kReject, "\"t\": too many seconds"};
    object["time"] = event::time_to_text(t0_us + std::llround(seconds * 1e6));
    object.erase("t");
    return {};
}

// Two copies of one line are one event.
std::string id_of_content(const std::string& subject, const event::Event& event) {
    return event::event_id_of_import(subject, event::encode(event));
}

// Bind has a field "key" beside the process that it names.
void keep_bound_key(const json& object, json& canonical) {
    for (const auto& [name, value] : object.items()) {
        if (canonical_name(name) != "process" || name == "key") continue;
        canonical["process"] = value;
        canonical["fields"]["key"] = object.at("key");
    }
}

json with_canonical_names(const json& object) {
    json canonical = json::object();
    for (const auto& [name, value] : object.items()) canonical[canonical_name(name)] = value;
    // Fields beside the envelope keep their spelling.
    for (const auto& [name, value] : object.items())
        if (!canonical.contains(name) && canonical_name(name) == lower_case(name))
            canonical[name] = value;
    if (object.contains("key") && canonical.value("type", json()) == "Bind" && object.size() > 1)
        keep_bound_key(object, canonical);
    return canonical;
}

Result<ReplayEvent> event_of_ulm(std::string_view line) {
    LB_TRY_ASSIGN(event::UlmEvent parsed, event::parse_ulm(line));
    ReplayEvent read;
    read.subject = std::move(parsed.subject);
    read.event = std::move(parsed.event);
    read.event_id = id_of_content(read.subject, read.event);
    return read;
}

Result<ReplayEvent> event_of_line(std::string_view line, ReplayForm form) {
    if (form == ReplayForm::kUlm || (form == ReplayForm::kDetect && line.front() != '{'))
        return event_of_ulm(line);
    const json object = json::parse(line, nullptr, false);
    if (object.is_discarded()) return Error{ErrorCode::kReject, "the line is no JSON object"};
    return replay_event_from_json(object, Roles());
}

void append(ReplayInput& input, std::size_t line, Result<ReplayEvent> read) {
    ReplayEvent event;
    if (read.ok())
        event = std::move(read).value();
    else
        event.error = read.error().text;
    event.line = line;
    input.events.push_back(std::move(event));
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

ReplayInput read_lines(std::string_view text, ReplayForm form) {
    ReplayInput input{form, {}};
    std::size_t number = 0;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        ++number;
        if (line.empty() || line.front() == '#') continue;
        append(input, number, event_of_line(line, form));
    }
    return input;
}

Result<ReplayInput> read_document(const json& document) {
    ReplayInput input{ReplayForm::kDocument, {}};
    const Roles roles(document);
    const json& events = document.is_array() ? document : document.at("events");
    LB_TRY_ASSIGN(const std::int64_t t0_us, t0_of(document));
    for (std::size_t i = 0; i < events.size(); ++i) {
        json object = events[i];
        if (document.is_object() && object.is_object()) {
            if (!object.contains("user")) object["user"] = kDefaultUser;
            const Status timed = resolve_time(object, t0_us);
            if (!timed.ok()) {
                append(input, i, timed.error());
                continue;
            }
        }
        append(input, i, replay_event_from_json(object, roles));
    }
    return input;
}

}  // namespace

Roles::Roles(const json& document) {
    if (!document.is_object()) return;
    for (const char* member : {"name", "permutation_of"})
        if (const auto at = document.find(member); at != document.end() && at->is_string())
            name_ = at->get<std::string>();
    const auto jobs = document.find("jobs");
    if (jobs == document.end() || !jobs->is_object()) return;
    for (const auto& [role, process] : jobs->items()) {
        if (!process.is_string()) continue;
        listed_[role] = process.get<std::string>();
        const std::string_view text = listed_[role];
        constexpr std::string_view kScheme = "https://";
        if (text.starts_with(kScheme)) {
            const std::string_view rest = text.substr(kScheme.size());
            host_ = rest.substr(0, rest.find('/'));
        }
    }
}

std::string Roles::process(std::string_view role) const {
    const auto at = listed_.find(role);
    if (at != listed_.end()) return at->second;
    std::string unique = to_base64url(event::md5(name_ + "/" + std::string(role)));
    for (char& c : unique)
        if (c == '-') c = 'x';
    return "https://" + host_ + "/" + unique;
}

Result<ReplayEvent> replay_event_from_json(const json& object, const Roles& roles) {
    if (!object.is_object()) return Error{ErrorCode::kReject, "an event must be a JSON object"};
    json canonical = with_canonical_names(object);
    LB_TRY_ASSIGN(const std::int64_t t0_us, event::time_from_text(kDefaultT0));
    LB_TRY(resolve_time(canonical, t0_us));
    if (!canonical.contains("process")) {
        const bool has_role = canonical.contains("job") && canonical["job"].is_string();
        const std::string role =
            has_role ? canonical["job"].get<std::string>() : std::string(kDefaultRole);
        canonical["process"] = is_id_or_key(role) ? role : roles.process(role);
        if (has_role) canonical.erase("job");
    }
    if (canonical.contains("fields")) resolve_roles(canonical["fields"], roles);
    LB_TRY_ASSIGN(event::JsonEvent parsed, event::event_from_json(canonical));
    ReplayEvent read;
    read.subject = std::move(parsed.subject);
    read.event = std::move(parsed.event);
    read.event_id = parsed.event_id.empty() ? id_of_content(read.subject, read.event)
                                            : std::move(parsed.event_id);
    return read;
}

Result<ReplayInput> read_replay(std::string_view text, ReplayForm form) {
    const std::string_view body = trimmed(text);
    const bool may_be_document = !body.empty() && (body.front() == '{' || body.front() == '[') &&
                                 (form == ReplayForm::kDetect || form == ReplayForm::kDocument);
    if (may_be_document) {
        const json document = json::parse(body, nullptr, false);
        const bool is_document =
            document.is_array() || (document.is_object() && document.contains("events") &&
                                    document.at("events").is_array());
        if (is_document) return read_document(document);
    }
    if (form == ReplayForm::kDocument)
        return Error{ErrorCode::kReject,
                     "the input is no JSON object with a list \"events\", nor a list of events"};
    return read_lines(text, form);
}

}  // namespace lb::cli
