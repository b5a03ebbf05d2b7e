#include "bkserver/app/http_door.h"

#include <atomic>

#include "bkserver/app/messages.h"
#include "bkserver/book/intake.h"
#include "bkserver/web/request_reader.h"
#include "common/env/env.h"

namespace lb::bkserver {

namespace {

using web::HttpAnswer;
using Stage = web::RequestReader::Stage;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// Opened in the connection's loop: a call that was answered meanwhile, for it took too long, has no
// stream any more, and nothing that was said on it is sent.
class ConnectionStream : public HttpStream, public std::enable_shared_from_this<ConnectionStream> {
  public:
    ConnectionStream(std::weak_ptr<net::Connection> connection, std::size_t bytes_max)
        : connection_(std::move(connection)), bytes_max_(bytes_max) {}

    bool send(std::string bytes) override {
        const auto connection = connection_.lock();
        if (connection == nullptr || is_refused_) return false;
        if (connection->queued_bytes() + posted_bytes_ + bytes.size() > bytes_max_) {
            end();
            return false;
        }
        posted_bytes_ += bytes.size();
        connection->loop().post([self = shared_from_this(), bytes = std::move(bytes)]() mutable {
            self->posted_bytes_ -= bytes.size();
            const auto open = self->connection_.lock();
            if (open != nullptr && !self->is_refused_) open->send_bytes(std::move(bytes));
        });
        return true;
    }

    [[nodiscard]] bool is_open() const override { return !is_refused_ && !connection_.expired(); }

    void end() override {
        const auto connection = connection_.lock();
        if (connection == nullptr) return;
        connection->loop().post([self = shared_from_this()] {
            const auto open = self->connection_.lock();
            if (open != nullptr && !self->is_refused_) open->close_gracefully();
        });
    }

    // In the loop's thread.
    void refuse() { is_refused_ = true; }

  private:
    const std::weak_ptr<net::Connection> connection_;
    const std::size_t bytes_max_;
    std::atomic<std::size_t> posted_bytes_{0};  // on their way to the connection
    std::atomic<bool> is_refused_{false};
};

}  // namespace

// One connection. Shared with the threads that answer, which reach it through its loop.
class HttpDoor::Conversation : public std::enable_shared_from_this<Conversation> {
  public:
    enum class Phase { kIdle, kReading, kAnswering, kStreaming, kEnded };

    Conversation(HttpDoor& door, net::Connection& connection, lb::v1::Identity certificate)
        : door_(&door),
          limits_(door.limits_),
          connection_(connection.weak_from_this()),
          loop_(connection.loop()),
          address_(connection.peer().address),
          certificate_(std::move(certificate)),
          waiting_since_us_(env::posix_env().monotonic_us()) {}

    void on_bytes(net::Connection& connection, std::string_view bytes);
    void on_closed();
    // When it began to wait for its peer; nothing while it is the peer's turn to wait. One that has
    // ended waits for its peer to take the answer, and to close.
    [[nodiscard]] std::optional<std::uint64_t> waiting_since_us() const {
        if (phase_ == Phase::kAnswering || phase_ == Phase::kStreaming) return std::nullopt;
        return waiting_since_us_;
    }
    [[nodiscard]] bool is_stranger() const { return certificate_.name().empty(); }
    void drop(const char* why);

  private:
    friend class HttpDoor;

    void look(net::Connection& connection);
    void on_head(net::Connection& connection);
    void on_request(net::Connection& connection);
    HttpCall call_of(web::HttpRequest request);
    void hand_over(HttpCall call);
    void reply(std::uint64_t request, HttpAnswer answer);
    void send(HttpAnswer answer, bool is_kept_alive);
    void answer_late();
    void release_body();
    void set_deadline(net::Milliseconds delay, void (Conversation::*on_time)());
    void on_slow() { drop("too slow"); }

