// The subjects and processes that one transaction sees: read once, changed in memory, written at
// its end. What was committed goes back to the caches of the lane; what was not is forgotten.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bkserver/book/fold.h"
#include "bkserver/book/intake.h"
#include "bkserver/book/lru.h"
#include "bkserver/state/registers.h"
#include "bkserver/store/store.h"

namespace lb::book {

// What the relations of a process to its parents hold, as committed.
struct HandedUp {
    std::vector<state::Link> links;
    state::MainState state = state::MainState::kUnknown;
    std::vector<state::Step> steps;
    bool is_parent = false;
};

// A process with its registers opened.
struct Opened {
    store::Process row;
    state::Registers registers;
    HandedUp handed_up;
    bool is_frozen = false;  // written by newer rules: the registers stay as they are
};

// What a lane remembers between transactions. May be out of date when others write the database:
// then the revision says so, and the lane forgets and reads again.
struct Caches {
    Caches(std::size_t processes, std::size_t process_bytes, std::size_t subjects)
        : processes_by_number(processes, process_bytes), subjects_by_text(subjects) {}
    Lru<store::ProcessNumber, Opened> processes_by_number;
    Lru<std::string, store::Subject> subjects_by_text;
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
};

struct Entry {
    Opened opened;
    bool is_new = false;      // not in the database yet
    bool is_touched = false;  // registers may have changed
    bool must_save = false;   // another column has changed
    store::ArrivalNumber last_arrival = 0;
    std::vector<const Candidate*> pending;       // stored by this transaction
    std::vector<std::string> new_subjects;       // names given by this transaction
    std::vector<store::ProcessNumber> absorbed;  // merged into this one by this transaction
    std::optional<Embryo> embryo;                // planned by this transaction
    std::optional<state::ProcessStatus> status;  // of changed registers, while they are written
};

class WorkingSet {
  public:
    // `service`: whose ids this server keeps; empty: any.
    WorkingSet(store::Writer& writer, Caches& caches, std::string service)
        : writer_(writer), caches_(caches), service_(std::move(service)) {}

    // Reads what is known of these subjects, and their processes.
    Status load(std::span<const std::string> subject_texts);

    // Nothing: nobody owns this subject, as far as load() or find() looked.
    Entry* find(const std::string& subject_text);
    // The same, and reads it if it was not read.
    Result<Entry*> look_up(const std::string& subject_text);
    [[nodiscard]] store::SubjectNumber number_of(const std::string& subject_text) const;

    // A new process founded by this new subject.
    Result<Entry*> create(const std::string& subject_text, std::uint32_t implied_type);
    // One more name for `entry`: the subject must be new.
    Result<store::SubjectNumber> bind(const std::string& subject_text, Entry& entry);
    // `from` becomes a name of `into`, which takes over its claims.
    Status merge(Entry& from, Entry& into);
    // A host vouches for a process that nobody registered: its keys say what it is.
    Status adopt(Entry& entry);
    // Folds everything that is known of the process from the start.
    Status refold(Entry& entry);
    // The plan that made the process a child, if one did.
    Result<std::optional<Embryo>> embryo_of(const Entry& entry);
    // This transaction asked for the subject, whether it exists or not.
    [[nodiscard]] bool has_asked_for(const std::string& subject_text) const {
        return subjects_.contains(subject_text);
    }

    // Itself, or into which it was merged by this transaction.
    [[nodiscard]] store::ProcessNumber survivor_of(store::ProcessNumber number) const;
    // Writes subjects, processes and their changes. The changes are those of state or vm_state.
    Status write(std::int64_t now_us);
    void remember();  // after commit
    [[nodiscard]] std::uint64_t change_count() const { return changes_.size(); }

  private:
    Status load_processes(const std::set<store::ProcessNumber>& numbers);
    Result<Opened> open(store::Process row);
    Result<std::vector<store::Subject>> stored_subjects_of(const Entry& entry);
    Status rekey(const Entry& entry);
    void see(Entry& entry);
    Status relate(Entry& entry);
    Result<store::ProcessNumber> parent_number(const std::string& text);
    Result<std::map<store::ProcessNumber, std::int64_t>> parents_in(
        std::span<const state::Link> links, store::ProcessNumber child);
    void finish(Entry& entry, std::int64_t now_us);
    void plan_look(const Entry& entry, std::int64_t now_us);

    store::Writer& writer_;
    Caches& caches_;
    const std::string service_;
    std::unordered_map<std::string, std::optional<store::Subject>> subjects_;
    std::map<store::ProcessNumber, Entry> entries_;  // by number: rows are locked in this order
    std::vector<std::string> new_subjects_;
    std::vector<std::pair<store::ProcessNumber, store::ProcessNumber>> moves_;
    std::vector<store::Event> rekeyed_;
    std::vector<store::Change> changes_;
    std::vector<store::Relation> related_;
    std::vector<store::Relation> unrelated_;
    std::set<store::ProcessNumber> news_;  // parents to be counted anew
    std::vector<store::Due> due_;          // what depends on now, and begins to
    std::vector<store::Due> changed_;      // what depended on it before may no more
};

}  // namespace lb::book
