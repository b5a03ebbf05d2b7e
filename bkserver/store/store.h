// The store: what the server keeps of its processes, behind verbs of the domain. One Database a
// server process, one Writer a lane, one Reader a querying thread; a Writer or Reader belongs to
// one thread at a time. Several servers may share one database.
//
// What a caller may rely on:
// - Everything between Writer::begin() and commit() happens wholly or not at all; when commit()
// returned
//   ok, it is durable. A Writer that is not committed rolls back at the next begin() or in its
//   destructor.
// - Any verb may fail with kRetry: the transaction is gone, nothing of it happened, begin() again
//   (the connection is renewed by itself). A commit() that fails with kRetry may have happened:
//   whoever repeats it must look for its events by id, as book does. kReject: the data is at fault
//   (a value that the store cannot take): repeating is of no use. kConflict: another writer was
//   faster (a revision, an event id, a subject, a lock): begin again with fresh rows.
// - Registers are written only over the revision that was read.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bkserver/store/filter.h"
#include "common/base/result.h"
#include "lb/v1/envelope.pb.h"
#include "lb/v1/error.pb.h"

namespace lb::store {

// Numbers that stand for texts inside the database; 0 is none.
using SubjectNumber = std::uint32_t;
using ProcessNumber = SubjectNumber;  // that of the subject that founded the process
using ArrivalNumber = std::uint64_t;

// What events hang on: a process id or a key, and the process that answers for it now.
struct Subject {
    SubjectNumber number = 0;
    std::string text{};
    ProcessNumber process = 0;
};

struct Process {
    ProcessNumber number = 0;
    std::string id{};  // text of its founding subject: a key as long as nobody owns the process
    ProcessNumber merged_into = 0;  // not 0: this process is only a name of that one
    std::uint32_t revision = 0;     // grows by one with every write
    std::uint16_t type = 0;         // lb.v1.ProcessType; 0: not registered, not adopted
    bool is_adopted = false;       // created for a host, by a key; stays true when registered later
    bool not_understood = false;   // holds events of types newer than the server that stored them
    bool has_access_list = false;  // its registers give rights to others than its owner
    bool has_heartbeats = false;   // some may have been put: without it nobody looks for them
    std::uint32_t rules_version = 0;
    std::uint32_t waiting = 0;  // stored events that no type could fold yet
    std::string registrant{};   // identity of the first accepted registration; empty: unregistered
    std::string state{};        // columns of the lists: words of the derived status
    std::string vm_state{};
    std::string owner{};
    std::string host{};
    std::int64_t entered_us = 0;  // when the state was entered
    std::int64_t updated_us = 0;  // event time of the last update
    std::string registers{};      // lb.v1.Registers, canonical bytes; empty: damaged, or not read
};

struct Event {
    ArrivalNumber arrival = 0;
    SubjectNumber subject = 0;
    std::string event_id{};
    std::string order_key{};  // whole, as event::order_key() makes it
    std::uint16_t type = 0;
    lb::v1::Verdict verdict = lb::v1::VERDICT_UNSPECIFIED;
    lb::v1::Identity forwarder{};  // who delivered it, proven by TLS
    std::int64_t arrived_us = 0;
    std::string envelope{};  // the bytes that arrived
};

// A state that became another one. Numbered without gaps within its stream, in the order of
// commits.
struct Change {
    std::uint32_t stream = 0;  // of the writer; filled in by the store
    std::uint64_t number = 0;  // filled in by the store
    ProcessNumber process = 0;
    std::uint32_t revision = 0;
    std::string old_state{};
    std::string new_state{};
    std::string old_vm_state{};
    std::string new_vm_state{};
    std::string old_concerns{};  // when timers changed these: the states are as they were
    std::string new_concerns{};
    ArrivalNumber arrival = 0;  // the event that did it; 0: a merge, a rebuild or a timer
    std::int64_t changed_us = 0;
};

// Last number seen of each stream: where a reader of changes stands.
using ChangeCursor = std::map<std::uint32_t, std::uint64_t>;

// Bytes that are kept of the reason of a dead letter: the column holds as many characters.
inline constexpr std::size_t kReasonBytesMax = 1024;

struct DeadLetter {
    std::uint64_t number = 0;
    std::int64_t arrived_us = 0;  // last arrival
    std::uint32_t times = 1;      // how often these very bytes arrived
    lb::v1::Verdict verdict = lb::v1::VERDICT_UNSPECIFIED;
    std::string reason{};
    lb::v1::Identity forwarder{};
    std::int64_t replayed_us = 0;  // 0: not replayed
    std::string envelope{};
};

// The last sign of life of a process as one reporter saw it: outside events, registers and status.
struct Heartbeat {
    ProcessNumber process = 0;
    std::string reporter{};  // "VMSystem/host"
    std::int64_t time_us = 0;
    std::int64_t arrived_us = 0;
    std::uint32_t uptime_s = 0;
};

// The last sign of life of a host that logs: what its forwarder's keepalives said.
struct Logger {
    std::string host{};                // as its certificate names it, or it itself
    std::int64_t seen_us = 0;          // server's clock
    std::int64_t clock_offset_us = 0;  // host's clock minus the server's
    std::uint64_t unsettled = 0;  // events that it read from its spool and that are not settled
    std::int64_t oldest_us = 0;   // when the oldest of them was accepted; 0: none
};

// A process with its last signs of life: what its status is made of.
struct SightedProcess {
    Process process{};
    std::vector<Heartbeat> heartbeats{};  // by reporter
};

// Whether a process is as it was read before, and its last signs of life.
struct Look {
    std::uint32_t revision = 0;
    std::vector<Heartbeat> heartbeats{};  // by reporter
};

// What a bearer of a secret may do over HTTP: speak for one process, from some sources.
struct Token {
    std::string id{};             // 16 hexadecimal digits
    std::string secret_digest{};  // SHA-256, 32 bytes: the secret itself is not stored
    std::string name{};           // id or key of the process that it was issued for
    std::string process{};        // id of that process, or the id that it will have
    std::uint64_t sources = 0;    // a bit for each source, by its number
    bool may_read = false;        // the process, too
    std::string issued_by{};      // identity_text()
    std::int64_t issued_us = 0;
    std::int64_t expires_us = 0;
    std::int64_t revoked_us = 0;  // 0: not revoked
    std::string note{};           // for people
};

// A process is a child of another one, or a member of a cluster: what the parent counts of it.
struct Relation {
    ProcessNumber parent = 0;
    ProcessNumber child = 0;
    ArrivalNumber registration = 0;  // event of the parent that planned the child; 0: none did
    std::int64_t since_us = 0;       // a member joined; 0: from the beginning
    std::uint8_t state = 0;          // state::MainState of the child
    bool is_parent = false;          // the child's own state is counted from children
    std::string steps{};             // state::encode_steps of the child
};

// Children of this parent have changed: it is to be counted anew. Appended by whoever writes a
// child, so that no two writers meet in a row.
struct News {
    std::uint64_t number = 0;  // given by the store
    ProcessNumber parent = 0;
    std::uint32_t level = 0;  // how many parents the news climbed
};

// When what depends on now is to be looked at for a process (book/lookout.h). One row a process.
struct Due {
    static constexpr std::int64_t kWhenItChanges = INT64_MAX;  // not by itself
    static constexpr std::int64_t kNever = 0;                  // there is no row