    HttpDoor* door_;  // null once it has left
    const HttpLimits limits_;
    const std::weak_ptr<net::Connection> connection_;
    net::Loop& loop_;
    const std::string address_;
    const lb::v1::Identity certificate_;
    web::RequestReader reader_;
    Phase phase_ = Phase::kIdle;
    bool is_head_seen_ = false;
    bool is_head_request_ = false;  // the method HEAD
    bool is_kept_alive_ = false;
    std::size_t reserved_bytes_ = 0;
    std::uint64_t waiting_since_us_;
    std::uint64_t request_ = 0;  // counts; an answer to an earlier one comes too late
    std::function<HttpAnswer()> late_answer_;
    net::Loop::TimerId timer_ = 0;
};

void HttpDoor::Conversation::set_deadline(net::Milliseconds delay,
                                          void (Conversation::*on_time)()) {
    if (timer_ != 0) loop_.cancel(timer_);
    timer_ = loop_.call_after(delay, [weak = weak_from_this(), on_time] {
        if (const auto self = weak.lock()) {
            self->timer_ = 0;
            ((*self).*on_time)();
        }
    });
}

void HttpDoor::Conversation::on_bytes(net::Connection& connection, std::string_view bytes) {
    if (phase_ == Phase::kStreaming || phase_ == Phase::kEnded || door_ == nullptr) return;
    if (phase_ == Phase::kIdle) {
        phase_ = Phase::kReading;
        waiting_since_us_ = env::posix_env().monotonic_us();
        set_deadline(limits_.head_timeout, &Conversation::on_slow);
    }
    reader_.append(bytes);
    look(connection);
}

void HttpDoor::Conversation::look(net::Connection& connection) {
    const Stage stage = reader_.stage();
    if (stage == Stage::kRefused) {
        door_->refused_.add();
        log::write(kHttpRefused, address_, reader_.refusal().text);
        return send(web::problem(reader_.refusal().status, reader_.refusal().text), false);
    }
    if (stage == Stage::kNothing || stage == Stage::kHead) return;
    if (!is_head_seen_) on_head(connection);
    if (phase_ == Phase::kReading && reader_.stage() == Stage::kWhole) on_request(connection);
}

// Refuses what would only cost: before its body comes.
void HttpDoor::Conversation::on_head(net::Connection& connection) {
    is_head_seen_ = true;
    const web::HttpRequest& head = reader_.head();
    is_head_request_ = head.method == "HEAD";
    is_kept_alive_ = head.is_kept_alive;
    door_->requests_.add();
    HttpCall call = call_of({});
    call.request.method = head.method;
    call.request.path = head.path;
    call.request.headers = head.headers;
    call.match = web::find_route(head);
    if (auto refusal = door_->desk_.refuse_early(call)) {
        door_->refused_.add();
        log::write(kHttpDenied, address_, book::printable(head.path),
                   std::to_string(refusal->status));
        const bool has_no_body = reader_.stage() == Stage::kWhole;
        return send(std::move(*refusal), is_kept_alive_ && has_no_body);
    }
    const std::size_t bytes = reader_.body_bytes_max();
    if (door_->bodies_bytes_ + bytes > limits_.bodies_bytes_max)
        return send(web::problem(503, "other clients are sending too much: try again"), false);
    reserved_bytes_ = bytes;
    door_->bodies_bytes_ += bytes;
    if (reader_.stage() == Stage::kWhole) return;
    if (reader_.expects_continue()) connection.send_bytes(std::string(kContinue));
    set_deadline(limits_.body_timeout, &Conversation::on_slow);
}

HttpCall HttpDoor::Conversation::call_of(web::HttpRequest request) {
    HttpCall call;
    call.request = std::move(request);
    call.certificate = certificate_;
    call.address = address_;
    call.arrived_us = env::posix_env().now_us();
    return call;
}

void HttpDoor::Conversation::on_request(net::Connection& connection) {
    phase_ = Phase::kAnswering;
    connection.pause_reading();
    HttpCall call = call_of(reader_.take());
    call.match = web::find_route(call.request);
    set_deadline(limits_.answer_timeout, &Conversation::answer_late);
    hand_over(std::move(call));
}

void HttpDoor::Conversation::hand_over(HttpCall call) {
    const std::uint64_t request = ++request_;
    const auto self = shared_from_this();
    call.reply = [self, request](HttpAnswer answer) {
        self->loop_.post([self, request, answer = std::move(answer)]() mutable {
            self->reply(request, std::move(answer));
        });
    };
    call.when_late = [self, request](std::function<HttpAnswer()> late_answer) {
        self->loop_.post([self, request, late_answer = std::move(late_answer)]() mutable {
            if (self->request_ == request && self->phase_ == Phase::kAnswering)
                self->late_answer_ = std::move(late_answer);
        });
    };
    call.open_stream = [self, request,
                        bytes_max = limits_.stream_bytes_max](std::string_view type) {
        auto stream = std::make_shared<ConnectionStream>(self->connection_, bytes_max);
        self->loop_.post([self, request, stream, head = web::stream_head(type)]() mutable {
            const auto open = self->connection_.lock();
            if (open == nullptr || self->request_ != request || self->phase_ != Phase::kAnswering)
                return stream->refuse();
            self->phase_ = Phase::kStreaming;
            open->send_bytes(std::move(head));
            if (self->timer_ != 0) self->loop_.cancel(std::exchange(self->timer_, 0));
            self->release_body();
            // Nothing is expected from the client any more, not even a sign of life.
            open->set_idle_timeout(net::Milliseconds(0));
            open->resume_reading();
        });
        return stream;
    };
    HttpDesk& desk = door_->desk_;
    const auto fail = [reply = call.reply](const Error& why) {
        reply(web::problem(500, "the server failed at this request: " + why.text));
    };
    if (!door_->pool_.submit(
            [&desk, call = std::move(call)](AnswerTools tools) { desk.answer(call, tools); }, fail))
        send(web::problem(503, "the server has too many requests to answer: try again"),
             is_kept_alive_);
}

void HttpDoor::Conversation::reply(std::uint64_t request, HttpAnswer answer) {
    if (request != request_ || phase_ != Phase::kAnswering) return;
    send(std::move(answer), is_kept_alive_);
}

void HttpDoor::Conversation::answer_late() {
    if (phase_ != Phase::kAnswering) return;
    send(late_answer_ ? late_answer_() : web::problem(503, "the answer takes too long: try again"),
         is_kept_alive_);
}

void HttpDoor::Conversation::release_body() {
    if (door_ != nullptr) door_->bodies_bytes_ -= reserved_bytes_;
    reserved_bytes_ = 0;
}

void HttpDoor::Conversation::send(HttpAnswer answer, bool is_kept_alive) {
    const auto connection = connection_.lock();
    release_body();
    late_answer_ = nullptr;
    ++request_;
    if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
    if (connection == nullptr) return;
    connection->send_bytes(web::to_bytes(answer, is_head_request_, is_kept_alive));
    waiting_since_us_ = env::posix_env().monotonic_us();
    if (!is_kept_alive) {
        phase_ = Phase::kEnded;
        return connection->close_gracefully();
    }
    if (phase_ == Phase::kReading) reader_.take();
    is_head_seen_ = false;
    phase_ = Phase::kIdle;
    connection->resume_reading();
    if (reader_.stage() == Stage::kNothing) return;
    // The next request came with this one.
    phase_ = Phase::kReading;
    set_deadline(limits_.head_timeout, &Conversation::on_slow);
    loop_.post([weak = weak_from_this()] {
        const auto self = weak.lock();
        const auto open = self ? self->connection_.lock() : nullptr;
        if (open != nullptr && self->door_ != nullptr && self->phase_ == Phase::kReading)
            self->look(*open);
    });
}

void HttpDoor::Conversation::drop(const char* why) {
    const auto connection = connection_.lock();
    if (door_ != nullptr) door_->dropped_.add();
    log::write(kHttpRefused, address_, why);
    release_body();
    phase_ = Phase::kEnded;
    // Before the connection has heard of it: who was dropped makes room once.
    if (HttpDoor* const door = std::exchange(door_, nullptr)) door->leave(*this);
    if (connection != nullptr) connection->close({ErrorCode::kTimeout, address_ + ": " + why});
}

void HttpDoor::Conversation::on_closed() {
    if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
    release_body();
    phase_ = Phase::kEnded;
    if (door_ != nullptr) door_->leave(*this);
    door_ = nullptr;
}

class HttpDoor::Handler : public net::Handler {
  public:
    Handler(HttpDoor& door, lb::v1::Identity certificate)
        : door_(door), certificate_(std::move(certificate)) {}

