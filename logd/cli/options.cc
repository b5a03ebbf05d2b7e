#include "logd/cli/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <functional>

#include "common/base/ascii.h"
#include "common/base/limits.h"
#include "common/event/codec.h"
#include "common/event/field_text.h"
#include "common/event/time_text.h"
#include "logd/client/line.h"

namespace lb::logevent {

namespace {

using event::Event;
using event::Source;

Error usage(std::string text) {
    return {ErrorCode::kReject, std::move(text)};
}

Status set_source(Options& options, std::string_view value) {
    const auto source = event::source_of_name(value);
    if (!source) {
        std::string names;
        for (const auto name : event::source_names().subspan(1)) names += " " + std::string(name);
        return usage("there is no source \"" + std::string(value) + "\"; sources are:" + names);
    }
    options.event.source = *source;
    return {};
}

Status set_time(Options& options, std::string_view value) {
    LB_TRY_ASSIGN(options.event.time_us, event::time_from_text(value));
    return {};
}

Status set_timeout(Options& options, std::string_view value) {
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), options.producer.timeout_ms);
    if (error != std::errc{} || end != value.data() + value.size() ||
        options.producer.timeout_ms <= 0)
        return usage("--timeout takes a positive number of milliseconds");
    return {};
}

Status set_level(Options& options, std::string_view value) {
    const auto names = event::level_names();
    for (std::size_t i = 1; i < names.size(); ++i) {
        if (!equal_ignoring_case(names[i], value)) continue;
        options.event.level = static_cast<std::uint8_t>(i);
        return {};
    }
    return usage("there is no level \"" + std::string(value) + "\"");
}

Status add_attribute(Options& options, std::string_view value) {
    const std::size_t equals = value.find('=');
    if (equals == std::string_view::npos || equals == 0)
        return usage("--attribute takes NAME=TEXT");
    if (options.event.attributes.size() >= limits::kAttributesMax)
        return usage("an event has at most " + std::to_string(limits::kAttributesMax) +
                     " attributes");
    options.event.attributes[std::string(value.substr(0, equals))] = value.substr(equals + 1);
    return {};
}

Status set_sequence_code(Options& options, std::string_view value) {
    options.event.sequence_code = value;
    options.has_sequence_code = true;
    return {};
}

Status set_reason_length(Options& options, std::string_view value) {
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), options.reason_bytes_min);
    if (error != std::errc{} || end != value.data() + value.size() ||
        options.reason_bytes_min > limits::kFieldBytesMax)
        return usage("--reason-length takes a number of bytes up to " +
                     std::to_string(limits::kFieldBytesMax));
    return {};
}

Status set_logger(Options& options, std::string_view value) {
    LB_TRY(client::parse_logger(value));
    client::set_logger(options.producer, std::string(value));
    return {};
}

using Setter = Status (*)(Options&, std::string_view);

struct OptionRow {
    std::string_view name;   // long name
    char letter;             // 0: none; letters are those of the original's tool
    std::string_view value;  // what --help calls the value; empty: a flag
    std::string_view help;
    Setter set;
};

