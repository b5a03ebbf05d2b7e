// What counts are grouped by, and a value of a group as people read it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "bkserver/authz/policy.h"
#include "bkserver/query/candidate.h"
#include "bkserver/query/forms.h"
#include "bkserver/store/store.h"
#include "common/base/result.h"

namespace lb::query {

struct Group {
    std::string_view word;
    store::Column column;
    std::string_view listed;  // member of list_row() of the process with the same; else empty
};

// Of counts of processes or of events; nullptr of the empty word. kReject names what there is.
Result<const Group*> read_process_group(std::string_view word);
Result<const Group*> read_event_group(std::string_view word);

// A process that fits, and as how much of it the asker may see it.
struct Sighting {
    const store::Process& process;
    authz::View view;
    ProcessCandidate& candidate;
};

// The value of a group: as the store counted it; of a process as who asks sees it; of an event that
// `process` answers for.
std::string group_text(const Group& group, const store::Count& count);
Result<std::string> group_text(const Group& group, const Sighting& seen, std::string_view salt);
std::string group_text(const Group& group, const store::FoundEvent& found,
                       const store::Process& process);

// How many there are of each value.
class Tally {
  public:
    // nullptr: one count of all.
    explicit Tally(const Group* group);

    void add(const std::string& value, std::uint64_t count = 1) { counts_[value] += count; }
    // Rows {GROUP, "count"}: hours in their order, of all else the most frequent first.
    void write(bool is_truncated, const std::function<void(const Row&)>& on_row) const;

  private:
    const Group* group_;
    std::map<std::string, std::uint64_t> counts_;
};

}  // namespace lb::query
