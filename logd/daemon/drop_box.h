// The drop box: events of producers that could not reach lb-logd. A producer writes LOG frames to a
// file "tmp-..." in the drop directory and renames it; lb-logd takes it over as if its owner had
// sent them. The invariant: a file goes only when every event in it is durable or set aside with
// its reason.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/env/env.h"
#include "common/spool/quarantine.h"
#include "logd/daemon/committer.h"
#include "logd/daemon/intake.h"
#include "logd/daemon/logd_metrics.h"

namespace lb::logd {

inline constexpr char kDropTemporaryPrefix[] = "tmp-";
// Names looked at in one scan, so that producers on the socket do not wait. Setting a file aside
// takes as long as a look at so many others.
inline constexpr std::size_t kDropLooksPerScan = 256;
inline constexpr std::size_t kDropSetAsideLooks = 16;
inline constexpr std::int64_t kDropTemporarySeconds =
    3600;                                       // a "tmp-" file older than this is a leftover
inline constexpr std::uint64_t kDropOwner = 0;  // Ticket::owner of dropped events

// One thread at a time.
class DropBox {
  public:
    // Nothing: it is not known yet who that is. His files stay for a later scan.
    using ProducerOf = std::function<std::optional<Producer>(uid_t)>;

    // Makes the directory (mode 1733: anybody adds, nobody else looks) if it is missing.
    static Result<std::unique_ptr<DropBox>> open(env::Env& env, const LogdOptions& options,
                                                 ProducerOf producer_of, LogdMetrics& metrics);
    ~DropBox();
    DropBox(const DropBox&) = delete;
    DropBox& operator=(const DropBox&) = delete;

    // Readable when files appeared: for epoll. -1 when the kernel offers no watch.
    [[nodiscard]] int descriptor() const { return descriptor_; }
    // Takes over what is there, until the events have `bytes_max`: the events to commit, each with
    // a ticket of kDropOwner. The next scan goes on behind the last name that this one looked at,
    // so that no name keeps the others waiting.
    std::vector<CommitItem> scan(Intake& intake, std::size_t bytes_max);
    // The last scan did not come to the end.
    [[nodiscard]] bool has_more() const { return !last_name_.empty(); }
    // An event of ticket `number` was committed or failed.
    void complete(std::uint64_t number, const Status& status);

  private:
    struct File {
        std::string name;
        std::size_t events_left = 0;  // without completion
        std::string program;          // of its newest event
        bool has_failed = false;      // one was not made durable: the file stays for the next scan
        std::string reason;           // why something in it was refused; empty = nothing was
        std::string bytes;            // kept for quarantine when there is a reason
    };

    DropBox(env::Env& env, const LogdOptions& options, ProducerOf producer_of,
            LogdMetrics& metrics);
    Result<std::string> read(const std::string& name, uid_t& owner);
    void look_at(const std::string& name, Intake& intake, std::vector<CommitItem>& items);
    void take(const std::string& name, Intake& intake, std::vector<CommitItem>& items);
    void finish(const File& file);
    void set_aside(const std::string& name, const std::string& bytes, const std::string& reason);
    [[nodiscard]] bool is_leftover(const std::string& name) const;
    bool remove_torn_leftover(const std::string& name);

    env::Env& env_;
    std::string directory_;
    spool::Quarantine quarantine_;
    ProducerOf producer_of_;
    int descriptor_ = -1;
    std::map<std::uint64_t, File> files_;  // taken over, not finished, by ticket number
    std::set<std::string> names_;          // of files_
    std::uint64_t next_number_ = 1;
    std::string last_name_;       // that the last scan looked at; empty: it came to the end
    std::size_t looks_left_ = 0;  // of the scan that runs
    std::size_t bytes_left_ = 0;
    LogdMetrics& metrics_;
};

}  // namespace lb::logd
