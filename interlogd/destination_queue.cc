#include "interlogd/destination_queue.h"

#include <algorithm>
#include <tuple>

#include "common/base/encoding.h"
#include "common/event/time_text.h"
#include "common/spool/quarantine.h"
#include "interlogd/messages.h"
#include "lb/v1/envelope.pb.h"

namespace lb::interlogd {

namespace {

using lb::v1::FrameType;

constexpr std::uint32_t kProtocolVersion = 1;
constexpr std::uint64_t kUsPerSecond = 1'000'000;
constexpr int kKeepalivesMissed = 3;
// What a batch adds to its envelopes, at most: tags and lengths.
constexpr std::size_t kBatchOverheadBytes = 64 * 1024;
// Smaller frames would not carry the largest event.
constexpr std::size_t kFrameBytesLeast = limits::kEventBytesMax + kBatchOverheadBytes;
// Reads ahead of what is sent, so that the next batch is there when the credit is.
constexpr std::size_t kReadEventsMax = 512;
constexpr std::size_t kReadBytesMax = 512 * 1024;
// Not more than this waits in the link for a slow network.
constexpr std::size_t kQueuedBytesMax = 4 * 1024 * 1024;
constexpr std::uint64_t kLaneRetryUs = 5 * kUsPerSecond;

std::string event_id_of(const Parcel& parcel) {
    lb::v1::Envelope envelope;
    if (!envelope.ParseFromString(parcel.envelope)) return {};
    return envelope.event_id();
}

bool is_verdict(lb::v1::Verdict verdict) {
    return lb::v1::Verdict_IsValid(verdict) && verdict != lb::v1::VERDICT_UNSPECIFIED;
}

}  // namespace

DestinationQueue::DestinationQueue(QueueContext& context, spool::Destination destination,
                                   QueueOptions options, net::Backoff backoff)
    : context_(context),
      destination_(std::move(destination)),
      name_(destination_.to_string()),
      options_(options),
      backoff_(std::move(backoff)) {}

DestinationQueue::~DestinationQueue() {
    give_back_slot();
}

std::string_view DestinationQueue::to_string(State state) {
    switch (state) {
        case State::kIdle:
            return "idle";
        case State::kDialling:
            return "dialling";
        case State::kGreeting:
            return "greeting";
        case State::kSending:
            return "sending";
        case State::kBackingOff:
            return "backing off";
    }
    return {};
}

void DestinationQueue::add_lane(spool::Lane lane, std::unique_ptr<spool::LaneReader> reader) {
    lanes_.try_emplace(lane, lane, std::move(reader));
    spool_failures_.erase(lane);
}

// Counted each time, logged when it begins.
void DestinationQueue::on_spool_failure(spool::Lane lane, const Error& error) {
    context_.metrics.spool_failures.add();
    std::string& known = spool_failures_[lane];
    if (known == error.text) return;
    known = error.text;
    log::write(kSpoolFailed, name_, error.text);
}

bool DestinationQueue::has_lane(spool::Lane lane) const {
    return lanes_.contains(lane);
}

Lane* DestinationQueue::lane_of(spool::Lane lane) {
    const auto found = lanes_.find(lane);
    return found == lanes_.end() ? nullptr : &found->second;
}

// Connecting.

bool DestinationQueue::connect() {
    if (!context_.dials.take()) return false;
    context_.metrics.connecting.add(1);
    state_ = State::kDialling;
    link_ = context_.links.dial(destination_, *this);
    return true;
}

void DestinationQueue::give_back_slot() {
    if (!is_connecting()) return;
    context_.metrics.connecting.add(-1);
    context_.dials.give_back();
}

void DestinationQueue::retry_now() {
    backoff_.reset();
    next_dial_us_ = 0;
    (void)tick();
}

void DestinationQueue::on_link_open() {
    state_ = State::kGreeting;
    lb::v1::Hello hello;
    hello.set_version_min(kProtocolVersion);
    hello.set_version_max(kProtocolVersion);
    hello.set_role(lb::v1::PEER_ROLE_FORWARDER);
    hello.set_software("lb-interlogd " LB_VERSION);
    hello.set_host(context_.host);
    hello.set_clock_us(context_.env.now_us());
    hello.set_service(name_);
    hello.set_instance(context_.instance);
    link_->send(lb::v1::FRAME_TYPE_HELLO, hello.SerializeAsString());
}

Status DestinationQueue::on_hello_reply(std::string_view payload) {
    lb::v1::HelloReply reply;
    if (state_ != State::kGreeting) return Error{ErrorCode::kReject, "a second HELLO_REPLY"};
    if (!reply.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
        return Error{ErrorCode::kReject, "HELLO_REPLY does not parse"};
    if (reply.version() != kProtocolVersion)
        return Error{ErrorCode::kUnsupported,
                     "HELLO_REPLY chose version " + std::to_string(reply.version())};
    if (reply.frame_bytes_max() < kFrameBytesLeast)
        return Error{ErrorCode::kUnsupported, "its frames of at most " +
                                                  std::to_string(reply.frame_bytes_max()) +
                                                  " bytes cannot carry the largest event"};
    give_back_slot();
    state_ = State::kSending;
    clock_offset_us_ = reply.clock_us() - context_.env.now_us();
    backoff_.reset();
    last_failure_.clear();
    context_.metrics.connected.add(1);
    credit_events_ = reply.credit_events();
    credit_bytes_ = reply.credit_bytes();
    batch_events_max_ =
        std::min<std::size_t>(options_.batch_events_max, std::max(1U, reply.batch_events_max()));
    frame_bytes_max_ = reply.frame_bytes_max();
    keepalive_us_ = std::max(1U, reply.keepalive_seconds()) * kUsPerSecond;
    link_->set_idle_timeout_ms(static_cast<std::int64_t>(keepalive_us_ / 1000) * kKeepalivesMissed);
    log::write(kConnected, name_, reply.software(), pending_bytes());
    send_keepalive();
    pump();
    return {};
}

// The link is gone, or must go.
void DestinationQueue::fail(const Error& why) {
    if (state_ == State::kSending) context_.metrics.connected.add(-1);
    give_back_slot();
    context_.metrics.failures.add();
    link_.reset();
    forget_flight();
    state_ = State::kBackingOff;
    last_failure_ = why.text;
    const auto wait = backoff_.next();
    next_dial_us_ = context_.env.monotonic_us() + static_cast<std::uint64_t>(wait.count()) * 1000;
    log::write(kBackingOff, name_, why.text, wait.count());
}

void DestinationQueue::on_link_closed(const Error& why) {
    fail({why.code, why.code == ErrorCode::kOk ? "the server closed the connection" : why.text});
}

void DestinationQueue::forget_flight() {
    waiting_.clear();
    in_flight_.clear();
    waiting_bytes_ = 0;
    flight_bytes_ = 0;
    settled_up_to_ = 0;
    for (auto& [id, lane] : lanes_) lane.rewind();
}

void DestinationQueue::break_protocol(const std::string& what) {
    log::write(kProtocolBroken, name_, what);
    lb::v1::Failure failure;
    failure.set_code(lb::v1::ERROR_CODE_REJECT);
    failure.set_text(what);
    link_->send(lb::v1::FRAME_TYPE_FAILURE, failure.SerializeAsString());
    fail({ErrorCode::kReject, what});
}

void DestinationQueue::on_link_frame(std::uint8_t type, std::string_view payload) {
    Status status;
    if (type == lb::v1::FRAME_TYPE_HELLO_REPLY) {
        status = on_hello_reply(payload);
    } else if (type == lb::v1::FRAME_TYPE_ACK && state_ == State::kSending) {
        status = on_ack(payload);
    } else if (type == lb::v1::FRAME_TYPE_FAILURE) {
        lb::v1::Failure failure;
        const bool is_read =
            failure.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
        return fail({ErrorCode::kRetry,
                     "refused: " + (is_read ? failure.text() : std::string("for no reason"))});
    } else if (type != lb::v1::FRAME_TYPE_KEEPALIVE) {
        status = Error{ErrorCode::kReject, "a frame of type " + std::to_string(type)};
    }
    if (!status.ok()) break_protocol(status.error().text);
}

// Settling.

Status DestinationQueue::on_ack(std::string_view payload) {
    lb::v1::Ack ack;
    if (!ack.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
        return Error{ErrorCode::kReject, "ACK does not parse"};
    if (ack.settled_up_to() < settled_up_to_ ||
        ack.settled_up_to() > settled_up_to_ + in_flight_.size())
        return Error{ErrorCode::kReject, "ACK up to " + std::to_string(ack.settled_up_to()) +
                                             ", sent were " + std::to_string(settled_up_to_ + 1) +
                                             " to " +
                                             std::to_string(settled_up_to_ + in_flight_.size())};
    // All of it is looked at before any of it is believed.
    std::uint64_t last_sequence = settled_up_to_;
    for (const lb::v1::AckException& exception : ack.exceptions()) {
        if (exception.sequence() <= last_sequence || exception.sequence() > ack.settled_up_to())
            return Error{ErrorCode::kReject, "ACK with exceptions out of order or range"};
        if (!is_verdict(exception.verdict()))
            return Error{ErrorCode::kReject, "ACK with verdict " +
                                                 std::to_string(exception.verdict()) +
                                                 ", which this version does not know"};
        last_sequence = exception.sequence();
    }
    int next_exception = 0;
    while (settled_up_to_ < ack.settled_up_to()) {
        const std::uint64_t sequence = settled_up_to_ + 1;
        const lb::v1::AckException* exception = nullptr;
        if (next_exception < ack.exceptions_size() &&
            ack.exceptions(next_exception).sequence() == sequence)
            exception = &ack.exceptions(next_exception++);
        settle_next(exception);
        ++settled_up_to_;
    }
    credit_events_ = ack.credit_events();
    credit_bytes_ = ack.credit_bytes();
    pump();
    return {};
}

void DestinationQueue::settle_next(const lb::v1::AckException* exception) {
    Parcel parcel = std::move(in_flight_.front());
    in_flight_.pop_front();
    flight_bytes_ -= parcel.envelope.size();
    if (exception != nullptr && exception->verdict() == lb::v1::VERDICT_RETRY)
        return ask_again(std::move(parcel), *exception);
    ++settled_count_;
    if (exception == nullptr)
        settle(parcel, lb::v1::VERDICT_ACCEPTED, {});
    else
        settle(parcel, exception->verdict(), exception->reason());
}

void DestinationQueue::settle(const Parcel& parcel, lb::v1::Verdict verdict,
                              const std::string& reason) {
    context_.metrics.settled.add();
    const bool is_refused = verdict == lb::v1::VERDICT_DENIED ||
                            verdict == lb::v1::VERDICT_MALFORMED ||
                            verdict == lb::v1::VERDICT_CONFLICT;
    const bool is_awaited = parcel.lane == spool::Lane::kSync;
    if (is_refused || is_awaited) {
        const std::string event_id = event_id_of(parcel);
        if (is_refused) {
            context_.metrics.refused.add();
            log::write(kRefused, name_, to_hex(event_id), lb::v1::Verdict_Name(verdict), reason);
        }
        if (is_awaited)
            context_.on_settled({event_id, static_cast<std::uint32_t>(verdict), reason});
    }
    if (const Status status = lane_of(parcel.lane)->settle(parcel.number); !status.ok())
        on_spool_failure(parcel.lane, status.error());
}

// It goes again before what was never sent, and among others that go again where it was.
void DestinationQueue::ask_again(Parcel parcel, const lb::v1::AckException& exception) {
    context_.metrics.retried.add();
    if (!exception.has_no_room() && is_at_fault(parcel)) ++parcel.failures;
    if (parcel.failures > options_.retries_max) {
        if (set_aside(parcel, exception.reason()))
            return settle(parcel, lb::v1::VERDICT_MALFORMED, exception.reason());
        parcel.failures = 0;  // the quarantine may have room by the time that it is due again
    }
    parcel.is_retried = true;
    parcel.settled_at_failure = settled_count_;
    waiting_bytes_ += parcel.envelope.size();
    const auto place =
        std::partition_point(waiting_.begin(), waiting_.end(), [&](const Parcel& other) {
            return other.is_retried &&
                   std::tie(other.lane, other.number) < std::tie(parcel.lane, parcel.number);
        });
    waiting_.insert(place, std::move(parcel));
}

// A failure counts against an event only when others got through since its last one; or when none
// can any more, because what was settled behind it fills the window.
bool DestinationQueue::is_at_fault(const Parcel& parcel) const {
    if (!parcel.is_retried || parcel.settled_at_failure != settled_count_) return true;
    const std::size_t held = in_flight_.size() + waiting_.size() + 1;
    return unsettled() >= options_.window_events && held < unsettled();
}

bool DestinationQueue::set_aside(const Parcel& parcel, const std::string& reason) {
    const std::string event_id = to_hex(event_id_of(parcel));
    const auto place = context_.set_aside(spool::quarantined_event_prefix(destination_) + event_id,
                                          parcel.envelope, reason);
    if (!place.ok()) {
        log::write(kNotSetAside, name_, event_id, place.error().text, reason);
        return false;
    }
    context_.metrics.set_aside.add();
    log::write(kSetAside, name_, event_id, *place, reason);
    return true;
}

// Sending.

void DestinationQueue::pump() {
    if (state_ == State::kIdle) {
        // The first event of a destination dials it.
        (void)tick();
        return;
    }
    if (state_ != State::kSending) return;
    do {
        fill();
    } while (send_batch());
}

// Reads the synchronous lane first; while it has more, the bulk lane gets what room is left.
void DestinationQueue::fill() {
    if (is_draining_) return;
    while (waiting_.size() < batch_events_max_ && waiting_bytes_ < options_.batch_bytes_max) {
        const bool got_sync = fill_from(spool::Lane::kSync);
        const bool got_bulk = fill_from(spool::Lane::kBulk);
        if (!got_sync && !got_bulk) return;
    }
}

bool DestinationQueue::fill_from(spool::Lane id) {
    Lane* const lane = lane_of(id);
    if (lane == nullptr) return false;
    const std::size_t left = context_.memory_left();
    // Each destination may hold one event however tight memory is, so that none stands still.
    if (left == 0 && memory_bytes() > 0) return false;
    if (unsettled() >= options_.window_events || memory_bytes() >= options_.window_bytes)
        return false;
    auto& failed_at_us = lane_failed_at_us_[id];
    const std::uint64_t now_us = context_.env.monotonic_us();
    if (failed_at_us != 0 && now_us < failed_at_us + kLaneRetryUs) return false;
    const std::size_t bytes_max = std::clamp<std::size_t>(left, 1, kReadBytesMax);
    auto parcels =
        lane->read({.events_max = std::min(kReadEventsMax, options_.window_events - unsettled()),
                    .bytes_max = bytes_max});
    if (!parcels.ok()) {
        failed_at_us = now_us;
        on_spool_failure(id, parcels.error());
        return false;
    }
    failed_at_us = 0;
    for (Parcel& parcel : *parcels) {
        waiting_bytes_ += parcel.envelope.size();
        waiting_.push_back(std::move(parcel));
    }
    return !parcels->empty();
}

bool DestinationQueue::fits_credit(std::size_t events, std::size_t bytes) const {
    if (credit_events_ == 0) return false;
    // One event always may go when nothing else is on its way, however large it is.
    if (in_flight_.empty() && events == 1) return true;
    return in_flight_.size() + events <= credit_events_ && flight_bytes_ + bytes <= credit_bytes_;
}

bool DestinationQueue::send_batch() {
    if (waiting_.empty() || link_->queued_bytes() > kQueuedBytesMax) return false;
    const std::size_t bytes_max =
        std::min(options_.batch_bytes_max, frame_bytes_max_ - kBatchOverheadBytes);
    lb::v1::Batch batch;
    std::size_t bytes = 0;
    std::size_t events = 0;
    while (events < waiting_.size() && events < batch_events_max_) {
        const std::size_t next = waiting_[events].envelope.size();
        if (events > 0 && bytes + next > bytes_max) break;
        if (!fits_credit(events + 1, bytes + next)) break;
        batch.add_envelopes(waiting_[events].envelope);
        bytes += next;
        ++events;
    }
    if (events == 0) return false;
    batch.set_first_sequence(settled_up_to_ + in_flight_.size() + 1);
    link_->send(lb::v1::FRAME_TYPE_BATCH, batch.SerializeAsString());
    context_.metrics.sent.add(events);
    for (std::size_t i = 0; i < events; ++i) {
        in_flight_.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    waiting_bytes_ -= bytes;
    flight_bytes_ += bytes;
    return true;
}

// Time.

bool DestinationQueue::tick() {
    const std::uint64_t now_us = context_.env.monotonic_us();
    const bool may_dial = state_ == State::kIdle || state_ == State::kBackingOff;
    if (may_dial && now_us >= next_dial_us_ && !is_draining_) return connect();
    if (state_ != State::kSending) return true;
    if (now_us >= next_keepalive_us_) send_keepalive();
    pump();
    return true;
}

void DestinationQueue::send_keepalive() {
    next_keepalive_us_ = context_.env.monotonic_us() + keepalive_us_;
    lb::v1::Keepalive keepalive;
    keepalive.set_clock_us(context_.env.now_us());
    keepalive.set_spool_events(unsettled());
    keepalive.set_oldest_us(oldest_us());
    link_->send(lb::v1::FRAME_TYPE_KEEPALIVE, keepalive.SerializeAsString());
}

void DestinationQueue::tidy() {
    for (auto& [id, lane] : lanes_) {
        if (const Status status = lane.tidy(); !status.ok())
            on_spool_failure(id, status.error());
        else if (lane_failed_at_us_[id] == 0)
            spool_failures_.erase(id);
    }
}

std::size_t DestinationQueue::unsettled() const {
    std::size_t count = 0;
    for (const auto& [id, lane] : lanes_) count += lane.unsettled();
    return count;
}

std::int64_t DestinationQueue::oldest_us() const {
    std::int64_t oldest = 0;
    for (const auto& [id, lane] : lanes_)
        if (lane.oldest_us() != 0 && (oldest == 0 || lane.oldest_us() < oldest))
            oldest = lane.oldest_us();
    return oldest;
}

std::uint64_t DestinationQueue::pending_bytes() {
    std::uint64_t sum = 0;
    for (auto& [id, lane] : lanes_)
        if (const auto bytes = lane.reader().unsettled_file_bytes(); bytes.ok()) sum += *bytes;
    return sum;
}

std::int64_t DestinationQueue::pending_since_us() {
    std::int64_t since = 0;
    for (auto& [id, lane] : lanes_)
        if (const auto oldest = lane.reader().oldest_us(); oldest.ok() && *oldest != 0)
            since = since == 0 ? *oldest : std::min(since, *oldest);
    return since;
}

nlohmann::ordered_json DestinationQueue::to_json() const {
    nlohmann::ordered_json row = {{"destination", name_},
                                  {"state", to_string(state_)},
                                  {"unsettled", unsettled()},
                                  {"in_flight", in_flight_.size()},
                                  {"memory_bytes", memory_bytes()}};
    if (oldest_us() != 0) row["oldest"] = event::time_to_text(oldest_us());
    if (clock_offset_us_) row["clock_offset_us"] = *clock_offset_us_;
    if (!last_failure_.empty()) row["failure"] = last_failure_;
    if (!spool_failures_.empty()) row["spool_failure"] = spool_failures_.begin()->second;
    if (state_ == State::kBackingOff) {
        const std::uint64_t now_us = context_.env.monotonic_us();
        row["retry_in_ms"] = next_dial_us_ > now_us ? (next_dial_us_ - now_us) / 1000 : 0;
    }
    return row;
}

}  // namespace lb::interlogd
