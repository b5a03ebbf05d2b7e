// The server: one thread that talks to all producers over the Unix socket, watches the drop box and
// hands accepted events to the committer. The invariant: each request gets one answer, in the order
// of the connection; OK only when the event is durable.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/env/env.h"
#include "common/spool/doorbell.h"
#include "logd/daemon/committer.h"
#include "logd/daemon/drop_box.h"
#include "logd/daemon/intake.h"
#include "logd/daemon/logd_metrics.h"
#include "logd/daemon/options.h"
#include "logd/daemon/session.h"
#include "logd/daemon/user_directory.h"

namespace lb::logd {

class Server {
  public:
    // `listener`: a listening Unix socket, taken over. Opens spool, drop box and doorbell.
    static Result<std::unique_ptr<Server>> create(env::Env& env, LogdOptions options, int listener,
                                                  metrics::Registry& registry,
                                                  UserDirectory::LookUp look_up = look_up_user);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Serves until stop(); then answers what is in flight, seals the spool and returns.
    Status run();
    // Any thread, and signal handlers.
    void stop();
    // Takes over a connected socket on which a remote producer, proven by who calls, speaks as
    // local ones do. Any thread.
    void admit_remote(int descriptor, Producer producer);

    // The loop came round lately, and no commit has been running for long. Any thread.
    [[nodiscard]] bool is_making_progress() const;
    [[nodiscard]] const LogdMetrics& metrics() const { return metrics_; }
    [[nodiscard]] const std::string& origin_id() const { return intake_.origin_id(); }

  private:
    struct Wait {
        Ticket ticket;
        std::string event_id;
    };

    Server(env::Env& env, LogdOptions options, Intake intake, SourcePolicy policy, int listener,
           metrics::Registry& registry);
    Status open_parts(UserDirectory::LookUp look_up);
    Status watch(int descriptor, std::uint64_t tag);
    Status look();
    void dispatch(std::uint64_t tag, std::uint32_t events);
    void drain();

    void watch_listener(bool is_watched);
    void accept_peers();
    void pause_accepting(const Error& why);
    void accept_again();
    void add_session(int descriptor);
    [[nodiscard]] bool is_crowded(uid_t uid) const;
    void admit(std::unique_ptr<Session> session);
    void admit_strangers();
    void admit_remotes();
    void enter(std::unique_ptr<Session> session);
    void end_session(std::uint64_t id);
    void read_from(Session& session);
    bool decode(Session& session);
    void handle_frame(Session& session, const frame::Frame& frame);
    void handle_log(Session& session, std::string_view payload);
    void await_verdict(const Ticket& ticket, Answer& answer, std::uint32_t wait_ms);
    void refuse(Answer& answer, const Session& session, const Refused& refused);
    void end_broken(Session& session, const Error& error);
    void handle_request(Session& session, std::string_view payload);
    void after(Session& session);
    void update_interest(Session& session);
    [[nodiscard]] bool may_decode(const Session& session) const;
    [[nodiscard]] bool may_read(const Session& session) const;
    std::optional<Producer> producer_of(uid_t uid);
    void wake();
    void on_wake();

    void take_completions();
    void take_verdicts();
    void expire_waits();
    void scan_drops();
    void submit_batch();
    Answer* find_answer(const Ticket& ticket);
    void make_ready(const Ticket& ticket, Answer& answer);
    void settle(const Ticket& ticket, Answer& answer);
    [[nodiscard]] int timeout_ms() const;

    env::Env& env_;
    LogdOptions options_;
    Intake intake_;
    SourcePolicy policy_;
    std::unique_ptr<UserDirectory> users_;
    int listener_;
    int epoll_ = -1;
    int wake_ = -1;  // eventfd: completions are ready, users became known, or stop() was called
    std::unique_ptr<spool::Doorbell> doorbell_;
    std::unique_ptr<Committer> committer_;
    std::unique_ptr<DropBox> drop_box_;

    std::unordered_map<std::uint64_t, std::unique_ptr<Session>> sessions_;
    std::vector<std::unique_ptr<Session>> strangers_;  // not read until it is known who they are
    std::unordered_map<uid_t, std::size_t> connections_of_user_;  // of both
    std::size_t remote_sessions_ = 0;
    std::mutex mutex_;                                 // guards newcomers_
    std::vector<std::pair<int, Producer>> newcomers_;  // remote, to be admitted
    std::uint64_t next_session_ = 1;
    std::vector<CommitItem> batch_;  // accepted in this round
    std::size_t batch_bytes_ = 0;
    std::size_t buffered_bytes_ = 0;                      // incomplete frames of all sessions
    std::set<std::uint64_t> touched_;                     // sessions with new answers in this round
    std::unordered_multimap<std::string, Ticket> waits_;  // for verdicts, by event id
    std::multimap<std::uint64_t, Wait> deadlines_;        // of waits_, monotonic
    std::uint64_t next_drop_scan_us_ = 0;
    std::uint64_t accept_again_us_ = 0;  // monotonic; 0 = producers are accepted
    bool is_paused_ = false;             // the queue is full
    std::atomic<bool> is_stopping_{false};
    std::atomic<bool> is_anybody_known_anew_{false};
    std::atomic<std::uint64_t> last_round_us_{0};
    std::string read_buffer_;
    metrics::Registry& registry_;
    LogdMetrics metrics_;
};

}  // namespace lb::logd
