// Build-time program: reads the descriptor set of proto/lb/v1 and writes the event table as C++.
// Usage: table_generator DESCRIPTOR_SET HEADER_OUT SOURCE_OUT
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lb/v1/options.pb.h"

namespace {

namespace pb = google::protobuf;

// "SOURCE_VM_MANAGER" of enum Source -> "VM_MANAGER".
std::string value_name(const pb::EnumValueDescriptor& value) {
    std::string prefix;
    for (const char c : value.type()->name()) {
        if (std::isupper(static_cast<unsigned char>(c)) != 0 && !prefix.empty()) prefix += '_';
        prefix += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return value.name().substr(prefix.size() + 1);
}

// "VM_MANAGER" -> "VmManager"; words that the trade writes in capitals stay so when `keep` is set.
std::string camel(const std::string& upper, bool keep) {
    static const std::vector<std::string> kCapitals = {"VM", "PBS", "CREAM", "LRMS"};
    std::string text;
    std::size_t start = 0;
    while (start <= upper.size()) {
        const std::size_t end = std::min(upper.find('_', start), upper.size());
        const std::string word = upper.substr(start, end - start);
        const bool capitals =
            keep && std::find(kCapitals.begin(), kCapitals.end(), word) != kCapitals.end();
        for (std::size_t i = 0; i < word.size(); ++i)
            text += (i == 0 || capitals)
                        ? word[i]
                        : static_cast<char>(std::tolower(static_cast<unsigned char>(word[i])));
        start = end + 1;
    }
    return text;
}

// The original's spelling of a source: "LBServer" keeps its capitals as well.
std::string source_name(const std::string& upper) {
    return upper == "LB_SERVER" ? "LBServer" : camel(upper, true);
}

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out + '"';
}

std::string first_line(const std::string& comment) {
    const std::size_t start = comment.find_first_not_of(" \n");
    if (start == std::string::npos) return "";
    const std::size_t end = comment.find('\n', start);
    return comment.substr(start, end == std::string::npos ? end : end - start);
}

template <typename Descriptor>
std::string help_of(const Descriptor& descriptor) {
    pb::SourceLocation location;
    if (!descriptor.GetSourceLocation(&location)) return "";
    return first_line(location.trailing_comments.empty() ? location.leading_comments
                                                         : location.trailing_comments);
}

std::string kind_of(const pb::FieldDescriptor& field) {
    if (field.is_repeated()) return "kTags";
    if (field.enum_type() != nullptr)
        return field.enum_type()->name() == "Source" ? "kSource" : "kEnum";
    if (field.options().GetExtension(lb::v1::process_id)) return "kProcessId";
    if (field.name().ends_with("_us")) return "kTime";
    if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_INT64) return "kInteger";
    if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_UINT32) return "kPort";
    if (field.cpp_type() == pb::FieldDescriptor::CPPTYPE_DOUBLE) return "kReal";
    return "kText";
}

std::string field_name(const pb::FieldDescriptor& field) {
    const std::string legacy = field.options().GetExtension(lb::v1::legacy_name);
    if (!legacy.empty()) return legacy;
    return field.name().ends_with("_us") ? field.name().substr(0, field.name().size() - 3)
                                         : field.name();
}

std::string ulm_key(const pb::FieldDescriptor& field) {
    const std::string key = field.options().GetExtension(lb::v1::ulm_key);
    if (!key.empty()) return key;
    std::string upper = field.name();
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return upper;
}

std::string type_name(const pb::Descriptor& message) {
    const std::string name = message.options().GetExtension(lb::v1::event_name);
    return name.empty() ? message.name() : name;
}

std::string family_of(const pb::Descriptor& message) {
    const std::string file = message.file()->name();  // lb/v1/event_vm.proto
    const std::size_t start = file.find("event_") + 6;
    return file.substr(start, file.rfind('.') - start);
}

class Generator {
  public:
    explicit Generator(const pb::DescriptorPool& pool)
        : payload_(*pool.FindMessageTypeByName("lb.v1.Event")->FindOneofByName("payload")),
          sources_(*pool.FindEnumTypeByName("lb.v1.Source")),
          levels_(*pool.FindEnumTypeByName("lb.v1.Level")),
          process_types_(*pool.FindEnumTypeByName("lb.v1.ProcessType")) {
        for (int i = 0; i < payload_.field_count(); ++i) {
            const pb::Descriptor* message = payload_.field(i)->message_type();
            by_code_[message->options().GetExtension(lb::v1::event_code)] = message;
        }
    }

    // False, with a line on standard error, when a payload's number is not its code + 100.
    [[nodiscard]] bool check() const {
        for (int i = 0; i < payload_.field_count(); ++i) {
            const pb::FieldDescriptor& field = *payload_.field(i);
            const auto code = field.message_type()->options().GetExtension(lb::v1::event_code);
            if (field.number() == static_cast<int>(code) + 100) continue;
            std::cerr << "event.proto: payload " << field.name() << " must have number "
                      << code + 100 << "\n";
            return false;
        }
        return true;
    }

    [[nodiscard]] std::string header() const {
        std::string out =
            "// Generated from proto/lb/v1 by common/event/table_generator.cc.\n#pragma once\n\n"
            "#include <cstdint>\n\nnamespace lb::event {\n\n"
            "enum class EventType : std::uint16_t {\n";
        for (const auto& [code, message] : by_code_)
            out += fmt::format("    k{} = {},\n", type_name(*message), code);
        out += "};\n\n" + enum_class(sources_, "Source") +
               enum_class(process_types_, "ProcessType") + "}  // namespace lb::event\n";
        return out;
    }

