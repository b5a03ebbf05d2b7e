// What a producer does with an event: hand it to the local logger, within a deadline, whatever
// happens. When the logger cannot take it in time the event goes to the drop directory, from where
// the logger fetches it; the event id keeps it from counting twice. Needs libc only, unless another
// host's logger is asked for.
#pragma once

#include <cerrno>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "common/base/deadline.h"
#include "common/base/result.h"
#include "common/event/event.h"
#include "common/frame/frame.h"

namespace lb::client {

inline constexpr char kDefaultSocket[] = "/run/lb/logd.sock";
inline constexpr char kDefaultDropDirectory[] = "/var/spool/lb/drop";
inline constexpr int kDefaultTimeoutMs = 1000;

class Line;
struct ProducerOptions;

// How a line to another host's logger is opened: open_remote_line() (line.h), in programs that link
// it.
using OpenRemote = Result<std::unique_ptr<Line>> (*)(const ProducerOptions& options,
                                                     const Deadline& deadline);

struct ProducerOptions {
    std::string socket_path = kDefaultSocket;
    std::string drop_directory = kDefaultDropDirectory;  // empty: none
    int timeout_ms = kDefaultTimeoutMs;                  // of one log() call in all
    // What is logged was said by guests: each event on the channel of the machine that is its
    // subject. The logger believes that of root alone.
    bool speaks_for_guests = false;
    // The name under which the logger counts what this program logs.
    std::string program = program_invocation_short_name;

    // "tls://HOST:PORT": another host's logger instead of this one's socket; set_logger() sets it.
    std::string logger = {};
    std::string certificate = {};  // PEM files, for that
    std::string key = {};
    std::string authorities = {};      // or a directory
    OpenRemote open_remote = nullptr;  // null: this program logs to its host's logger alone
};

// The default drop directory is the local logger's, which delivers under another name: with another
// host's logger there is none, unless it is asked for.
void set_logger(ProducerOptions& options, std::string logger);

// The options as LB_SOCKET, LB_DROP_DIR, LB_TIMEOUT_MS and LB_PROGRAM of the environment change
// them.
ProducerOptions options_from_environment();
// Adds what LB_LOGGER, LB_CERT, LB_KEY and LB_CA say, and the original's GLITE_WMS_LOG_DESTINATION
// (host:port of a logger).
void take_logger_of_environment(ProducerOptions& options);

enum class Outcome : std::uint8_t {
    kDurable,    // on the logger's disk
    kCommitted,  // settled by the server; only a synchronous call learns this
    kDropped,    // in the drop directory: the logger was not there in time
};

struct Logged {
    Outcome outcome = Outcome::kDurable;
    std::string event_id;  // 16 bytes
    std::string text;      // what a person may want to know: why it was dropped, what is still open
};

// Fills what the producer leaves open: time_us with now, host with this host's name.
void complete(event::Event& event);

class Producer {
  public:
    explicit Producer(ProducerOptions options);
    ~Producer();
    Producer(const Producer&) = delete;
    Producer& operator=(const Producer&) = delete;

    // Logs `event` for `subject` (process id or key). Returns when it is durable; with `is_sync`
    // when the server settled it or the deadline passed (then it is durable and `text` says so).
    // `event_id`: 16 bytes, when the caller has a better one than a new one.
    // Thread-safe. kReject, kDenied: the logger refuses it, and will again. kTimeout, kFull,
    // kRetry: neither the logger nor the drop directory took it: the event is lost unless the
    // caller tries again.
    Result<Logged> log(std::string_view subject, const event::Event& event, bool is_sync,
                       std::string_view event_id = {});

  private:
    Result<Logged> exchange(std::string_view frame, const Deadline& deadline);
    Result<std::unique_ptr<Line>> open_line(const Deadline& deadline) const;
    Result<Logged> receive(const Deadline& deadline);
    Result<Logged> drop(std::string_view frame, std::string_view event_id, const Error& why) const;

    const ProducerOptions options_;
    std::timed_mutex mutex_;      // one exchange at a time on the line
    std::unique_ptr<Line> line_;  // null: none is open
};

}  // namespace lb::client
