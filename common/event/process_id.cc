#include "common/event/process_id.h"

#include <arpa/inet.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/ascii.h"
#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"
#include "common/event/digest.h"

namespace lb::event {

namespace {

constexpr std::string_view kScheme = "https://";

Error wrong(std::string_view what, std::string_view text, std::string_view why) {
    return {ErrorCode::kReject, std::string(what) + " \"" + repaired_utf8(text.substr(0, 120)) +
                                    "\": " + std::string(why)};
}

bool is_blank_or_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f;
}

bool has_blank_or_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) { return is_blank_or_control(c); });
}

// One spelling of a host: lower case, no final dots, IPv6 literals as inet_ntop writes them.
std::string canonical_host(std::string_view text) {
    std::string host = lower_case(text);
    while (host.size() > 1 && host.back() == '.') host.pop_back();
    if (!host.starts_with('[') || !host.ends_with(']')) return host;
    in6_addr address{};
    std::array<char, INET6_ADDRSTRLEN> spelled{};
    const std::string literal = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, literal.c_str(), &address) != 1 ||
        inet_ntop(AF_INET6, &address, spelled.data(), spelled.size()) == nullptr)
        return host;
    return "[" + std::string(spelled.data()) + "]";
}

// Splits host[:port]; an IPv6 literal keeps its brackets.
bool split_service(std::string_view text, std::string& host, std::uint16_t& port) {
    std::size_t colon = text.rfind(':');
    const std::size_t bracket = text.rfind(']');
    if (bracket != std::string_view::npos && (colon == std::string_view::npos || colon < bracket))
        colon = std::string_view::npos;
    host = canonical_host(text.substr(0, colon));
    port = kDefaultPort;
    if (colon == std::string_view::npos) return !host.empty();
    const std::string_view digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    return !host.empty() && error == std::errc{} && end == digits.data() + digits.size() &&
           port != 0;
}

Status check_host(std::string_view text, std::string_view host) {
    const bool is_literal = host.front() == '[';
    if (is_literal != (host.back() == ']') ||
        (!is_literal && host.find(':') != std::string_view::npos))
        return wrong("process id", text, "an IPv6 address needs [brackets]");
    if (host.size() > limits::kHostBytesMax)
        return wrong("process id", text, "the host is too long");
    return {};
}

Result<ProcessId> of_service(std::string_view service, std::string unique) {
    ProcessId id;
    if (has_blank_or_control(service) || service.find('/') != std::string_view::npos ||
        !split_service(service, id.host, id.port))
        return wrong("service", service, "expected host or host:port");
    LB_TRY(check_host(service, id.host));
    id.unique = std::move(unique);
    return id;
}

bool is_key_type(std::string_view text) {
    return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
}

// 36 characters with dashes in their places, in lower case; nothing when the text is no UUID.
std::string canonical_uuid(std::string_view text) {
    if (text.size() != 36) return {};
    std::string uuid = lower_case(text);
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool is_hex =
            (uuid[i] >= '0' && uuid[i] <= '9') || (uuid[i] >= 'a' && uuid[i] <= 'f');
        if (is_dash ? uuid[i] != '-' : !is_hex) return {};
    }
    return uuid;
}

struct KeyKind {
    std::string_view type;
    ProcessType process_type;
    bool is_of_cloud = false;
};

// clang-format off
constexpr std::array kKeyKinds = {
    KeyKind{"libvirt-uuid",  ProcessType::kVirtualMachine},
    KeyKind{"one-vmid",      ProcessType::kVirtualMachine, true},
    KeyKind{"nova-uuid",     ProcessType::kVirtualMachine, true},
    KeyKind{"proxmox-vmid",  ProcessType::kVirtualMachine, true},
    KeyKind{"xen-uuid",      ProcessType::kVirtualMachine},
    KeyKind{"host",          ProcessType::kPhysicalMachine},
    KeyKind{"condor-id",     ProcessType::kCondor},
    KeyKind{"pbs-id",        ProcessType::kPbs},
};
// clang-format on

}  // namespace

std::string ProcessId::service() const {
    return host + ":" + std::to_string(port);
}

std::string ProcessId::to_string() const {
    std::string text(kScheme);
    text += service() + "/" + unique;
    if (!info.empty()) text += "?" + info;
    return text;
}

