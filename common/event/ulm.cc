#include "common/event/ulm.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/ascii.h"
#include "common/base/encoding.h"
#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/event/field_text.h"
#include "common/event/time_text.h"

namespace lb::event {

namespace {

constexpr std::size_t kFieldsMax = 100;  // of the original
constexpr std::size_t kUlmLineBytesMax = 2 * 1024 * 1024;
constexpr std::string_view kUndefined = "UNDEFINED";
// Ours: DG.ATTRIBUTE.1="name=value", ...; in a name '=' and '\\' are escaped by '\\'.
constexpr std::string_view kAttributeKey = "DG.ATTRIBUTE.";

struct Pair {
    std::string key;    // in upper case
    std::string value;  // unescaped
    std::size_t column;
};

Error at(std::size_t column, std::string_view why) {
    return {ErrorCode::kReject, "column " + std::to_string(column) + ": " + std::string(why)};
}

bool is_separator(char c) {
    return c == ' ' || c == '\t';
}

bool is_key_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

// Cuts a line into KEY=value pairs.
class Scanner {
  public:
    explicit Scanner(std::string_view line) : line_(line) {}

    Result<std::vector<Pair>> pairs() {
        std::vector<Pair> found;
        std::size_t fields = 0;
        for (skip_separators(); position_ < line_.size(); skip_separators()) {
            LB_TRY_ASSIGN(Pair pair, next());
            // Attributes, which the original had not, are bounded by the length of the line.
            if (!pair.key.starts_with(kAttributeKey) && ++fields == kFieldsMax + 1)
                return at(pair.column, "more than 100 fields");
            found.push_back(std::move(pair));
        }
        return found;
    }

  private:
    void skip_separators() {
        while (position_ < line_.size() && is_separator(line_[position_])) ++position_;
    }

    Result<Pair> next() {
        const std::size_t start = position_;
        while (position_ < line_.size() && is_key_character(line_[position_])) ++position_;
        if (position_ == start || position_ == line_.size() || line_[position_] != '=')
            return at(position_ + 1, "expected KEY=value without blanks around '='");
        Pair pair{upper_case(line_.substr(start, position_ - start)), "", start + 1};
        ++position_;
        const bool is_quoted = position_ < line_.size() && line_[position_] == '"';
        LB_TRY(is_quoted ? quoted(pair.value) : bare(pair.value));
        return pair;
    }

    Status quoted(std::string& value) {
        const std::size_t open = position_++;
        while (position_ < line_.size() && line_[position_] != '"') {
            char c = line_[position_++];
            if (c == '\\') {
                if (position_ == line_.size()) break;
                c = line_[position_++];
                if (c == 'n') c = '\n';
            }
            value += c;
        }
        if (position_ == line_.size()) return at(open + 1, "the quote is never closed");
        ++position_;
        if (position_ < line_.size() && !is_separator(line_[position_]))
            return at(position_ + 1, "text follows the closing quote");
        return {};
    }

    Status bare(std::string& value) {
        while (position_ < line_.size() && !is_separator(line_[position_])) {
            const char c = line_[position_];
            if (c == '"' || c == '=' || c == '\\')
                return at(position_ + 1, "a value with '\"', '=' or '\\' must be quoted");
            value += c;
            ++position_;
        }
        return {};
    }

    std::string_view line_;
    std::size_t position_ = 0;
};

// Fills an UlmEvent from pairs; remembers which keys were seen with a value.
class Reader {
  public:
    Result<UlmEvent> read(const std::vector<Pair>& pairs) {
        LB_TRY(find_type_in(pairs));
        for (const Pair& pair : pairs) LB_TRY(take(pair));
        if (!result_.identity.empty()) event().user = std::move(stated_user_);
        LB_TRY(check_header());
        LB_TRY(check_stamp());
        return std::move(result_);
    }

  private:
    Event& event() { return result_.event; }

    Status find_type_in(const std::vector<Pair>& pairs) {
        const auto found = std::find_if(pairs.begin(), pairs.end(),
                                        [](const Pair& pair) { return pair.key == "DG.EVNT"; });
        if (found == pairs.end()) return at(1, "there is no DG.EVNT, so no event type");
        type_ = find_type(found->value);
        if (type_ == nullptr)
            return at(found->column, "there is no event type \"" + found->value + "\"");
        event().type = type_->code;
        prefix_ = "DG." + upper_case(type_->name) + ".";
        return {};
    }

