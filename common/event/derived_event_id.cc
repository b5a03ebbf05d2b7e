#include "common/event/digest.h"
#include "common/event/event_id.h"

namespace lb::event {

std::string event_id_of_text(std::string_view canonical_text) {
    return sha256(canonical_text).substr(0, kEventIdBytes);
}

std::string event_id_of_source(std::string_view scope, std::string_view id) {
    return sha256("source-id/" + std::string(scope) + "/" + std::string(id))
        .substr(0, kEventIdBytes);
}

}  // namespace lb::event