    [[nodiscard]] std::string source() const {
        std::string out =
            "// Generated from proto/lb/v1 by common/event/table_generator.cc.\n"
            "#pragma once\n\n#include <array>\n\n"
            "#include \"common/event/table.h\"\n\nnamespace lb::event::generated {\n\n";
        for (const auto& [code, message] : by_code_) out += enums_of(*message);
        for (const auto& [code, message] : by_code_) out += fields_of(*message);
        out += fmt::format("inline constexpr std::array<TypeInfo, {}> kTypes = {{{{\n",
                           by_code_.size());
        for (const auto& [code, message] : by_code_)
            out +=
                fmt::format("    {{{}, \"{}\", \"{}\", {}, {}}},\n", code, type_name(*message),
                            family_of(*message), quoted(help_of(*message)), fields_name(*message));
        out += "}};\n\n";
        out += names(sources_, "kSourceNames", source_name);
        out += names(levels_, "kLevelNames", [](const std::string& name) { return name; });
        return out +
               names(process_types_, "kProcessTypeNames",
                     [](const std::string& name) { return name; }) +
               "}  // namespace lb::event::generated\n";
    }

  private:
    static std::string enum_class(const pb::EnumDescriptor& type, const std::string& name) {
        std::string out = fmt::format("enum class {} : std::uint8_t {{\n", name);
        for (int i = 0; i < type.value_count(); ++i)
            out += fmt::format("    k{} = {},\n", camel(value_name(*type.value(i)), false),
                               type.value(i)->number());
        return out + "};\n\n";
    }

    // One constexpr list per enum that a field of `message` uses, once.
    std::string enums_of(const pb::Descriptor& message) const {
        std::string out;
        for (int i = 0; i < message.field_count(); ++i) {
            const pb::EnumDescriptor* type = message.field(i)->enum_type();
            if (type == nullptr || type->name() == "Source" || !seen_.insert(type->name()).second)
                continue;
            out += fmt::format("inline constexpr std::array<EnumValue, {}> k{}Values = {{{{\n",
                               type->value_count() - 1, type->name());
            for (int v = 1; v < type->value_count(); ++v) {
                const pb::EnumValueDescriptor& value = *type->value(v);
                const bool differs = value.options().HasExtension(lb::v1::legacy_code);
                const auto legacy = differs && type->name() != "ProcessType"
                                        ? value.options().GetExtension(lb::v1::legacy_code)
                                        : static_cast<std::uint32_t>(value.number());
                out += fmt::format("    {{\"{}\", {}, {}}},\n", value_name(value), value.number(),
                                   legacy);
            }
            out += "}};\n\n";
        }
        return out;
    }

    static std::string fields_name(const pb::Descriptor& message) {
        return message.field_count() == 0 ? "{}" : "k" + message.name() + "Fields";
    }

    static std::string fields_of(const pb::Descriptor& message) {
        if (message.field_count() == 0) return "";
        std::string out = fmt::format("inline constexpr std::array<FieldInfo, {}> {} = {{{{\n",
                                      message.field_count(), fields_name(message));
        for (int i = 0; i < message.field_count(); ++i) {
            const pb::FieldDescriptor& field = *message.field(i);
            const std::string kind = kind_of(field);
            out += fmt::format("    {{\"{}\", \"{}\", FieldKind::{}, {}, {}, {}, {}}},\n",
                               field_name(field), ulm_key(field), kind, field.number(),
                               field.options().GetExtension(lb::v1::required),
                               kind == "kEnum" ? "k" + field.enum_type()->name() + "Values" : "{}",
                               quoted(help_of(field)));
        }
        return out + "}};\n\n";
    }

    template <typename Spelling>
    static std::string names(const pb::EnumDescriptor& type, const std::string& variable,
                             Spelling spelling) {
        int count = 0;
        for (int i = 0; i < type.value_count(); ++i)
            count = std::max(count, type.value(i)->number() + 1);
        std::vector<std::string> list(static_cast<std::size_t>(count));
        for (int i = 0; i < type.value_count(); ++i)
            list[static_cast<std::size_t>(type.value(i)->number())] =
                spelling(value_name(*type.value(i)));
        std::string out = fmt::format(
            "inline constexpr std::array<std::string_view, {}> {} = {{{{\n", count, variable);
        for (const std::string& name : list) out += "    " + quoted(name) + ",\n";
        return out + "}};\n\n";
    }

    const pb::OneofDescriptor& payload_;
    const pb::EnumDescriptor& sources_;
    const pb::EnumDescriptor& levels_;
    const pb::EnumDescriptor& process_types_;
    std::map<std::uint32_t, const pb::Descriptor*> by_code_;
    mutable std::set<std::string> seen_;
};

bool write_file(const char* path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    return file.good();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: table_generator DESCRIPTOR_SET HEADER_OUT SOURCE_OUT\n";
        return 64;
    }
    std::ifstream input(argv[1], std::ios::binary);
    pb::FileDescriptorSet set;
    if (!set.ParseFromIstream(&input)) {
        std::cerr << argv[1] << ": no descriptor set\n";
        return 65;
    }
    // Options of this set are known to the program as generated extensions.
    pb::DescriptorPool pool;
    for (const pb::FileDescriptorProto& file : set.file()) {
        if (pool.BuildFile(file) == nullptr) return 65;
    }
    const Generator generator(pool);
    if (!generator.check()) return 65;
    return write_file(argv[2], generator.header()) && write_file(argv[3], generator.source()) ? 0
                                                                                              : 73;
}
