#include "common/event/digest.h"
#include "common/event/event_id.h"

namespace lb::event {

namespace {

constexpr std::size_t kVersionByte = 6;
constexpr std::size_t kVariantByte = 8;
constexpr unsigned char kVersion8 = 0x80;

std::string id_of_digest(std::string_view text) {
    std::string id = sha256(text).substr(0, kEventIdBytes);
    id[kVersionByte] =
        static_cast<char>((static_cast<unsigned char>(id[kVersionByte]) & 0x0f) | kVersion8);
    id[kVariantByte] =
        static_cast<char>((static_cast<unsigned char>(id[kVariantByte]) & 0x3f) | 0x80);
    return id;
}

}  // namespace

std::string event_id_of_text(std::string_view text) {
    return id_of_digest("text/" + std::string(text));
}

std::string event_id_of_import(std::string_view subject, std::string_view event_bytes) {
    return id_of_digest("lb-import-1\n" + std::string(subject) + "\n" + std::string(event_bytes));
}

std::string event_id_of_source(std::string_view scope, std::string_view id) {
    return id_of_digest("source-id/" + std::to_string(scope.size()) + "/" + std::string(scope) +
                        "/" + std::string(id));
}

bool is_derived_event_id(std::string_view event_id) {
    return event_id.size() == kEventIdBytes &&
           (static_cast<unsigned char>(event_id[kVersionByte]) & 0xf0) == kVersion8;
}

}  // namespace lb::event