    ProcessNumber process = 0;
    std::int64_t at_us = kNever;
};

// What is wrong with a process by now: names of its disagreements, "stale". Beside its status.
struct Concern {
    ProcessNumber process = 0;
    std::string names{};  // "lost stale", sorted; empty: there is no row
    std::int64_t since_us = 0;
};

// Processes that are registered or adopted, each once.
struct ProcessSelection {
    Filter filter{};
    ProcessOrder order = ProcessOrder::kFounded;
    bool is_descending = false;
    std::optional<Place> after{};
    std::uint32_t limit = 0;
    bool with_registers = false;
};

// Events of such processes, by the time that counts for order.
struct EventSelection {
    Filter filter{};
    bool is_descending = false;
    std::optional<Place> after{};
    std::uint32_t limit = 0;
};

struct FoundEvent {
    Event event{};              // without its order key
    ProcessNumber process = 0;  // that answers for it
    std::int64_t time_us = 0;   // that counts for order
};

// How many processes or events have this value of the column that they are counted by.
struct Count {
    std::string text{};  // of columns that hold texts
    std::int64_t number =
        0;  // of kType, kEventType; of kEntered, kEventTime: the hour, in microseconds
    std::uint64_t count = 0;
};

// An index of the process table.
struct Index {
    std::string name{};
    std::vector<Column> columns{};  // in their order
    bool is_own = false;            // of the schema: cannot be dropped
};

struct HistoryPage {
    std::vector<Event> events;  // in the order of their keys
    std::string cursor{};       // empty: no more
};

// Reads what is committed. Every verb is a read of its own.
class Reader {
  public:
    virtual ~Reader() = default;