// clang-format off
constexpr std::array kOptions = {
    OptionRow{"event",     'e', "TYPE",  "event type; \"help\" lists them all", nullptr},
    OptionRow{"source",    's', "NAME",  "who speaks: VMManager, CloudManager, VMSystem, LRMS, ...", set_source},
    OptionRow{"process",   'j', "ID",    "process id (https://host:port/unique) or key",
              [](Options& o, std::string_view v) { o.subject = v; return Status(); }},
    OptionRow{"key",       'k', "KEY",   "key instead of an id, for example libvirt-uuid:/6b1a...",
              [](Options& o, std::string_view v) { o.subject = v; return Status(); }},
    OptionRow{"time",      't', "TIME",  "when it happened, RFC 3339; default now", set_time},
    OptionRow{"seqcode",   'c', "CODE",  "sequence code that came with the job; the next one is printed", set_sequence_code},
    OptionRow{"no-increment", 'I', "",   "log with the sequence code as it is",
              [](Options& o, std::string_view) { o.increments_first = false; return Status(); }},
    OptionRow{"instance",  'i', "TEXT",  "instance of the source",
              [](Options& o, std::string_view v) { o.event.source_instance = v; return Status(); }},
    OptionRow{"host",      'H', "NAME",  "host that speaks; default this host",
              [](Options& o, std::string_view v) { o.event.host = v; return Status(); }},
    OptionRow{"level",     'L', "LEVEL", "EMERGENCY ... SYSTEM ... DEBUG", set_level},
    OptionRow{"sync",      'p', "",      "wait until the server has settled the event",
              [](Options& o, std::string_view) { o.is_sync = true; return Status(); }},
    OptionRow{"resync",    'r', "",      "a look: what was found, not what happened",
              [](Options& o, std::string_view) { o.event.is_resync = true; return Status(); }},
    OptionRow{"attribute", 'a', "NAME=TEXT", "an extension of your own; may be repeated", add_attribute},
    OptionRow{"field",     'F', "NAME=TEXT", "a field that is called like an option, as Bind's key is", nullptr},
    OptionRow{"timeout",   'T', "MS",    "of the whole call; default 1000", set_timeout},
    OptionRow{"socket",    'S', "PATH",  "the logger's socket; default LB_SOCKET or /run/lb/logd.sock",
              [](Options& o, std::string_view v) { o.producer.socket_path = v; o.producer.logger.clear(); return Status(); }},
    OptionRow{"logger",     0,  "URL",   "tls://HOST:PORT of another host's logger instead; default LB_LOGGER",
              set_logger},
    OptionRow{"cert",       0,  "PATH",  "for --logger: certificate, PEM; default LB_CERT",
              [](Options& o, std::string_view v) { o.producer.certificate = v; return Status(); }},
    OptionRow{"key-file",   0,  "PATH",  "its key, PEM; default LB_KEY",
              [](Options& o, std::string_view v) { o.producer.key = v; return Status(); }},
    OptionRow{"ca",         0,  "PATH",  "trusted authorities, PEM bundle or directory; default LB_CA",
              [](Options& o, std::string_view v) { o.producer.authorities = v; return Status(); }},
    OptionRow{"drop-dir",  'D', "DIR",   "where the event goes when the logger is away; empty: nowhere",
              [](Options& o, std::string_view v) { o.producer.drop_directory = v; return Status(); }},
    OptionRow{"user",      'U', "TEXT",  "who logs, as the producer states it",
              [](Options& o, std::string_view v) { o.event.user = v; return Status(); }},
    OptionRow{"debug",     'd', "",      "level DEBUG",
              [](Options& o, std::string_view) { return set_level(o, "DEBUG"); }},
    OptionRow{"reason-length", 'l', "BYTES", "for tests: make the reason so long", set_reason_length},
    OptionRow{"lbproxy",   'x', "",      "for scripts of the original: this host's logger is the way in any case",
              [](Options&, std::string_view) { return Status(); }},
    OptionRow{"server",    'm', "NAME",  "for scripts of the original: the process id names the server",
              [](Options&, std::string_view) { return Status(); }},
    OptionRow{"quiet",     'q', "",      "print nothing when all is well",
              [](Options& o, std::string_view) { o.is_quiet = true; return Status(); }},
    OptionRow{"help",      'h', "",      "this text; with -e TYPE the fields of that type",
              [](Options& o, std::string_view) { o.act = Act::kHelp; return Status(); }},
    OptionRow{"version",   'V', "",      "print the version",
              [](Options& o, std::string_view) { o.act = Act::kVersion; return Status(); }},
};
// clang-format on

// Long names of the original's tool: {its own, ours}.
constexpr std::pair<std::string_view, std::string_view> kOriginalNames[] = {
    {"jobid", "process"},  {"sequence", "seqcode"},          {"priority", "sync"},
    {"sock", "socket"},    {"lbproxy-store-sock", "socket"}, {"lbproxy-user-dn", "user"},
    {"machine", "server"}, {"source-instance", "instance"},  {"dont-increment", "no-increment"},
};

