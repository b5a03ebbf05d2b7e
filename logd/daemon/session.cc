#include "logd/daemon/session.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "lb/v1/wire.pb.h"

namespace lb::logd {

Session::~Session() {
    ::close(descriptor_);
}

std::uint64_t Session::add_answer() {
    answers_.emplace_back();
    return first_number_ + answers_.size() - 1;
}

Answer* Session::answer(std::uint64_t number) {
    if (number < first_number_ || number - first_number_ >= answers_.size()) return nullptr;
    return &answers_[number - first_number_];
}

void Session::reply(std::uint64_t number, std::string frame) {
    Answer& to = *answer(number);
    frame_bytes_ += frame.size();
    to.frame = std::move(frame);
    to.is_ready = true;
}

// The answer is of no use afterwards.
void Session::encode(Answer& answer) {
    if (!answer.frame.empty()) {
        outgoing_ += answer.frame;
        frame_bytes_ -= answer.frame.size();
        return;
    }
    v1::LogReply reply;
    reply.set_event_id(std::move(answer.event_id));
    reply.set_code(static_cast<v1::ErrorCode>(answer.code));
    reply.set_verdict(static_cast<v1::Verdict>(answer.verdict));
    reply.set_text(std::move(answer.text));
    frame::append_frame(outgoing_, v1::FRAME_TYPE_LOG_REPLY, reply.SerializeAsString());
}

bool Session::flush() {
    while (!answers_.empty() && answers_.front().is_ready) {
        encode(answers_.front());
        answers_.pop_front();
        ++first_number_;
    }
    while (has_outgoing()) {
        const auto count = ::send(descriptor_, outgoing_.data() + sent_, outgoing_.size() - sent_,
                                  MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
        sent_ += static_cast<std::size_t>(count);
    }
    outgoing_.clear();
    sent_ = 0;
    return true;
}

void Session::fail(const Error& error) {
    v1::Failure failure;
    failure.set_code(static_cast<v1::ErrorCode>(error.code));
    failure.set_text(error.text);
    std::string frame;
    frame::append_frame(frame, v1::FRAME_TYPE_FAILURE, failure.SerializeAsString());
    reply(add_answer(), std::move(frame));
    has_failed = true;
}

}  // namespace lb::logd