    void on_open(net::Connection& connection) override {
        connection.set_idle_timeout(door_.limits_.idle_timeout);
        conversation_ = std::make_shared<Conversation>(door_, connection, std::move(certificate_));
        if (!door_.enter(*conversation_))
            conversation_->send(web::problem(503, "too many connections: try again"), false);
    }

    void on_bytes(net::Connection& connection, std::string_view bytes) override {
        conversation_->on_bytes(connection, bytes);
    }

    void on_closed(net::Connection&, const Error&) override {
        if (conversation_) conversation_->on_closed();
    }

  private:
    HttpDoor& door_;
    lb::v1::Identity certificate_;
    std::shared_ptr<Conversation> conversation_;
};

HttpDoor::HttpDoor(HttpLimits limits, HttpDesk& desk, AnswerPool& pool)
    : limits_(limits),
      desk_(desk),
      pool_(pool),
      requests_(metrics::Registry::global().counter("lb_http_requests_total", "HTTP requests.")),
      refused_(metrics::Registry::global().counter(
          "lb_http_refused_total", "HTTP requests refused before anybody looked for an answer.")),
      dropped_(metrics::Registry::global().counter(
          "lb_http_dropped_total", "HTTP connections closed because their client was too slow.")),
      connections_(
          metrics::Registry::global().gauge("lb_http_connections", "HTTP connections now.")) {}

HttpDoor::~HttpDoor() {
    for (Conversation* conversation : conversations_) conversation->door_ = nullptr;
}

std::unique_ptr<net::Handler> HttpDoor::make_handler(lb::v1::Identity certificate) {
    return std::make_unique<Handler>(*this, std::move(certificate));
}

// False when there is no room, and nobody who could make room.
bool HttpDoor::enter(Conversation& conversation) {
    conversations_.insert(&conversation);
    connections_.add(1);
    if (conversations_.size() <= limits_.connections_max) return true;
    // Strangers first, then whoever has kept us waiting longest.
    Conversation* slowest = nullptr;
    for (Conversation* other : conversations_) {
        if (other == &conversation || !other->waiting_since_us()) continue;
        const bool is_slower = slowest == nullptr ||
                               (other->is_stranger() && !slowest->is_stranger()) ||
                               (other->is_stranger() == slowest->is_stranger() &&
                                *other->waiting_since_us() < *slowest->waiting_since_us());
        if (is_slower) slowest = other;
    }
    if (slowest == nullptr) return false;
    slowest->drop("made room for others");
    return true;
}

void HttpDoor::leave(Conversation& conversation) {
    if (conversations_.erase(&conversation) > 0) connections_.add(-1);
}

}  // namespace lb::bkserver
