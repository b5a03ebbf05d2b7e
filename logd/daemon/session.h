// A session: one producer's connection. It cuts frames out of what arrives and keeps the answers in
// the order of the requests, whatever order they become ready in.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "common/frame/frame.h"
#include "logd/daemon/intake.h"

namespace lb::logd {

// The answer to one request, growing.
struct Answer {
    std::string event_id;
    ErrorCode code = ErrorCode::kOk;
    std::uint32_t verdict = 0;  // lb.v1.Verdict
    std::string text;
    std::string frame;  // the whole answer, when it is no LogReply

    bool is_ready = false;
    bool is_durable = false;
    std::uint64_t deadline_us = 0;  // for the verdict, monotonic; 0 = nobody waits for one
};

class Session {
  public:
    Session(int descriptor, std::uint64_t id, uid_t uid, Producer peer, std::size_t frame_bytes_max)
        : producer(std::move(peer)),
          decoder(frame_bytes_max),
          id_(id),
          uid_(uid),
          descriptor_(descriptor) {}
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] uid_t uid() const { return uid_; }
    [[nodiscard]] int descriptor() const { return descriptor_; }

    // A place for the answer to the next request: its number.
    std::uint64_t add_answer();
    // Nothing when it was sent already.
    Answer* answer(std::uint64_t number);
    // Answers a request with a whole frame.
    void reply(std::uint64_t number, std::string frame);
    [[nodiscard]] std::size_t in_flight() const { return answers_.size(); }
    // Of answers that the producer has not taken.
    [[nodiscard]] std::size_t unsent_bytes() const {
        return frame_bytes_ + outgoing_.size() - sent_;
    }

    // Moves ready answers from the front to the outgoing bytes and sends what the socket takes.
    // False when the peer is gone.
    bool flush();
    [[nodiscard]] bool has_outgoing() const { return sent_ < outgoing_.size(); }
    // The last answer: a Failure, after which the connection ends.
    void fail(const Error& error);

    Producer producer;
    frame::Decoder decoder;
    bool has_failed = false;     // nothing more is decoded; ends when all answers are sent
    bool is_at_end = false;      // the producer will send nothing more
    std::uint32_t interest = 0;  // what epoll was last told
    std::size_t buffered_bytes = 0;

  private:
    void encode(Answer& answer);

    std::uint64_t id_;
    uid_t uid_;
    int descriptor_;
    std::deque<Answer> answers_;
    std::size_t frame_bytes_ = 0;     // of answers_
    std::uint64_t first_number_ = 1;  // of answers_.front()
    std::string outgoing_;
    std::size_t sent_ = 0;
};

}  // namespace lb::logd