const OptionRow* find_option(std::string_view name, char letter) {
    for (const auto& [original, ours] : kOriginalNames)
        if (name == original) name = ours;
    for (const OptionRow& row : kOptions)
        if (letter != 0 ? row.letter == letter : row.name == name) return &row;
    return nullptr;
}

const char* environment(std::initializer_list<const char*> names) {
    for (const char* name : names)
        if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
    return nullptr;
}

// What a job's wrapper carries in its environment: the job when no subject is given, and its
// sequence code when the event is for that job.
void take_environment(Options& options) {
    const char* job = environment({"GLITE_WMS_JOBID", "EDG_JOBID"});
    if (job == nullptr) return;
    if (options.subject.empty()) options.subject = job;
    const char* code = environment({"GLITE_WMS_SEQUENCE_CODE", "EDG_WL_SEQUENCE"});
    if (options.has_sequence_code || code == nullptr || options.subject != job) return;
    options.event.sequence_code = code;
    options.has_sequence_code = true;
}

// The original's spelling of a field, whatever the case and with '-' for '_'.
std::string field_name(const event::TypeInfo& type, std::string_view text) {
    std::string name(text);
    std::replace(name.begin(), name.end(), '-', '_');
    for (const event::FieldInfo& field : type.fields)
        if (equal_ignoring_case(field.name, name)) return std::string(field.name);
    return std::string(text);
}

// A field of the event, given before or after its type: it is set when the type is known.
struct FieldArgument {
    std::string_view name;
    std::string_view value;
};

class Parser {
  public:
    explicit Parser(const std::vector<std::string_view>& arguments) : arguments_(arguments) {}

    Result<Options> parse() {
        while (next_ < arguments_.size()) LB_TRY(take(arguments_[next_++]));
        LB_TRY(finish());
        return std::move(options_);
    }

  private:
    Status take(std::string_view argument) {
        if (argument.starts_with("--")) return take_long(argument.substr(2));
        if (argument.size() == 2 && argument.front() == '-')
            return take_row(find_option({}, argument[1]), argument, {});
        return usage("\"" + std::string(argument) + "\" is no option; see --help");
    }

    Status take_long(std::string_view text) {
        const std::size_t equals = text.find('=');
        const std::string_view name = text.substr(0, equals);
        const OptionRow* row = find_option(name, 0);
        const bool has_value = equals != std::string_view::npos;
        if (row != nullptr && !(has_value && row->value.empty()))
            return take_row(row, text, has_value ? text.substr(equals + 1) : std::string_view{},
                            has_value);
        if (has_value)
            fields_.push_back({name, text.substr(equals + 1)});
        else if (next_ < arguments_.size())
            fields_.push_back({name, arguments_[next_++]});
        else
            return usage("--" + std::string(name) + " needs a value: --" + std::string(name) +
                         "=TEXT");
        return {};
    }

    Status take_row(const OptionRow* row, std::string_view argument, std::string_view value,
                    bool has_value = false) {
        if (row == nullptr)
            return usage("there is no option " + std::string(argument) + "; see --help");
        if (!row->value.empty() && !has_value) {
            if (next_ == arguments_.size())
                return usage("--" + std::string(row->name) +
                             " needs a value: " + std::string(row->value));
            value = arguments_[next_++];
        }
        if (row->set != nullptr) return row->set(options_, value);
        return row->name == "field" ? add_field(value) : set_type(value);
    }

    Status add_field(std::string_view value) {
        const std::size_t equals = value.find('=');
        if (equals == std::string_view::npos)
            return usage("--field \"" + std::string(value) + "\" is not NAME=TEXT");
        fields_.push_back({value.substr(0, equals), value.substr(equals + 1)});
        return {};
    }

    Status set_type(std::string_view value) {
        if (value == "help") {
            options_.act = Act::kTypes;
            return {};
        }
        const event::TypeInfo* type = event::find_type(value);
        if (type == nullptr)
            return usage("there is no event type \"" + std::string(value) +
                         "\"; lb-logevent -e help lists them");
        options_.event.type = type->code;
        return {};
    }

