#include "common/net/stream_connection.h"

#include <algorithm>
#include <utility>

namespace lb::net {
namespace {

// A send queue that has grown is given back to the system when it is empty again.
constexpr std::size_t kKeptBytes = 256 * 1024;

Error in_good_order() {
    return Error{ErrorCode::kOk, "closed"};
}

}  // namespace

void Handler::on_open(Connection&) {}
void Handler::on_frame(Connection& connection, std::uint8_t, std::string_view) {
    connection.close(Error{ErrorCode::kReject, "frames are not understood here"});
}
void Handler::on_bytes(Connection& connection, std::string_view) {
    connection.close(Error{ErrorCode::kReject, "only frames (ALPN lb/1) are understood here"});
}
void Handler::on_closed(Connection&, const Error&) {}

StreamConnection::StreamConnection(Loop& loop, std::unique_ptr<Stream> stream,
                                   const ConnectionLimits& limits, std::function<void()> on_gone)
    : loop_(loop),
      stream_(std::move(stream)),
      limits_(limits),
      on_gone_(std::move(on_gone)),
      decoder_(limits.frame_bytes_max),
      opened_at_(Clock::now()),
      received_at_(opened_at_),
      sent_at_(opened_at_) {
    peer_.address = stream_->peer_address();
}

std::shared_ptr<StreamConnection> StreamConnection::self() {
    return std::static_pointer_cast<StreamConnection>(shared_from_this());
}

void StreamConnection::in_loop(std::function<void(StreamConnection&)> task) {
    if (loop_.is_loop_thread()) return task(*this);
    loop_.post([self = self(), task = std::move(task)] { task(*self); });
}

// Opening.

void StreamConnection::open_accepted(HandlerFactory make_handler, RefusedCallback on_refused) {
    on_refused_ = std::move(on_refused);
    start([make_handler = std::move(make_handler)](StreamConnection& connection) {
        connection.handler_ = make_handler(connection);
        if (!connection.handler_)
            return connection.finish(Error{ErrorCode::kReject, "not wanted here"});
        connection.on_stream_open();
    });
}

void StreamConnection::open_dialled(std::unique_ptr<Handler> handler) {
    handler_ = std::move(handler);
    start([](StreamConnection& connection) { connection.on_stream_open(); });
}

void StreamConnection::start(std::function<void(StreamConnection&)> opened) {
    if (state_ == State::kClosed) return;
    schedule_check();
    stream_->open([self = self(), opened = std::move(opened)](const Status& status) {
        if (self->state_ != State::kOpening) return;
        if (!status.ok()) return self->finish(status.error());
        auto peer = self->stream_->peer();
        if (!peer.ok()) return self->finish(peer.error());
        self->peer_ = std::move(peer).value();
        self->is_framed_ = self->peer_.protocol == tls::kFrameProtocol;
        opened(*self);
    });
}

void StreamConnection::on_stream_open() {
    if (state_ != State::kOpening) return;
    state_ = State::kOpen;
    on_refused_ = nullptr;
    read_buffer_.resize(limits_.read_bytes);
    received_at_ = sent_at_ = Clock::now();
    schedule_check();
    is_delivering_ = true;
    handler_->on_open(*this);
    is_delivering_ = false;
    write();
    read();
}

// Receiving.

void StreamConnection::read() {
    const bool is_wanted = state_ == State::kEnding || (state_ == State::kOpen && !is_paused_);
    if (!is_wanted || is_reading_) return;
    is_reading_ = true;
    stream_->read_some(read_buffer_.data(), read_buffer_.size(),
                       [self = self()](const Status& status, std::size_t bytes) {
                           self->is_reading_ = false;
                           self->on_read(status, bytes);
                       });
}

void StreamConnection::on_read(const Status& status, std::size_t bytes) {
    if (state_ == State::kClosed) return;
    // What comes while we say goodbye is not for anybody, but must be read: else the system would
    // cut the connection instead of ending it.
    if (state_ == State::kEnding) {
        if (status.ok() && bytes > 0) return read();
        // A peer that has said all may still take what is left for it.
        if (status.ok() && unsent_bytes() > 0) return;
        return finish(in_good_order());
    }
    if (!status.ok()) return finish(status.error());
    if (bytes == 0) return finish(in_good_order());
    received_at_ = Clock::now();
    if (is_framed_) {
        decoder_.append(std::string_view(read_buffer_.data(), bytes));
    } else {
        unread_bytes_ = bytes;
    }
    deliver();
    read();
}

bool StreamConnection::deliver_frame() {
    auto frame = decoder_.next();
    if (!frame.ok()) {
        finish(frame.error().within(peer_.address));
        return false;
    }
    if (!frame->has_value()) return false;
    handler_->on_frame(*this, (*frame)->type, (*frame)->payload);
    return true;
}

void StreamConnection::deliver() {
    if (is_delivering_) return;
    is_delivering_ = true;
    while (is_framed_ && state_ == State::kOpen && !is_paused_ && deliver_frame()) {
    }
    if (!is_framed_ && state_ == State::kOpen && !is_paused_ && unread_bytes_ > 0) {
        const std::string_view bytes(read_buffer_.data(), std::exchange(unread_bytes_, 0));
        handler_->on_bytes(*this, bytes);
    }
    is_delivering_ = false;
    write();
}

void StreamConnection::pause_reading() {
    is_paused_ = true;
}

void StreamConnection::resume_reading() {
    if (!is_paused_) return;
    is_paused_ = false;
    received_at_ = Clock::now();
    // Not from within the caller: it may be in the middle of something.
    loop_.post([self = self()] {
        self->deliver();
        self->read();
    });
}

// Sending.

void StreamConnection::send_frame(std::uint8_t type, std::string_view payload) {
    if (loop_.is_loop_thread() && state_ != State::kOpen) return;
    std::string bytes;
    bytes.reserve(frame::kHeaderBytes + payload.size());
    frame::append_frame(bytes, type, payload);
    send_bytes(std::move(bytes));
}

void StreamConnection::send_bytes(std::string bytes) {
    if (loop_.is_loop_thread()) return queue(bytes);
    queued_bytes_ += bytes.size();
    loop_.post([self = self(), bytes = std::move(bytes)] {
        self->queued_bytes_ -= bytes.size();
        self->queue(bytes);
    });
}

void StreamConnection::queue(std::string_view bytes) {
    if (state_ != State::kOpen || bytes.empty()) return;
    if (queued_bytes_ + bytes.size() > limits_.send_bytes_max)
        return finish(Error{ErrorCode::kFull, peer_.address + " takes nothing: the send queue of " +
                                                  std::to_string(limits_.send_bytes_max) +
                                                  " bytes is full"});
    if (unsent_bytes() == 0) sent_at_ = Clock::now();
    pending_ += bytes;
    queued_bytes_ += bytes.size();
    if (!is_delivering_) write();
}

void StreamConnection::write() {
    if (is_writing_ || state_ == State::kClosed || state_ == State::kOpening) return;
    if (written_bytes_ == writing_.size()) {
        if (writing_.capacity() > kKeptBytes && pending_.empty()) std::string().swap(writing_);
        writing_.clear();
        written_bytes_ = 0;
        std::swap(writing_, pending_);
    }
    if (writing_.empty()) {
        if (state_ == State::kEnding) end_stream();
        return;
    }
    is_writing_ = true;
    stream_->write_some(std::string_view(writing_).substr(written_bytes_),
                        [self = self()](const Status& status, std::size_t bytes) {
                            self->is_writing_ = false;
                            self->on_written(status, bytes);
                        });
}

void StreamConnection::on_written(const Status& status, std::size_t bytes) {
    if (state_ == State::kClosed) return;
    if (!status.ok()) return finish(status.error());
    written_bytes_ += bytes;
    queued_bytes_ -= bytes;
    sent_at_ = Clock::now();
    write();
}

// Ending.

void StreamConnection::close_gracefully() {
    in_loop([](StreamConnection& connection) {
        if (connection.state_ == State::kOpening) return connection.finish(in_good_order());
        if (connection.state_ != State::kOpen) return;
        connection.state_ = State::kEnding;
        connection.read();
        if (!connection.is_delivering_) connection.write();
    });
}

void StreamConnection::close(Error why) {
    in_loop([why = std::move(why)](StreamConnection& connection) { connection.finish(why); });
}

void StreamConnection::end_stream() {
    is_writing_ = true;
    ended_at_ = Clock::now();
    // When the peer was still sending, its end of the stream is awaited by read(), or the deadline.
    stream_->end([self = self()](const Status& status) {
        if (status.ok()) self->finish(in_good_order());
    });
}

void StreamConnection::finish(const Error& why) {
    if (state_ == State::kClosed) return;
    state_ = State::kClosed;
    stream_->close();
    loop_.cancel(check_timer_);
    queued_bytes_ -= unsent_bytes();
    pending_.clear();
    if (on_refused_) on_refused_(peer_.address, why);
    // Later, so that a handler never hears of the end from within its own call.
    loop_.post([self = self(), why] {
        if (self->handler_) self->handler_->on_closed(*self, why);
        self->handler_.reset();
        if (self->on_gone_) self->on_gone_();
        self->on_gone_ = nullptr;
    });
}

// Deadlines.

void StreamConnection::set_idle_timeout(Milliseconds timeout) {
    limits_.idle_timeout = timeout;
    received_at_ = Clock::now();
    schedule_check();
}

Milliseconds StreamConnection::check_interval() const {
    Milliseconds shortest = Milliseconds(4'000);
    if (state_ == State::kOpening) shortest = std::min(shortest, limits_.handshake_timeout);
    for (const Milliseconds timeout :
         {limits_.idle_timeout, limits_.send_timeout, limits_.end_timeout})
        if (timeout.count() > 0) shortest = std::min(shortest, timeout);
    return std::max(shortest / 4, Milliseconds(5));
}

// The timer keeps the connection until finish() cancels it: while reading is paused and nothing is
// sent there may be no other operation that does.
void StreamConnection::schedule_check() {
    if (state_ == State::kClosed) return;
    if (check_timer_ != 0) loop_.cancel(check_timer_);
    check_timer_ = loop_.call_after(check_interval(), [self = self()] { self->check_deadlines(); });
}

void StreamConnection::check_deadlines() {
    const Clock::time_point now = Clock::now();
    const auto is_over = [now](Clock::time_point since, Milliseconds timeout) {
        return timeout.count() > 0 && now - since >= timeout;
    };
    const auto timed_out = [this](const std::string& what) {
        finish(Error{ErrorCode::kTimeout, peer_.address + ": " + what});
    };
    switch (state_) {
        case State::kOpening:
            if (is_over(opened_at_, limits_.handshake_timeout))
                return timed_out("no connection within the deadline");
            break;
        case State::kOpen:
            if (!is_paused_ && is_over(received_at_, limits_.idle_timeout))
                return timed_out("silent for too long");
            if (unsent_bytes() > 0 && is_over(sent_at_, limits_.send_timeout))
                return timed_out("takes no bytes for too long");
            break;
        case State::kEnding:
            if (unsent_bytes() > 0 && is_over(sent_at_, limits_.send_timeout))
                return timed_out("takes no bytes for too long");
            if (unsent_bytes() == 0 && is_over(ended_at_, limits_.end_timeout))
                return finish(in_good_order());
            break;
        case State::kClosed:
            return;
    }
    schedule_check();
}

}  // namespace lb::net
