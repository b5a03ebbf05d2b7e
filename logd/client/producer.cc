#include "logd/client/producer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>

#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/event/wire_format.h"
#include "logd/client/line.h"

namespace lb::client {

namespace {

namespace wire = event::wire;

// Of lb.v1 (proto/lb/v1/wire.proto, envelope.proto, error.proto).
constexpr std::uint8_t kFrameFailure = 6;
constexpr std::uint8_t kFrameLog = 7;
constexpr std::uint8_t kFrameLogReply = 8;
constexpr std::uint32_t kEnvelopeSchema = 1;
constexpr std::size_t kReplyBytesMax = 64 * 1024;
constexpr std::uint16_t kDefaultPort = 9002;  // of the original's logger

// How long the logger may wait for the server's verdict: less than we wait for the logger, so that
// its "durable, not yet committed" still arrives.
std::uint64_t verdict_wait_ms(int timeout_ms) {
    return static_cast<std::uint64_t>(std::max(1, timeout_ms - std::max(20, timeout_ms / 10)));
}

// `wait_ms`: of a synchronous event; 0 = nobody waits.
std::string encode_envelope(std::string_view subject, std::string_view event_id,
                            std::uint64_t wait_ms, const ProducerOptions& options,
                            std::string_view event) {
    std::string out;
    wire::put_number(out, 1, kEnvelopeSchema);
    wire::put_bytes(out, 2, event_id);
    wire::put_bytes(out, 3, subject);
    if (wait_ms > 0) {
        wire::put_number(out, 4, 1);
        wire::put_number(out, 6, wait_ms);
    }
    if (options.speaks_for_guests) wire::put_number(out, 7, 1);
    wire::put_bytes(out, 8, options.program);
    wire::put_bytes(out, 15, event);
    return out;
}

struct Reply {
    ErrorCode code = ErrorCode::kOk;
    bool is_settled = false;
    std::string event_id;
    std::string text;
};

// Of lb.v1.LogReply.
Result<Reply> decode_reply(std::string_view payload) {
    Reply reply;
    wire::Reader reader(payload);
    wire::Field field;
    while (!reader.at_end()) {
        if (!reader.next(field))
            return Error{ErrorCode::kCorrupt, "the logger's answer is cut off"};
        if (field.number == 1) reply.event_id = field.bytes;
        if (field.number == 2 && field.number_value <= static_cast<std::uint64_t>(ErrorCode::kBug))
            reply.code = static_cast<ErrorCode>(field.number_value);
        if (field.number == 3) reply.is_settled = field.number_value != 0;
        if (field.number == 4) reply.text = field.bytes;
    }
    return reply;
}

Result<Logged> outcome_of(const Reply& reply) {
    if (reply.code == ErrorCode::kTimeout)
        return Logged{Outcome::kDurable, reply.event_id,
                      "durable, not yet committed: " + reply.text};
    if (reply.code != ErrorCode::kOk) return Error{reply.code, reply.text};
    return Logged{reply.is_settled ? Outcome::kCommitted : Outcome::kDurable, reply.event_id,
                  reply.text};
}

// Of lb.v1.Failure: why the logger ends the connection.
Error decode_failure(std::string_view payload) {
    Error failure{ErrorCode::kCorrupt, "the logger ended the connection"};
    wire::Reader reader(payload);
    wire::Field field;
    while (!reader.at_end() && reader.next(field)) {
        const bool is_code = field.number == 1 && field.number_value > 0 &&
                             field.number_value <= static_cast<std::uint64_t>(ErrorCode::kBug);
        if (is_code) failure.code = static_cast<ErrorCode>(field.number_value);
        if (field.number == 2) failure.text = field.bytes;
    }
    return failure;
}

Result<Logged> answer_of(const frame::Frame& frame) {
    if (frame.type == kFrameFailure) return decode_failure(frame.payload);
    if (frame.type != kFrameLogReply)
        return Error{ErrorCode::kCorrupt, "the logger answered something else"};
    LB_TRY_ASSIGN(const Reply reply, decode_reply(frame.payload));
    return outcome_of(reply);
}

// Whether another way may still take the event; a refusal is final.
bool may_drop(ErrorCode code) {
    return code == ErrorCode::kRetry || code == ErrorCode::kTimeout || code == ErrorCode::kFull ||
           code == ErrorCode::kNotFound || code == ErrorCode::kCorrupt;
}

Status write_all(int file, std::string_view bytes, const std::string& path) {
    while (!bytes.empty()) {
        const ssize_t written = write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return system_error("writing", path, errno);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

// The file has its name before it is synced: whoever is killed while a busy disk keeps him waiting
// has dropped his event all the same. After a crash of the host it may be torn: its frames have
// checksums.
Status write_file(const std::string& unfinished, const std::string& path, std::string_view bytes) {
    const int file =
        open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return system_error("creating", unfinished, errno);
    Status status = write_all(file, bytes, unfinished);
    if (status.ok() && rename(unfinished.c_str(), path.c_str()) != 0)
        status = system_error("renaming", unfinished, errno);
    if (!status.ok())
        unlink(unfinished.c_str());
    else if (fdatasync(file) != 0)
        status = system_error("syncing", path, errno);
    close(file);
    return status;
}

// The directory may be write-only for us; then its sync is the file system's own affair.
void sync_directory(const std::string& path) {
    const int directory = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return;
    fsync(directory);
    close(directory);
}

const char* environment_or(const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : otherwise;
}

// The original's variables name a host and a port; this host's logger is reached by its socket.
std::string logger_of_environment() {
    const std::string_view ours = environment_or("LB_LOGGER", "");
    if (!ours.empty()) return std::string(ours);
    const std::string_view original =
        environment_or("GLITE_WMS_LOG_DESTINATION", environment_or("EDG_WL_LOG_DESTINATION", ""));
    const bool is_this_host = original.substr(0, original.rfind(':')) == "localhost";
    return original.empty() || is_this_host ? std::string() : "tls://" + std::string(original);
}

}  // namespace

ProducerOptions options_from_environment() {
    ProducerOptions options;
    options.socket_path = environment_or("LB_SOCKET", kDefaultSocket);
    options.drop_directory = environment_or("LB_DROP_DIR", kDefaultDropDirectory);
    options.program = environment_or("LB_PROGRAM", program_invocation_short_name);
    const int timeout_ms = std::atoi(environment_or("LB_TIMEOUT_MS", "0"));
    if (timeout_ms > 0) options.timeout_ms = timeout_ms;
    return options;
}

void take_logger_of_environment(ProducerOptions& options) {
    options.certificate = environment_or("LB_CERT", environment_or("X509_USER_CERT", ""));
    options.key = environment_or("LB_KEY", environment_or("X509_USER_KEY", ""));
    options.authorities = environment_or("LB_CA", environment_or("X509_CERT_DIR", ""));
    set_logger(options, logger_of_environment());
}

Result<LoggerPlace> parse_logger(std::string_view text) {
    const auto wrong = [&] {
        return Error{ErrorCode::kReject,
                     "the logger \"" + std::string(text) + "\" is not of the form tls://HOST:PORT"};
    };
    constexpr std::string_view kScheme = "tls://";
    if (!text.starts_with(kScheme)) return wrong();
    std::string_view rest = text.substr(kScheme.size());
    LoggerPlace place;
    const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
    if (bracket == std::string_view::npos) return wrong();
    const std::size_t colon = rest.find(':', bracket);
    place.host = rest.substr(0, colon);
    if (bracket > 0) place.host = place.host.substr(1, bracket - 1);
    if (place.host.empty() || place.host.find('/') != std::string::npos) return wrong();
    if (bracket > 0 && colon != bracket + 1 && rest.size() != bracket + 1) return wrong();
    place.port = kDefaultPort;
    if (colon == std::string_view::npos) return place;
    const std::string_view digits = rest.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), place.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || place.port == 0)
        return wrong();
    return place;
}

void set_logger(ProducerOptions& options, std::string logger) {
    options.logger = std::move(logger);
    if (!options.logger.empty() && options.drop_directory == kDefaultDropDirectory)
        options.drop_directory.clear();
}

void complete(event::Event& event) {
    if (event.time_us == 0)
        event.time_us = std::chrono::duration_cast<std::chrono::microseconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
    if (!event.host.empty()) return;
    std::array<char, limits::kHostBytesMax + 1> name{};
    if (gethostname(name.data(), name.size() - 1) == 0) event.host = name.data();
}

Producer::Producer(ProducerOptions options) : options_(std::move(options)) {}

Producer::~Producer() = default;

Result<Logged> Producer::log(std::string_view subject, const event::Event& event, bool is_sync,
                             std::string_view given_id) {
    const std::string event_id = given_id.empty() ? event::new_event_id() : std::string(given_id);
    const std::uint64_t wait_ms = is_sync ? verdict_wait_ms(options_.timeout_ms) : 0;
    const std::string envelope =
        encode_envelope(subject, event_id, wait_ms, options_, event::encode(event));
    if (envelope.size() > limits::kEventBytesMax)
        return Error{ErrorCode::kReject, "the event is larger than " +
                                             std::to_string(limits::kEventBytesMax) + " bytes"};
    std::string bytes;
    frame::append_frame(bytes, kFrameLog, envelope);

    const Deadline deadline{std::chrono::milliseconds(options_.timeout_ms)};
    const std::unique_lock lock(mutex_, deadline.at);
    if (!lock.owns_lock())
        return drop(bytes, event_id,
                    {ErrorCode::kTimeout, "the logger did not answer others in time"});
    const bool was_connected = line_ != nullptr;
    Result<Logged> result = exchange(bytes, deadline);
    if (!result.ok() && was_connected && result.error().code == ErrorCode::kRetry) {
        // A connection from before may have died with an earlier life of the logger.
        result = exchange(bytes, deadline);
    }
    if (result.ok() && result->event_id != event_id)
        result = Error{ErrorCode::kCorrupt, "the logger answered for another event"};
    if (!result.ok() && may_drop(result.error().code)) return drop(bytes, event_id, result.error());
    return result;
}

Result<Logged> Producer::exchange(std::string_view frame, const Deadline& deadline) {
    if (!line_) {
        LB_TRY_ASSIGN(line_, open_line(deadline));
    }
    const Status sent = line_->send(frame, deadline);
    Result<Logged> result = sent.ok() ? receive(deadline) : Result<Logged>(sent.error());
    // After a failure an answer may still be under way: this line is of no more use.
    if (!result.ok()) line_.reset();
    return result;
}

Result<std::unique_ptr<Line>> Producer::open_line(const Deadline& deadline) const {
    if (options_.logger.empty()) return open_local_line(options_.socket_path, deadline);
    if (options_.open_remote != nullptr) return options_.open_remote(options_, deadline);
    return Error{ErrorCode::kUnsupported, "this program logs to this host's logger alone"};
}

Result<Logged> Producer::receive(const Deadline& deadline) {
    frame::Decoder decoder(kReplyBytesMax);
    std::array<char, 4096> buffer{};
    for (;;) {
        LB_TRY_ASSIGN(const auto received_frame, decoder.next());
        if (received_frame) return answer_of(*received_frame);
        LB_TRY_ASSIGN(const std::size_t got,
                      line_->receive(buffer.data(), buffer.size(), deadline));
        decoder.append({buffer.data(), got});
    }
}

Result<Logged> Producer::drop(std::string_view frame, std::string_view event_id,
                              const Error& why) const {
    if (options_.drop_directory.empty()) return why;
    const std::string name = to_hex(event_id);
    const std::string unfinished = options_.drop_directory + "/tmp-" + name;
    const std::string finished = options_.drop_directory + "/" + name + ".event";
    if (const Status status = write_file(unfinished, finished, frame); !status.ok())
        return Error{why.code, why.text + "; and " + status.error().text};
    sync_directory(options_.drop_directory);
    return Logged{Outcome::kDropped, std::string(event_id), why.text};
}

}  // namespace lb::client
