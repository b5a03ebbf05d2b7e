// What queries may ask of processes and of events, and where the answer is found: in a column of
// the store, in the status, in an event.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bkserver/query/language/vocabulary.h"
#include "bkserver/store/filter.h"

namespace lb::query {

// Where the values of a term are.
enum class Origin : std::uint8_t {
    kStatus,        // member `path` of the status
    kDisagreement,  // names of the view's disagreements
    kStale,         // the view's stale hosts
    kNames,         // all names of the process
    kParents,       // all names of its parents and clusters
    kChildren,      // all names of its children and members
    kCloud,         // of its names the cloud that gave the first
    kPast,          // what `path` of the status was at the member's time
    kClassAd,       // an attribute of the job description, by the member's name
    kEvent,         // member `path` of the event's row (JSON.md, history)
    kField,         // a field of the event, by the member's name
    kProcess,       // of an event: the same of its process, term `process_term` of processes
};

struct Source {
    Origin origin = Origin::kStatus;
    std::string path;                     // attribute of the status, member of the row
    std::optional<store::Column> column;  // where the store has the same
    std::size_t process_term = 0;         // of kProcess
};

// A vocabulary and, at the same positions, where its values are.
struct Domain {
    std::vector<language::Term> terms;
    std::vector<Source> sources;

    void add(language::Term term, Source source) {
        terms.push_back(std::move(term));
        sources.push_back(std::move(source));
    }
};

const Domain& process_domain();
const Domain& event_domain();

}  // namespace lb::query
