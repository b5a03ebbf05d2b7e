// The event types as data: generated at build time from proto/lb/v1 (table_generator.cc), so that
// the command line, ULM, JSON and the state tables read one list. No protobuf library is needed to
// use it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace lb::event {

// How a field's text looks (event.h, FieldValue) and how it travels.
enum class FieldKind : std::uint8_t {
    kText,
    kProcessId,  // a process id or a key
    kInteger,    // decimal, signed 64 bit
    kPort,       // decimal, 0..65535
    kReal,       // decimal, shortest form that reads back the same
    kEnum,       // the value's name: "OK"
    kSource,     // the source's name: "VMManager"
    kTags,       // name=value,name=value
    kTime,       // decimal microseconds since 1970-01-01 UTC
};

struct EnumValue {
    std::string_view name;      // without the proto prefix: "OK"
    std::uint32_t number;       // in proto
    std::uint32_t legacy_code;  // in the original
};

struct FieldInfo {
    std::string_view name;     // as the original spells it: "status_code"
    std::string_view ulm_key;  // last part of the ULM key: "STATUS_CODE"
    FieldKind kind;
    std::uint8_t number;                // proto field number
    bool is_required;                   // the original refused the event without it
    std::span<const EnumValue> values;  // of kEnum
    std::string_view help;              // one line for --help
};

struct TypeInfo {
    std::uint16_t code;       // proto payload number - 100
    std::string_view name;    // "VMRunning"
    std::string_view family;  // "compute", "pbs", "condor", "cream", "transfer", "vm"
    std::string_view help;
    std::span<const FieldInfo> fields;

    // The field called `name`, or nullptr. Case as in the table.
    [[nodiscard]] constexpr const FieldInfo* find_field(std::string_view field_name) const {
        for (const FieldInfo& field : fields)
            if (field.name == field_name) return &field;
        return nullptr;
    }
};

// All types, in the order of their codes.
std::span<const TypeInfo> types();
// nullptr when there is no such type. Names compare without regard to case, as the original did.
const TypeInfo* find_type(std::uint16_t code);
const TypeInfo* find_type(std::string_view name);

// Names of lb.v1.Source as the original writes them: "Undefined", "UserInterface", ... "VMSystem".
std::span<const std::string_view> source_names();
// Names of lb.v1.Level: "UNDEFINED", "EMERGENCY", ...
std::span<const std::string_view> level_names();
// Names of lb.v1.ProcessType: "SIMPLE" ... "VM_CLUSTER"; empty where there is no such number.
std::span<const std::string_view> process_type_names();

}  // namespace lb::event

// enum class EventType { kTransfer = 1, ... }, enum class Source { kUserInterface = 1, ... },
// enum class ProcessType { kSimple = 1, ... } and consteval tables, generated from the same
// descriptors.
#include "common/event/generated_types.h"