Result<ProcessId> ProcessId::parse(std::string_view text) {
    if (!text.starts_with(kScheme)) return wrong("process id", text, "it must begin with https://");
    if (text.size() > limits::kProcessIdBytesMax)
        return wrong("process id", text, "longer than 255 bytes");
    if (has_blank_or_control(text)) return wrong("process id", text, "it has a blank in it");
    if (!is_utf8(text)) return wrong("process id", text, "it is no UTF-8");
    const std::string_view rest = text.substr(kScheme.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos)
        return wrong("process id", text, "there is no '/' after the host");
    ProcessId id;
    if (!split_service(rest.substr(0, slash), id.host, id.port))
        return wrong("process id", text, "expected host or host:port after https://");
    LB_TRY(check_host(text, id.host));
    const std::string_view path = rest.substr(slash + 1);
    const std::size_t question = path.find('?');
    id.unique = path.substr(0, question);
    if (question != std::string_view::npos) id.info = path.substr(question + 1);
    if (id.unique.empty()) return wrong("process id", text, "nothing follows the '/'");
    if (id.unique.find('/') != std::string::npos)
        return wrong("process id", text, "the unique part has a '/' in it");
    if (id.to_string().size() > limits::kProcessIdBytesMax)
        return wrong("process id", text, "longer than 255 bytes with its port");
    return id;
}

Result<ProcessId> ProcessId::generate(std::string_view service) {
    std::array<char, 16> random{};
    if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
        return Error{ErrorCode::kRetry, "the system gives no random bytes"};
    return of_service(service, to_base64url({random.data(), random.size()}));
}

Result<ProcessId> ProcessId::of_libvirt_uuid(std::string_view service, std::string_view uuid) {
    const std::string canonical = canonical_uuid(uuid);
    if (canonical.empty()) return wrong("UUID", uuid, "expected 8-4-4-4-12 hexadecimal digits");
    LB_TRY_ASSIGN(ProcessId id, of_service(service, ""));
    id.unique = to_base64url(sha256(id.service() + "libvirt-uuid/" + canonical).substr(0, 16));
    return id;
}

Result<ProcessId> ProcessId::of_key(std::string_view service, const Key& key) {
    if (key.type == "libvirt-uuid" && key.scope.empty()) return of_libvirt_uuid(service, key.value);
    LB_TRY_ASSIGN(ProcessId id, of_service(service, ""));
    id.unique = to_base64url(sha256(id.service() + key.to_string()).substr(0, 16));
    return id;
}

ProcessId ProcessId::child(std::string_view seed, std::uint32_t index) const {
    ProcessId id = *this;
    id.info.clear();
    id.unique = to_base64url(md5(unique + "," + std::string(seed) + "," + std::to_string(index)));
    return id;
}

std::string Key::to_string() const {
    return type + ":" + scope + "/" + value;
}

Result<Key> Key::parse(std::string_view text) {
    if (text.size() > limits::kKeyBytesMax) return wrong("key", text, "longer than 255 bytes");
    if (has_blank_or_control(text)) return wrong("key", text, "it has a blank in it");
    if (!is_utf8(text)) return wrong("key", text, "it is no UTF-8");
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || !is_key_type(text.substr(0, colon)))
        return wrong("key", text, "expected type:scope/value, for example one-vmid:cloud1/42");
    const std::string_view rest = text.substr(colon + 1);
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos || slash + 1 == rest.size())
        return wrong("key", text, "a '/' and a value must follow the scope (it may be empty)");
    Key key{std::string(text.substr(0, colon)), std::string(rest.substr(0, slash)),
            std::string(rest.substr(slash + 1))};
    if (key.type.ends_with("-uuid")) {
        key.value = canonical_uuid(key.value);
        if (key.value.empty()) return wrong("key", text, "the value is no UUID");
    }
    if (key.type == "host") key.value = canonical_host(key.value);
    return key;
}

bool is_process_id(std::string_view subject) {
    return subject.starts_with(kScheme);
}

Result<Subject> parse_subject(std::string_view text) {
    if (is_process_id(text)) {
        LB_TRY_ASSIGN(ProcessId id, ProcessId::parse(text));
        return Subject(std::move(id));
    }
    LB_TRY_ASSIGN(Key key, Key::parse(text));
    return Subject(std::move(key));
}

std::string to_string(const Subject& subject) {
    return std::visit([](const auto& named) { return named.to_string(); }, subject);
}

ProcessType process_type_of_key(std::string_view key_type) {
    for (const KeyKind& kind : kKeyKinds)
        if (kind.type == key_type) return kind.process_type;
    return ProcessType::kUnspecified;
}

bool is_cloud_key(std::string_view key_type) {
    return std::any_of(kKeyKinds.begin(), kKeyKinds.end(), [&](const KeyKind& kind) {
        return kind.is_of_cloud && kind.type == key_type;
    });
}

}  // namespace lb::event