    // `name` is a process id, a key, or the unique part of an id of this service. Merges are
    // followed.
    virtual Result<std::optional<Process>> find_process(std::string_view name) = 0;
    // In their order, each as find_process() finds it.
    virtual Result<std::vector<std::optional<Process>>> find_processes(
        std::span<const std::string> names) = 0;
    virtual Result<std::optional<SightedProcess>> find_sighted_process(std::string_view name) = 0;
    // `known` as it was read before; at another revision there may be more heartbeats than told.
    virtual Result<std::optional<Look>> look_at(const Process& known) = 0;
    // Of those that there are.
    virtual Result<std::map<ProcessNumber, std::uint32_t>> revisions_of(
        std::span<const ProcessNumber> numbers) = 0;
    virtual Result<std::optional<Process>> get_process(ProcessNumber number) = 0;
    // Only those that there are, in any order.
    virtual Result<std::vector<Process>> get_processes(std::span<const ProcessNumber> numbers,
                                                       bool with_registers) = 0;
    // All names of a process, its id first.
    virtual Result<std::vector<Subject>> subjects_of(ProcessNumber process) = 0;
    // kFull: the database took longer than a query may.
    virtual Result<std::vector<Process>> search_processes(const ProcessSelection& selection) = 0;
    virtual Result<std::vector<FoundEvent>> search_events(const EventSelection& selection) = 0;
    // Without `by` one count of all.
    virtual Result<std::vector<Count>> count_processes(const Filter& filter,
                                                       std::optional<Column> by) = 0;
    // By their type, the hour of their time (kEventTime) or a column of their process.
    virtual Result<std::vector<Count>> count_events(const Filter& filter,
                                                    std::optional<Column> by) = 0;
    // At least one event if there is one behind `cursor`; at most `limit`.
    virtual Result<HistoryPage> read_history(ProcessNumber process, std::string_view cursor,
                                             std::uint32_t limit) = 0;
    // Stored events of all subjects with arrival numbers above `after`, by number, that arrived
    // from `from_us` on and before `to_us`. Events that are being written meanwhile may be passed
    // over.
    virtual Result<std::vector<Event>> read_arrivals(ArrivalNumber after, std::int64_t from_us,
                                                     std::int64_t to_us, std::uint32_t limit) = 0;
    // By reporter.
    virtual Result<std::vector<Heartbeat>> heartbeats_of(ProcessNumber process) = 0;
    // By process and reporter.
    virtual Result<std::vector<Heartbeat>> heartbeats_of(
        std::span<const ProcessNumber> processes) = 0;
    // Those of these hosts that were ever heard of, by host.
    virtual Result<std::vector<Logger>> loggers_of(std::span<const std::string> hosts) = 0;
    // With numbers above `after`; without their envelopes.
    virtual Result<std::vector<DeadLetter>> list_dead_letters(std::uint64_t after,
                                                              std::uint32_t limit) = 0;
    virtual Result<std::optional<DeadLetter>> get_dead_letter(std::uint64_t number) = 0;
    // By their times. Nothing committed before is ever skipped, however many servers write.
    virtual Result<std::vector<Change>> changes_after(const ChangeCursor& cursor,
                                                      std::uint32_t limit) = 0;
    // Where a reader stands who has seen all changes that are there.
    virtual Result<ChangeCursor> newest_changes() = 0;
    // Random bytes, made with the database: all its servers have the same, also after a restart.
    virtual Result<std::string> secret() = 0;
    virtual Result<std::optional<Token>> find_token(std::string_view id) = 0;
    // With ids above `after`, by id.
    virtual Result<std::vector<Token>> list_tokens(std::string_view after, std::uint32_t limit) = 0;
    // What it is a child or member of, by number.
    virtual Result<std::vector<Relation>> parents_of(ProcessNumber child) = 0;
    // What a parent is counted from: all its children, by number.
    virtual Result<std::vector<Relation>> children_of(ProcessNumber parent) = 0;
    // The oldest news that nobody has settled, at most `limit`.
    virtual Result<std::vector<News>> read_news(std::uint32_t limit) = 0;
    // Ids of processes, in the order of their numbers.
    virtual Result<std::vector<std::string>> ids_of(std::span<const ProcessNumber> numbers) = 0;
    virtual Result<std::vector<Index>> list_indices() = 0;
    // Built while others write; returns when it is there. The name of the index: "q_owner_entered".
    // kConflict: there is one already; kReject: a column that cannot be indexed.
    virtual Result<std::string> add_index(std::span<const Column> columns) = 0;
    // kNotFound: none that add_index() made.
    virtual Status drop_index(std::string_view name) = 0;
    // One trip to the database: whether it answers.
    virtual Status ping() = 0;
};

// Where a scan over the events of a subject stands: nothing is before Position{}.
struct Position {
    std::string order_prefix{};
    ArrivalNumber arrival = 0;
};

struct EventPage {
    std::vector<Event> events;     // ordered by the clock and time of their keys, not further
    std::optional<Position> next;  // nothing: no more
};

// One transaction at a time. Vectors answer in the order of what was asked.
class Writer {
  public:
    virtual ~Writer() = default;