    Status take(const Pair& pair) {
        if (pair.key == "DG.EVNT") return {};
        if (!pair.value.empty() && is_known(pair.key)) {
            if (std::find(seen_.begin(), seen_.end(), pair.key) != seen_.end())
                return at(pair.column, pair.key + " stands twice");
            seen_.push_back(pair.key);
        }
        if (pair.key.starts_with(prefix_)) return take_field(pair);
        if (names_other_type(pair.key))
            return at(pair.column, pair.key + " belongs to another event type");
        return take_header(pair);
    }

    bool is_known(std::string_view key) const {
        return key == "DATE" || key == "HOST" || key == "LVL" || key.starts_with("DG.");
    }

    // DG.<name of another type>.<a field of it>
    bool names_other_type(std::string_view key) const {
        if (!key.starts_with("DG.")) return false;
        const std::string_view rest = key.substr(3);
        const std::size_t dot = rest.find('.');
        if (dot == std::string_view::npos) return false;
        const TypeInfo* other = find_type(rest.substr(0, dot));
        return other != nullptr && find_by_ulm_key(*other, rest.substr(dot + 1)) != nullptr;
    }

    static const FieldInfo* find_by_ulm_key(const TypeInfo& type, std::string_view key) {
        for (const FieldInfo& field : type.fields)
            if (field.ulm_key == key) return &field;
        return nullptr;
    }

    Status take_field(const Pair& pair) {
        const FieldInfo* field = find_by_ulm_key(*type_, pair.key.substr(prefix_.size()));
        if (field == nullptr) return {};  // unknown keys are ignored
        std::string value = pair.value;
        if (field->kind == FieldKind::kTime) {
            const auto time_us = time_from_ulm(value);
            value = time_us.ok() && *time_us != 0 ? std::to_string(*time_us) : "";
        }
        if (is_null(*field, value)) return {};
        const Status status = set_field_from_text(event(), field->name, value);
        // The original took a bad number for 0 and a bad name for a missing one; so does an import.
        if (!status.ok()) result_.warnings.push_back(pair.key + " ignored: " + status.error().text);
        return {};
    }

    static bool is_null(const FieldInfo& field, std::string_view value) {
        const bool has_names = field.kind == FieldKind::kEnum || field.kind == FieldKind::kSource;
        return value.empty() || (has_names && equal_ignoring_case(value, kUndefined));
    }

    Status take_time(const Pair& pair, std::int64_t& time_us) {
        const auto parsed = time_from_ulm(pair.value);
        if (!parsed.ok()) return at(pair.column, parsed.error().text);
        time_us = *parsed;
        return {};
    }

    Status take_header(const Pair& pair) {
        const std::string& key = pair.key;
        if (key == "DATE") return take_time(pair, event().time_us);
        if (key == "DG.ARRIVED" || key == "ARR_DATE")
            return take_time(pair, result_.arrived_us.emplace());
        if (key == "DG.SINCE") return take_time(pair, event().since_us.emplace());
        if (key == "HOST") event().host = pair.value;
        if (key == "LVL") take_level(pair);
        if (key == "DG.SOURCE") return take_source(pair);
        if (key == "DG.SRC_INSTANCE") event().source_instance = pair.value;
        if (key == "DG.SEQCODE") event().sequence_code = pair.value;
        if (key == "DG.USER") event().user = pair.value;
        if (key == "DG.JOBID" || key == "DG.KEY") result_.subject = pair.value;
        if (key == "DG.RESYNC") event().is_resync = pair.value != "0";
        if (key == "DG.PRIORITY") take_priority(pair);
        if (key == "DG.IDENTITY") result_.identity = pair.value;
        if (key == "DG.STATED_USER") stated_user_ = pair.value;
        if (key == "DG.EVENT_ID") return take_id(pair, result_.event_id);
        if (key == "DG.ORIGIN") return take_id(pair, result_.stamp.origin);
        if (key == "DG.COUNTER") return take_counter(pair);
        if (key == "DG.ACCEPTED") return take_time(pair, result_.stamp.accepted_us);
        if (key == "DG.GROUPS") take_groups(pair.value);
        if (key.starts_with(kAttributeKey)) take_attribute(pair.value);
        return {};
    }

