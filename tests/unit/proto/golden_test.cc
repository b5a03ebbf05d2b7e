// The schema as it was released stands in proto/compat/lb_v1.desc. What stands there never changes
// its number, type or meaning (proto/README.md).
#include <google/protobuf/descriptor.pb.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <map>

namespace {

namespace pb = google::protobuf;

pb::FileDescriptorSet read_set(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    pb::FileDescriptorSet set;
    INFO(path);
    REQUIRE(set.ParseFromIstream(&file));
    return set;
}

std::string field_text(const pb::FieldDescriptorProto& field) {
    return pb::FieldDescriptorProto::Type_Name(field.type()) + " " + field.type_name() + " " +
           field.name() + (field.label() == pb::FieldDescriptorProto::LABEL_REPEATED ? " []" : "");
}

// Everything that has a number, by its full name and number.
using Facts = std::map<std::string, std::string>;

void add_enum(const std::string& scope, const pb::EnumDescriptorProto& type, Facts& facts) {
    for (const auto& value : type.value())
        facts[scope + type.name() + " = " + std::to_string(value.number())] = value.name();
}

void add_message(const std::string& scope, const pb::DescriptorProto& type, Facts& facts) {
    const std::string name = scope + type.name() + ".";
    for (const auto& field : type.field())
        facts[name + std::to_string(field.number())] = field_text(field);
    for (const auto& nested : type.nested_type()) add_message(name, nested, facts);
    for (const auto& nested : type.enum_type()) add_enum(name, nested, facts);
    facts[name + "options"] = type.options().SerializeAsString();
}

Facts facts_of(const pb::FileDescriptorSet& set) {
    Facts facts;
    for (const auto& file : set.file()) {
        if (!file.name().starts_with("lb/")) continue;
        for (const auto& type : file.message_type()) add_message("", type, facts);
        for (const auto& type : file.enum_type()) add_enum("", type, facts);
    }
    return facts;
}

}  // namespace

TEST_CASE("nothing that was released has changed", "[proto]") {
    const Facts released =
        facts_of(read_set(std::getenv("LB_SOURCE_DIR") + std::string("/proto/compat/lb_v1.desc")));
    const Facts now =
        facts_of(read_set(std::getenv("LB_BINARY_DIR") + std::string("/lb/v1/lb_v1.desc")));
    REQUIRE(released.size() > 500);
    for (const auto& [place, what] : released) {
        INFO(place << " was " << what << "; numbers and types never change (proto/README.md)");
        REQUIRE(now.contains(place));
        CHECK(now.at(place) == what);
    }
    for (const auto& [place, what] : now) {
        INFO(place << " is new: run packaging/update_golden and commit what it writes");
        CHECK(released.contains(place));
    }
}
