// What a producer does with an event: hand it to the local logger, within a deadline, whatever
// happens. When the logger cannot take it in time the event goes to the drop directory, from where
// the logger fetches it; the event id keeps it from counting twice. Needs libc only.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/event/event.h"
#include "common/frame/frame.h"

namespace lb::client {

inline constexpr char kDefaultSocket[] = "/run/lb/logd.sock";
inline constexpr char kDefaultDropDirectory[] = "/var/spool/lb/drop";
inline constexpr int kDefaultTimeoutMs = 1000;

struct ProducerOptions {
    std::string socket_path = kDefaultSocket;
    std::string drop_directory = kDefaultDropDirectory;  // empty: none
    int timeout_ms = kDefaultTimeoutMs;                  // of one log() call in all
    // What is logged was said by guests: each event on the channel of the machine that is its
    // subject. The logger believes that of root alone.
    bool speaks_for_guests = false;
};

// The options as LB_SOCKET, LB_DROP_DIR and LB_TIMEOUT_MS of the environment change them.
ProducerOptions options_from_environment();

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
    explicit Producer(ProducerOptions options) : options_(std::move(options)) {}
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
    struct Deadline;

    Result<Logged> exchange(std::string_view frame, const Deadline& deadline);
    Status connect(const Deadline& deadline);
    Status send(std::string_view bytes, const Deadline& deadline);
    Result<Logged> receive(const Deadline& deadline);
    Result<Logged> drop(std::string_view frame, std::string_view event_id, const Error& why) const;
    void disconnect();

    const ProducerOptions options_;
    std::timed_mutex mutex_;  // one exchange at a time on the connection
    int socket_ = -1;
};

}  // namespace lb::client