    // 16 bytes, with or without dashes.
    static Status take_id(const Pair& pair, std::string& id) {
        std::string digits = pair.value;
        std::erase(digits, '-');
        const auto bytes = from_hex(digits);
        if (!bytes || bytes->size() != kEventIdBytes)
            return at(pair.column, pair.key + " is not 32 hexadecimal digits");
        id = *bytes;
        return {};
    }

    Status take_counter(const Pair& pair) {
        const char* const end = pair.value.data() + pair.value.size();
        const auto read = std::from_chars(pair.value.data(), end, result_.stamp.counter);
        if (read.ec != std::errc{} || read.ptr != end)
            return at(pair.column, "DG.COUNTER=" + pair.value + " is no number");
        return {};
    }

    // One a line.
    void take_groups(std::string_view text) {
        while (!text.empty()) {
            const std::string_view group = text.substr(0, text.find('\n'));
            text.remove_prefix(std::min(text.size(), group.size() + 1));
            if (!group.empty()) result_.groups.emplace_back(group);
        }
    }

    void take_attribute(std::string_view text) {
        std::string name;
        while (!text.empty() && text.front() != '=') {
            if (text.front() == '\\' && text.size() > 1) text.remove_prefix(1);
            name += text.front();
            text.remove_prefix(1);
        }
        if (text.empty()) return;
        event().attributes[std::move(name)] = text.substr(1);
    }

    void take_level(const Pair& pair) {
        const auto names = level_names();
        const std::string upper = upper_case(pair.value);
        const auto found = std::find(names.begin(), names.end(), upper);
        if (found != names.end())
            event().level = static_cast<std::uint8_t>(found - names.begin());
        else
            result_.warnings.push_back("LVL=" + pair.value + " is no level");
    }

    Status take_source(const Pair& pair) {
        const auto source = source_of_name(pair.value);
        if (!source || *source == Source::kUndefined)
            return at(pair.column, "there is no source \"" + pair.value + "\"");
        event().source = *source;
        return {};
    }

    void take_priority(const Pair& pair) {
        std::uint32_t priority = 0;
        const char* end = pair.value.data() + pair.value.size();
        if (std::from_chars(pair.value.data(), end, priority).ec != std::errc{})
            result_.warnings.push_back("DG.PRIORITY=" + pair.value + " is no number");
        event().priority = priority;
    }

    Status check_header() {
        if (event().time_us == 0) return at(1, "DATE is missing");
        if (result_.subject.empty()) return at(1, "DG.JOBID is missing");
        if (event().source == Source::kUndefined) return at(1, "DG.SOURCE is missing");
        if (event().host.empty()) result_.warnings.emplace_back("HOST is missing");
        for (const FieldInfo& field : type_->fields)
            if (field.is_required && event().text(field.name).empty())
                result_.warnings.push_back(prefix_ + std::string(field.ulm_key) + " is missing");
        return {};
    }

    Status check_stamp() const {
        const Stamp& stamp = result_.stamp;
        if (stamp == Stamp{}) return {};
        if (stamp.origin.empty() || stamp.counter == 0 || stamp.accepted_us <= 0)
            return at(1, "DG.ORIGIN, DG.COUNTER and DG.ACCEPTED stand together or not at all");
        return {};
    }

    UlmEvent result_;
    const TypeInfo* type_ = nullptr;
    std::string prefix_;
    std::vector<std::string> seen_;
    std::string stated_user_;
};

void put_quoted(std::string& out, std::string_view key, std::string_view value) {
    out += ' ';
    out += key;
    out += "=\"";
    for (const char c : value) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '\n')
            out += "\\n";
        else if (c == '\0')
            out += "\xEF\xBF\xBD";
        else
            out += c;
    }
    out += '"';
}

// With six decimals, as the original printed it, where that says all; else as many as it takes.
std::string real_text(std::string_view text) {
    const double value = real_of_text(text);
    std::array<char, 400> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                   std::chars_format::fixed, 6);
    const std::string_view fixed(digits.data(), static_cast<std::size_t>(end.ptr - digits.data()));
    return std::string(real_of_text(fixed) == value ? fixed : text);
}