    Status finish() {
        if (options_.act == Act::kHelp && options_.event.type != 0) options_.act = Act::kTypeHelp;
        if (options_.act != Act::kLog) return {};
        take_environment(options_);
        if (options_.event.type == 0) return usage("-e TYPE is missing; -e help lists the types");
        if (options_.event.source == Source::kUndefined)
            return usage("-s SOURCE is missing: who speaks?");
        if (options_.subject.empty()) return usage("-j ID or -k KEY is missing");
        const event::TypeInfo& type = *event::find_type(options_.event.type);
        for (const FieldArgument& field : fields_)
            LB_TRY(event::set_field_from_text(options_.event, field_name(type, field.name),
                                              field.value));
        std::string reason(options_.event.text("reason"));
        if (reason.size() >= options_.reason_bytes_min) return {};
        reason.resize(options_.reason_bytes_min, '.');
        return event::set_field_from_text(options_.event, "reason", reason);
    }

    const std::vector<std::string_view>& arguments_;
    std::size_t next_ = 0;
    std::vector<FieldArgument> fields_;
    Options options_;
};

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
}

}  // namespace

client::ProducerOptions producer_options() {
    client::ProducerOptions options = client::options_from_environment();
    client::take_logger_of_environment(options);
    return options;
}

Result<Options> parse_options(const std::vector<std::string_view>& arguments) {
    return Parser(arguments).parse();
}

std::string help_text() {
    std::string text =
        "usage: lb-logevent -e TYPE -s SOURCE (-j ID | -k KEY) [options] [--FIELD=TEXT ...]\n\n"
        "Logs one event to the logger of this host and prints the event's id. Returns when the\n"
        "event is on disk, and within the time limit in any case.\n\n"
        "With a sequence code the source's counter in it goes up, the event is logged with that\n"
        "code, and the next one is printed for the script's next step; an empty code begins one.\n"
        "GLITE_WMS_JOBID and GLITE_WMS_SEQUENCE_CODE (or EDG_JOBID, EDG_WL_SEQUENCE) stand in for\n"
        "-j, and for -c when the event is for that job.\n\n";
    for (const OptionRow& row : kOptions) {
        const std::string value = row.value.empty() ? "" : " " + std::string(row.value);
        const std::string letter =
            row.letter == 0 ? "      --" : "  -" + std::string(1, row.letter) + ", --";
        text += padded(letter + std::string(row.name) + value, 30) + std::string(row.help) + "\n";
    }
    return text +
           "\nexamples:\n"
           "  lb-logevent -e VMRunning -s VMManager -k libvirt-uuid:/6b1a2a9e-3a0f-4c8e-9a51-"
           "0d7c4c1d9a01\n"
           "  lb-logevent -e VMStop -s CloudManager -j https://lb.example.org:9000/abc "
           "--reason=destroyed\n"
           "  SEQ=$(lb-logevent -e Running -s LRMS -j $JOBID -c $SEQ --node=wn1)\n"
           "  lb-logevent -e VMDone --help\n\n"
           "exit: 0 durable (or in the drop directory), 64 wrong usage, 65 refused as wrong,\n"
           "      73 no room, 75 neither logger nor drop directory took it, 77 not allowed\n";
}

std::string types_text() {
    std::string text;
    for (const event::TypeInfo& type : event::types())
        text += padded("  " + std::string(type.name), 28) + std::string(type.help) + "\n";
    return text;
}

std::string type_help_text(const event::TypeInfo& type) {
    std::string text = std::string(type.name) + " (code " + std::to_string(type.code) +
                       "): " + std::string(type.help) + "\n";
    for (const event::FieldInfo& field : type.fields) {
        std::string values;
        for (const event::EnumValue& value : field.values)
            values += (values.empty() ? " [" : " ") + std::string(value.name);
        if (!values.empty()) values += "]";
        text += padded("  --" + std::string(field.name), 26) + std::string(field.help) + values +
                (field.is_required ? " (expected)" : "") + "\n";
    }
    return text;
}

}  // namespace lb::logevent
