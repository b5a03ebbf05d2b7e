// The Connection of this folder: a Stream, a frame decoder, a send queue, deadlines. The invariant:
// its handler hears nothing before on_open() and nothing after on_closed(), and callbacks never
// nest.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/frame/frame.h"
#include "common/net/connection.h"
#include "common/net/listener.h"
#include "common/net/stream.h"

namespace lb::net {

class StreamConnection final : public Connection {
  public:
    // `on_gone` is called when the connection has ended, after on_closed().
    StreamConnection(Loop& loop, std::unique_ptr<Stream> stream, const ConnectionLimits& limits,
                     std::function<void()> on_gone);

    // One of these first, in the loop's thread.
    void open_accepted(HandlerFactory make_handler, RefusedCallback on_refused);
    void open_dialled(std::unique_ptr<Handler> handler);

    void send_frame(std::uint8_t type, std::string_view payload) override;
    void send_bytes(std::string bytes) override;
    [[nodiscard]] std::size_t queued_bytes() const override { return queued_bytes_; }
    void pause_reading() override;
    void resume_reading() override;
    void close_gracefully() override;
    void close(Error why) override;
    void set_idle_timeout(Milliseconds timeout) override;
    // Not shaken hands yet. In the loop's thread.
    [[nodiscard]] bool is_opening() const { return state_ == State::kOpening; }
    [[nodiscard]] const Peer& peer() const override { return peer_; }
    [[nodiscard]] Loop& loop() override { return loop_; }

  private:
    using Clock = std::chrono::steady_clock;
    enum class State : std::uint8_t { kOpening, kOpen, kEnding, kClosed };

    std::shared_ptr<StreamConnection> self();
    void in_loop(std::function<void(StreamConnection&)> task);
    void start(std::function<void(StreamConnection&)> opened);
    void on_stream_open();

    void read();
    void on_read(const Status& status, std::size_t bytes);
    void deliver();
    bool deliver_frame();

    void queue(std::string_view bytes);
    [[nodiscard]] std::size_t unsent_bytes() const {
        return pending_.size() + writing_.size() - written_bytes_;
    }
    void write();
    void on_written(const Status& status, std::size_t bytes);

    void end_stream();
    void finish(const Error& why);
    void schedule_check();
    void check_deadlines();
    [[nodiscard]] Milliseconds check_interval() const;

    Loop& loop_;
    std::unique_ptr<Stream> stream_;
    ConnectionLimits limits_;
    std::function<void()> on_gone_;
    std::unique_ptr<Handler> handler_;
    RefusedCallback on_refused_;
    Peer peer_;
    State state_ = State::kOpening;

    frame::Decoder decoder_;
    std::vector<char> read_buffer_;
    std::size_t unread_bytes_ = 0;  // in read_buffer_, of a connection without frames, when paused
    bool is_framed_ = false;
    bool is_paused_ = false;
    bool is_reading_ = false;
    bool is_delivering_ = false;

    std::string pending_;  // queued behind writing_
    std::string writing_;
    std::size_t written_bytes_ = 0;             // of writing_
    std::atomic<std::size_t> queued_bytes_{0};  // unsent, and what other threads have posted
    bool is_writing_ = false;

    Clock::time_point opened_at_;
    Clock::time_point received_at_;
    Clock::time_point sent_at_;   // when the peer last took bytes, or the queue began
    Clock::time_point ended_at_;  // when we had sent everything, and said so
    Loop::TimerId check_timer_ = 0;
};

}  // namespace lb::net