// The text of a field as the original printed it, also when it is absent.
std::string ulm_text(const FieldInfo& field, std::string_view text) {
    const bool has_names = field.kind == FieldKind::kEnum || field.kind == FieldKind::kSource;
    if (text.empty() && has_names)
        return field.kind == FieldKind::kSource ? "Undefined" : std::string(kUndefined);
    if (field.kind == FieldKind::kTime)
        return time_to_ulm(static_cast<std::int64_t>(number_of_text(field, text)));
    if (field.kind == FieldKind::kReal && !text.empty()) return real_text(text);
    return std::string(text);
}

void put_header(std::string& line, const UlmEvent& from) {
    const Event& event = from.event;
    const TypeInfo* type = find_type(event.type);
    if (from.arrived_us) line += "DG.ARRIVED=" + time_to_ulm(*from.arrived_us) + " ";
    line += "DATE=" + time_to_ulm(event.time_us);
    put_quoted(line, "HOST", event.host);
    line += " PROG=edg-wms LVL=" + std::string(level_names()[event.level]);
    line += " DG.PRIORITY=" + std::to_string(event.priority);
    put_quoted(line, "DG.SOURCE", text_of(event.source));
    put_quoted(line, "DG.SRC_INSTANCE", event.source_instance);
    if (type != nullptr) put_quoted(line, "DG.EVNT", type->name);
    put_quoted(line, from.subject.starts_with("https://") ? "DG.JOBID" : "DG.KEY", from.subject);
    put_quoted(line, "DG.SEQCODE", event.sequence_code);
}

// A certificate's identity is written as the original wrote it: the bare subject.
std::string_view user_of_identity(std::string_view identity) {
    constexpr std::string_view kCertificate = "certificate:";
    if (identity.starts_with(kCertificate)) identity.remove_prefix(kCertificate.size());
    return identity;
}

void put_user(std::string& line, const UlmEvent& from) {
    if (from.identity.empty()) return put_quoted(line, "DG.USER", from.event.user);
    put_quoted(line, "DG.USER", user_of_identity(from.identity));
    put_quoted(line, "DG.IDENTITY", from.identity);
    if (!from.event.user.empty()) put_quoted(line, "DG.STATED_USER", from.event.user);
}

void put_extensions(std::string& line, const UlmEvent& from) {
    if (!from.event_id.empty()) put_quoted(line, "DG.EVENT_ID", event_id_to_text(from.event_id));
    if (!from.stamp.origin.empty()) {
        put_quoted(line, "DG.ORIGIN", to_hex(from.stamp.origin));
        line += " DG.COUNTER=" + std::to_string(from.stamp.counter);
        line += " DG.ACCEPTED=" + time_to_ulm(from.stamp.accepted_us);
    }
    if (!from.groups.empty()) {
        std::string groups;
        for (const std::string& group : from.groups) groups += (groups.empty() ? "" : "\n") + group;
        put_quoted(line, "DG.GROUPS", groups);
    }
    if (from.event.is_resync) put_quoted(line, "DG.RESYNC", "1");
    if (from.event.since_us) line += " DG.SINCE=" + time_to_ulm(*from.event.since_us);
    std::size_t number = 0;
    for (const auto& [name, value] : from.event.attributes) {
        std::string text;
        for (const char c : name) {
            if (c == '=' || c == '\\') text += '\\';
            text += c;
        }
        put_quoted(line, std::string(kAttributeKey) + std::to_string(++number), text + "=" + value);
    }
}

}  // namespace

Result<UlmEvent> parse_ulm(std::string_view line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    if (line.size() > kUlmLineBytesMax) return at(1, "the line is longer than 2 MiB");
    if (line.find('\0') != std::string_view::npos) return at(1, "the line has a zero byte in it");
    LB_TRY_ASSIGN(const auto pairs, Scanner(line).pairs());
    return Reader().read(pairs);
}

std::string write_ulm(const UlmEvent& from) {
    std::string line;
    put_header(line, from);
    put_user(line, from);
    put_extensions(line, from);
    const TypeInfo* type = find_type(from.event.type);
    if (type == nullptr) return line;
    const std::string prefix = "DG." + upper_case(type->name) + ".";
    for (const FieldInfo& field : type->fields)
        put_quoted(line, prefix + std::string(field.ulm_key),
                   ulm_text(field, from.event.text(field.name)));
    return line;
}

std::string write_ulm(std::string_view subject, const Event& event) {
    UlmEvent whole;
    whole.subject = subject;
    whole.event = event;
    return write_ulm(whole);
}

}  // namespace lb::event
