// Process ids and keys: how a process is named (legacy id format; design: identity).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/result.h"
#include "common/event/table.h"

namespace lb::event {

struct Key;

inline constexpr std::uint16_t kDefaultPort = 9000;

// https://host[:port]/unique[?info]. host:port names the bookkeeping service.
struct ProcessId {
    std::string host;  // lower case, no final dot; IPv6 literals in brackets, as inet_ntop writes
    std::uint16_t port = kDefaultPort;
    std::string unique;  // non-empty, no blanks
    std::string info;    // without '?', kept and printed, no part of the identity

    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] std::string service() const;  // "host:port"

    // kReject says which part is wrong.
    static Result<ProcessId> parse(std::string_view text);
    // A new id of `service` from 128 random bits: 22 characters of base64url.
    static Result<ProcessId> generate(std::string_view service);
    // The id of a machine from its libvirt UUID: base64url of the first 16 bytes of
    // SHA-256(service + "libvirt-uuid/" + uuid), `uuid` in lower case with dashes.
    // Manager, host and guest arrive at the same id without asking anybody.
    static Result<ProcessId> of_libvirt_uuid(std::string_view service, std::string_view uuid);
    // The id of a process that a key founded: of_libvirt_uuid for libvirt-uuid keys without scope,
    // else base64url of the first 16 bytes of SHA-256(service + key text).
    static Result<ProcessId> of_key(std::string_view service, const Key& key);
    // Child `index` of a collection or DAG: MD5("<parent unique>,<seed>,<index>"), base64url; the
    // same service.
    [[nodiscard]] ProcessId child(std::string_view seed, std::uint32_t index) const;

    // Identity: host, port and unique.
    bool operator==(const ProcessId& other) const {
        return host == other.host && port == other.port && unique == other.unique;
    }
};

// type:scope/value, for example libvirt-uuid:/6b1a2a9e-..., one-vmid:cloud1/42,
// host:/node1.example.org. type is [a-z][a-z0-9-]*, scope may be empty and has no '/', value is not
// empty; no blanks or controls.
struct Key {
    std::string type;
    std::string scope;
    std::string value;

    [[nodiscard]] std::string to_string() const;
    static Result<Key> parse(std::string_view text);
    bool operator==(const Key&) const = default;
};

using Subject = std::variant<ProcessId, Key>;
// Whether a subject is an id, not a key: whether it begins with https://.
bool is_process_id(std::string_view subject);
Result<Subject> parse_subject(std::string_view text);
std::string to_string(const Subject& subject);

// What a key of this type names: libvirt-uuid and the like a virtual machine, host a physical one;
// kUnspecified when the type implies nothing.
ProcessType process_type_of_key(std::string_view key_type);

// Whether a cloud's manager gives names of this type, and the scope of one is the cloud's.
bool is_cloud_key(std::string_view key_type);

}  // namespace lb::event