    virtual Status begin() = 0;
    virtual Status commit() = 0;
    virtual void rollback() = 0;

    // `count` fresh numbers, the first of them returned. Not given back by a rollback.
    virtual Result<SubjectNumber> take_subject_numbers(std::uint32_t count) = 0;
    virtual Result<ArrivalNumber> take_arrival_numbers(std::uint32_t count) = 0;

    virtual Result<std::vector<std::optional<Subject>>> find_subjects(
        std::span<const std::string> texts) = 0;
    virtual Result<std::vector<std::optional<Process>>> find_processes(
        std::span<const ProcessNumber> numbers) = 0;
    // Only those that are stored, in any order.
    virtual Result<std::vector<Event>> find_events(std::span<const std::string> event_ids) = 0;
    virtual Result<std::vector<Subject>> subjects_of(ProcessNumber process) = 0;
    virtual Result<EventPage> read_events(SubjectNumber subject, const Position& after,
                                          std::uint32_t limit) = 0;
    // Only those that are stored, in any order.
    virtual Result<std::vector<Event>> find_arrivals(std::span<const ArrivalNumber> arrivals) = 0;
    virtual Result<std::vector<Relation>> children_of(ProcessNumber parent) = 0;
    virtual Result<std::vector<Relation>> parents_of(ProcessNumber child) = 0;
    virtual Result<std::vector<News>> read_news(std::uint32_t limit) = 0;

    virtual Status add_subjects(std::span<const Subject> subjects) = 0;
    // Also what hangs on `from`: its children and news as a parent, its heartbeats.
    virtual Status move_subjects(ProcessNumber from, ProcessNumber into) = 0;
    virtual Status add_processes(std::span<const Process> processes) = 0;
    // Each over `revision - 1`, else kConflict.
    virtual Status save_processes(std::span<const Process> processes) = 0;
    virtual Status add_events(std::span<const Event> events) = 0;
    // Writes order_key of events whose clock became known with the type of their process.
    virtual Status set_order_keys(std::span<const Event> events) = 0;
    virtual Status add_changes(std::span<const Change> changes) = 0;
    // New ones, or new contents of old ones. A registration of 0 leaves the one that is known.
    virtual Status put_relations(std::span<const Relation> relations) = 0;
    virtual Status drop_relations(std::span<const Relation> relations) = 0;
    virtual Status add_news(std::span<const News> news) = 0;
    virtual Status drop_news(std::span<const News> news) = 0;
    // The newest by time_us stays. kConflict when a process was merged into another one.
    virtual Status put_heartbeats(std::span<const Heartbeat> heartbeats) = 0;
    // The newest by seen_us stays.
    virtual Status put_loggers(std::span<const Logger> loggers) = 0;
    // Loggers that fell silent, seen last at `silent_at_us` or before, and those that are heard
    // again: each is returned once, to one of all writers, unless its transaction fails. By host.
    virtual Result<std::vector<std::string>> take_turned_loggers(std::int64_t silent_at_us) = 0;
    // New ones, or old ones brought forward: the earlier time stays. One that waits for a change is
    // due at once.
    virtual Status put_due(std::span<const Due> due) = 0;
    // For all processes on these hosts (their column).
    virtual Status put_due_on(std::span<const std::string> hosts, std::int64_t at_us) = 0;
    // As put_due(), of rows that are there.
    virtual Status bring_forward(std::span<const Due> due) = 0;
    // Up to `limit` whose time has come, the oldest first, held until the transaction ends; those
    // that another writer holds are passed over.
    virtual Result<std::vector<Due>> take_due(std::int64_t now_us, std::uint32_t limit) = 0;
    // Of taken ones: their next time, or kNever.
    virtual Status settle_due(std::span<const Due> due) = 0;
    // Only those that there are, in any order.
    virtual Result<std::vector<Concern>> find_concerns(
        std::span<const ProcessNumber> processes) = 0;
    virtual Status put_concerns(std::span<const Concern> concerns) = 0;
    // The same bytes once more only count.
    virtual Status add_dead_letters(std::span<const DeadLetter> letters) = 0;
    virtual Status mark_replayed(std::uint64_t dead_letter, std::int64_t now_us) = 0;
    virtual Status drop_dead_letter(std::uint64_t dead_letter) = 0;
    virtual Status add_token(const Token& token) = 0;
    // One that is revoked already, or unknown, stays as it is.
    virtual Status revoke_token(std::string_view id, std::int64_t now_us) = 0;
};

class Database {
  public:
    virtual ~Database() = default;

    // `lane` is this writer's own among the writers of this server: its stream of changes.
    virtual Result<std::unique_ptr<Writer>> open_writer(std::uint32_t lane) = 0;
    virtual Result<std::unique_ptr<Reader>> open_reader() = 0;
};

}  // namespace lb::store
