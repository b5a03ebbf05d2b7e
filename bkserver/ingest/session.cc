#include "bkserver/ingest/session.h"

#include <algorithm>

#include "bkserver/book/intake.h"
#include "common/base/utf8.h"
#include "common/env/env.h"

namespace lb::ingest {

namespace {

constexpr std::uint32_t kProtocolVersion = 1;
// Of what a peer tells of itself: it is kept as long as it is connected.
constexpr std::size_t kReportTextBytesMax = 255;

lb::v1::ErrorCode wire_code(ErrorCode code) {
    return static_cast<lb::v1::ErrorCode>(code);
}

// What a client that logs directly is told.
lb::v1::ErrorCode code_of(lb::v1::Verdict verdict) {
    switch (verdict) {
        case lb::v1::VERDICT_ACCEPTED:
        case lb::v1::VERDICT_DUPLICATE:
        case lb::v1::VERDICT_UNKNOWN_TYPE:
        case lb::v1::VERDICT_UNREGISTERED:
            return lb::v1::ERROR_CODE_OK;
        case lb::v1::VERDICT_DENIED:
            return lb::v1::ERROR_CODE_DENIED;
        case lb::v1::VERDICT_MALFORMED:
            return lb::v1::ERROR_CODE_REJECT;
        case lb::v1::VERDICT_CONFLICT:
            return lb::v1::ERROR_CODE_CONFLICT;
        case lb::v1::VERDICT_RETRY:
            return lb::v1::ERROR_CODE_RETRY;
        case lb::v1::VERDICT_UNSPECIFIED:
        case lb::v1::Verdict_INT_MIN_SENTINEL_DO_NOT_USE_:
        case lb::v1::Verdict_INT_MAX_SENTINEL_DO_NOT_USE_:
            break;
    }
    return lb::v1::ERROR_CODE_BUG;
}

template <typename Message>
bool parse(Message& message, std::string_view payload) {
    return message.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
}

}  // namespace

std::shared_ptr<Session> Session::make(SessionOptions options, lb::v1::Identity identity,
                                       Lanes& lanes, Stamper& stamper,
                                       std::shared_ptr<Outlet> outlet) {
    return std::make_shared<Session>(Private{}, std::move(options), std::move(identity), lanes,
                                     stamper, std::move(outlet));
}

Session::Session(Private, SessionOptions options, lb::v1::Identity identity, Lanes& lanes,
                 Stamper& stamper, std::shared_ptr<Outlet> outlet)
    : options_(std::move(options)),
      identity_(std::move(identity)),
      lanes_(lanes),
      stamper_(stamper),
      outlet_(std::move(outlet)) {}

Session::~Session() {
    if (is_sender_) --*options_.senders;
}

bool Session::is_ours(lb::v1::FrameType type) {
    return type == lb::v1::FRAME_TYPE_HELLO || type == lb::v1::FRAME_TYPE_BATCH ||
           type == lb::v1::FRAME_TYPE_KEEPALIVE || type == lb::v1::FRAME_TYPE_LOG;
}

bool Session::is_greeted() const {
    const std::lock_guard lock(mutex_);
    return is_greeted_;
}

void Session::close() {
    const std::lock_guard lock(mutex_);
    outlet_.reset();
}

PeerReport Session::report() const {
    const std::lock_guard lock(mutex_);
    return report_;
}

Status Session::fail(ErrorCode code, const std::string& text) {
    lb::v1::Failure failure;
    failure.set_code(wire_code(code));
    failure.set_text(text);
    if (outlet_) outlet_->send(lb::v1::FRAME_TYPE_FAILURE, failure.SerializeAsString());
    return Error{code, text};
}

Status Session::on_frame(lb::v1::FrameType type, std::string_view payload) {
    const std::lock_guard lock(mutex_);
    if (type == lb::v1::FRAME_TYPE_HELLO) return on_hello(payload);
    if (!is_greeted_) return fail(ErrorCode::kReject, "the first frame must be a HELLO");
    if (type == lb::v1::FRAME_TYPE_BATCH) return on_batch(payload);
    if (type == lb::v1::FRAME_TYPE_LOG) return on_log(payload);
    if (type == lb::v1::FRAME_TYPE_KEEPALIVE) return on_keepalive(payload);
    return fail(ErrorCode::kUnsupported,
                "frame type " + std::to_string(static_cast<int>(type)) + " is not for a server");
}

Status Session::on_hello(std::string_view payload) {
    lb::v1::Hello hello;
    if (is_greeted_) return fail(ErrorCode::kReject, "a second HELLO");
    if (!parse(hello, payload)) return fail(ErrorCode::kReject, "HELLO does not parse");
    if (hello.version_min() > kProtocolVersion || hello.version_max() < kProtocolVersion)
        return fail(ErrorCode::kUnsupported,
                    "protocol versions " + std::to_string(hello.version_min()) + " to " +
                        std::to_string(hello.version_max()) + " offered, this server speaks " +
                        std::to_string(kProtocolVersion));
    if (!hello.service().empty() && hello.service() != options_.service)
        return fail(ErrorCode::kReject, "this server keeps the processes of " + options_.service +
                                            ", not of " + book::printable(hello.service()));
    is_greeted_ = true;
    const std::int64_t now_us = env::posix_env().now_us();
    report_.role = hello.role();
    report_.software = cut_utf8(hello.software(), kReportTextBytesMax);
    report_.host = cut_utf8(hello.host(), limits::kHostBytesMax);
    report_.clock_offset_us = hello.clock_us() - now_us;
    report_.seen_us = now_us;
    lb::v1::Ack credit;
    set_credit(credit);
    lb::v1::HelloReply reply;
    reply.set_version(kProtocolVersion);
    reply.set_software(options_.software);
    reply.set_service(options_.service);
    reply.set_clock_us(now_us);
    reply.set_frame_bytes_max(options_.frame_bytes_max);
    reply.set_batch_events_max(options_.batch_events_max);
    reply.set_credit_events(credit.credit_events());
    reply.set_credit_bytes(credit.credit_bytes());
    reply.set_keepalive_seconds(options_.keepalive_seconds);
    if (outlet_) outlet_->send(lb::v1::FRAME_TYPE_HELLO_REPLY, reply.SerializeAsString());
    return {};
}

Status Session::on_keepalive(std::string_view payload) {
    lb::v1::Keepalive keepalive;
    if (!parse(keepalive, payload)) return fail(ErrorCode::kReject, "KEEPALIVE does not parse");
    report_.seen_us = env::posix_env().now_us();
    report_.clock_offset_us = keepalive.clock_us() - report_.seen_us;
    report_.spool_events = keepalive.spool_events();
    report_.oldest_us = keepalive.oldest_us();
    return {};
}

Status Session::on_batch(std::string_view payload) {
    lb::v1::Batch batch;
    if (!parse(batch, payload)) return fail(ErrorCode::kReject, "BATCH does not parse");
    const std::uint64_t expected = settled_up_to_ + batch_events_.size() + 1;
    if (batch.first_sequence() != expected)
        return fail(ErrorCode::kReject, "BATCH begins at sequence " +
                                            std::to_string(batch.first_sequence()) + ", expected " +
                                            std::to_string(expected));
    const auto count = static_cast<std::uint64_t>(batch.envelopes_size());
    if (count > options_.batch_events_max)
        return fail(ErrorCode::kFull, "BATCH of " + std::to_string(count) +
                                          " events, the limit is " +
                                          std::to_string(options_.batch_events_max));
    if (batch_events_.size() + count > options_.window_events)
        return fail(ErrorCode::kFull, "more events unsettled than the credit of " +
                                          std::to_string(options_.window_events));
    std::uint64_t bytes = pending_bytes_;
    for (const std::string& envelope : batch.envelopes()) bytes += envelope.size();
    // One event always may come when nothing is unsettled, however large it is.
    if (bytes > options_.window_bytes && batch_events_.size() + count > 1)
        return fail(ErrorCode::kFull, "more bytes unsettled than the credit of " +
                                          std::to_string(options_.window_bytes));
    const std::int64_t now_us = env::posix_env().now_us();
    report_.events += count;
    for (std::string& envelope : *batch.mutable_envelopes()) {
        const std::uint64_t sequence = settled_up_to_ + batch_events_.size() + 1;
        batch_events_.emplace_back().bytes = envelope.size();
        pending_bytes_ += envelope.size();
        if (lanes_.submit({std::move(envelope), identity_, now_us}, shared_from_this(), sequence))
            continue;
        batch_events_.back().has_no_room = true;
        mark(sequence, {lb::v1::VERDICT_RETRY, "the server's queues are full", 0});
    }
    count_as_sender();
    send_ack(false);
    return {};
}

Status Session::on_log(std::string_view payload) {
    if (logs_.size() >= options_.window_events)
        return fail(ErrorCode::kFull,
                    "more LOGs unanswered than " + std::to_string(options_.window_events));
    logs_.emplace_back();
    const std::uint64_t ticket = kLogTicket | (logs_answered_ + logs_.size());
    report_.events += 1;
    const auto envelope = stamper_.stamp(payload, identity_);
    if (!envelope.ok()) {
        mark(ticket, {lb::v1::VERDICT_MALFORMED, envelope.error().text, 0});
    } else {
        logs_.back().event_id = envelope->event_id();
        if (!lanes_.submit({envelope->SerializeAsString(), identity_, env::posix_env().now_us()},
                           shared_from_this(), ticket))
            mark(ticket, {lb::v1::VERDICT_RETRY, "the server's queues are full: try again", 0});
    }
    send_log_replies();
    return {};
}

void Session::on_settled(std::span<const Outcome> outcomes) {
    const std::lock_guard lock(mutex_);
    for (const Outcome& outcome : outcomes) mark(outcome.ticket, outcome.settled);
    send_ack(false);
    send_log_replies();
}

void Session::mark(std::uint64_t ticket, book::Settled settled) {
    const bool is_log = (ticket & kLogTicket) != 0;
    std::deque<Pending>& pending = is_log ? logs_ : batch_events_;
    const std::uint64_t done = is_log ? logs_answered_ : settled_up_to_;
    const std::uint64_t index = (ticket & ~kLogTicket) - done - 1;
    LB_ASSERT(index < pending.size());
    pending[index].is_settled = true;
    pending[index].settled = std::move(settled);
}

// What a peer may have unsettled: its window, or less when the queues fill up: what it has, and its
// share of the room that is left among all that are sending. When the queues are full it may send
// nothing at all: without a credit of events not even the one that always goes.
void Session::set_credit(lb::v1::Ack& ack) {
    const Room room = lanes_.room();
    is_paused_ = room.events == 0 || room.bytes == 0;
    if (is_paused_) return;
    const std::size_t sharers = *options_.senders + (is_sender_ ? 0 : 1);
    const std::uint64_t events =
        batch_events_.size() + std::max<std::uint64_t>(1, room.events / sharers);
    const std::uint64_t bytes = pending_bytes_ + std::max<std::uint64_t>(1, room.bytes / sharers);
    ack.set_credit_events(std::min(options_.window_events, events));
    ack.set_credit_bytes(std::min(options_.window_bytes, bytes));
}

void Session::count_as_sender() {
    const bool is_sender = !batch_events_.empty();
    if (is_sender == is_sender_) return;
    is_sender_ = is_sender;
    if (is_sender)
        ++*options_.senders;
    else
        --*options_.senders;
}

void Session::send_ack(bool even_without_progress) {
    lb::v1::Ack ack;
    bool is_progress = false;
    while (!batch_events_.empty() && batch_events_.front().is_settled) {
        Pending& first = batch_events_.front();
        ++settled_up_to_;
        is_progress = true;
        pending_bytes_ -= first.bytes;
        if (first.settled.verdict != lb::v1::VERDICT_ACCEPTED) {
            lb::v1::AckException& exception = *ack.add_exceptions();
            exception.set_sequence(settled_up_to_);
            exception.set_verdict(first.settled.verdict);
            exception.set_reason(first.settled.reason);
            exception.set_has_no_room(first.has_no_room);
        }
        batch_events_.pop_front();
    }
    if (!is_progress && !even_without_progress) return;
    count_as_sender();
    ack.set_settled_up_to(settled_up_to_);
    set_credit(ack);
    if (outlet_) outlet_->send(lb::v1::FRAME_TYPE_ACK, ack.SerializeAsString());
}

void Session::send_log_replies() {
    while (!logs_.empty() && logs_.front().is_settled) {
        const Pending& first = logs_.front();
        lb::v1::LogReply reply;
        reply.set_event_id(first.event_id);
        reply.set_code(code_of(first.settled.verdict));
        reply.set_verdict(first.settled.verdict);
        reply.set_text(first.settled.reason);
        if (outlet_) outlet_->send(lb::v1::FRAME_TYPE_LOG_REPLY, reply.SerializeAsString());
        ++logs_answered_;
        logs_.pop_front();
    }
}

void Session::on_tick() {
    const std::lock_guard lock(mutex_);
    if (!is_greeted_ || !outlet_) return;
    lb::v1::Keepalive keepalive;
    keepalive.set_clock_us(env::posix_env().now_us());
    outlet_->send(lb::v1::FRAME_TYPE_KEEPALIVE, keepalive.SerializeAsString());
}

void Session::give_credit() {
    const std::lock_guard lock(mutex_);
    if (!is_paused_ || !outlet_) return;
    const Room room = lanes_.room();
    if (room.events > 0 && room.bytes > 0) send_ack(true);
}

}  // namespace lb::ingest
