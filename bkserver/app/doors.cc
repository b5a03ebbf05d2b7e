#include "bkserver/app/doors.h"

#include "bkserver/app/messages.h"
#include "bkserver/book/intake.h"
#include "common/base/host_name.h"
#include "common/env/env.h"
#include "common/event/identity.h"
#include "common/event/time_text.h"

namespace lb::bkserver {

namespace {

using lb::v1::FrameType;

// Questions of one connection that are being answered; more are told to try again.
constexpr std::uint32_t kQuestionsMax = 64;

class ConnectionOutlet : public ingest::Outlet {
  public:
    explicit ConnectionOutlet(std::weak_ptr<net::Connection> connection)
        : connection_(std::move(connection)) {}

    void send(FrameType type, const std::string& payload) override {
        if (const auto connection = connection_.lock())
            connection->send_frame(static_cast<std::uint8_t>(type), payload);
    }

  private:
    std::weak_ptr<net::Connection> connection_;
};

void send_failure(net::Connection& connection, const Error& error) {
    lb::v1::Failure failure;
    failure.set_code(static_cast<lb::v1::ErrorCode>(error.code));
    failure.set_text(error.text);
    connection.send_frame(lb::v1::FRAME_TYPE_FAILURE, failure.SerializeAsString());
    connection.close_gracefully();
}

std::string who(const net::Peer& peer) {
    if (peer.local) return "uid:" + std::to_string(peer.local->uid);
    return peer.identity.dn.empty() ? "a stranger" : book::printable(peer.identity.dn);
}

lb::v1::Reply no_answer(std::uint64_t request, lb::v1::ErrorCode code, const std::string& text) {
    lb::v1::Reply reply;
    reply.set_id(request);
    reply.set_code(code);
    reply.set_text(text);
    return reply;
}

// The process of a question for one status, as it is now and no more of it; empty: it is another.
std::string single_status(const lb::v1::Request& request) {
    const lb::v1::StatusRequest& ask = request.status();
    const bool is_plain = ask.at_us() == 0 && ask.known_at_us() == 0 && ask.with().empty();
    return is_plain && ask.processes_size() == 1 ? ask.processes(0) : std::string();
}

lb::v1::Reply try_again(std::uint64_t request, const std::string& text) {
    return no_answer(request, lb::v1::ERROR_CODE_RETRY, text);
}

}  // namespace

struct Doors::Question {
    query::Asker asker;
    lb::v1::Request request;
    query::SendReply send;  // any thread
};

class Doors::FrameHandler : public net::Handler {
  public:
    explicit FrameHandler(Doors& doors) : doors_(doors) {}

    void on_open(net::Connection& connection) override {
        identity_ = doors_.identity_of(connection.peer());
        outlet_ = std::make_shared<ConnectionOutlet>(connection.weak_from_this());
        session_ = ingest::Session::make(doors_.session_, identity_, doors_.rooms_.lanes,
                                         doors_.rooms_.stamper, outlet_);
        number_ = doors_.enter({session_, connection.weak_from_this(), connection.peer().address,
                                env::posix_env().now_us()});
        log::write(kPeerOpened, who(connection.peer()), connection.peer().address);
    }

    void on_frame(net::Connection& connection, std::uint8_t type,
                  std::string_view payload) override {
        const auto frame_type = static_cast<FrameType>(type);
        if (frame_type == lb::v1::FRAME_TYPE_REQUEST && session_->is_greeted())
            return on_request(connection, payload);
        // The session refuses what is not its own, and says so to the peer.
        const Status status = session_->on_frame(frame_type, payload);
        if (status.ok()) return;
        failure_ = status.error();
        connection.close_gracefully();
    }

    void on_closed(net::Connection& connection, const Error& why) override {
        if (session_ == nullptr) return;
        session_->close();
        doors_.leave(number_, connection, failure_.text.empty() ? why : failure_);
    }

  private:
    void on_request(net::Connection& connection, std::string_view payload) {
        auto question = std::make_shared<Question>();
        if (!question->request.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
            failure_ = {ErrorCode::kReject, "REQUEST does not parse"};
            return send_failure(connection, failure_);
        }
        question->asker = {identity_, env::posix_env().now_us()};
        question->send = [outlet = outlet_, open = open_](lb::v1::Reply reply) {
            const bool is_last = !reply.more();
            outlet->send(lb::v1::FRAME_TYPE_REPLY, reply.SerializeAsString());
            if (is_last) --*open;
        };
        if (++*open_ > kQuestionsMax)
            return question->send(
                try_again(question->request.id(),
                          "64 questions of this connection are being answered: wait for one"));
        doors_.ask(std::move(question));
    }

    Doors& doors_;
    lb::v1::Identity identity_;
    std::shared_ptr<ConnectionOutlet> outlet_;
    std::shared_ptr<ingest::Session> session_;
    std::shared_ptr<std::atomic<std::uint32_t>> open_ =
        std::make_shared<std::atomic<std::uint32_t>>(0);
    std::uint64_t number_ = 0;
    Error failure_{ErrorCode::kOk, {}};
};

// Books an HTTP connection in and out; the rest is the HTTP door's.
class Doors::HttpHandler : public net::Handler {
  public:
    HttpHandler(Doors& doors, std::unique_ptr<net::Handler> inner)
        : doors_(doors), inner_(std::move(inner)) {}

    void on_open(net::Connection& connection) override {
        number_ = doors_.enter({nullptr, connection.weak_from_this(), connection.peer().address,
                                env::posix_env().now_us()});
        inner_->on_open(connection);
    }

    void on_bytes(net::Connection& connection, std::string_view bytes) override {
        inner_->on_bytes(connection, bytes);
    }

    void on_closed(net::Connection& connection, const Error& why) override {
        inner_->on_closed(connection, why);
        doors_.leave(number_, connection, why);
    }

  private:
    Doors& doors_;
    std::unique_ptr<net::Handler> inner_;
    std::uint64_t number_ = 0;
};

Doors::Doors(ingest::SessionOptions session, std::string host, Rooms rooms)
    : session_(std::move(session)),
      host_(std::move(host)),
      rooms_(std::move(rooms)),
      connections_(
          metrics::Registry::global().gauge("lb_bkserver_connections", "Peers connected now")),
      refused_(metrics::Registry::global().counter("lb_bkserver_connections_refused_total",
                                                   "Connections that never came to be")),
      broken_(metrics::Registry::global().counter("lb_bkserver_connections_broken_total",
                                                  "Connections that did not end in good order")),
      answered_(metrics::Registry::global().counter("lb_query_answered_total",
                                                    "Questions answered, well or not")),
      unanswered_(metrics::Registry::global().counter("lb_query_refused_total",
                                                      "Questions for which there was no room")),
      answer_seconds_(metrics::Registry::global().histogram("lb_query_answer_seconds",
                                                            "From arrival to the last reply")) {}

Doors::~Doors() = default;

lb::v1::Identity Doors::identity_of(const net::Peer& peer) const {
    lb::v1::Identity identity;
    if (peer.local) {
        identity.set_kind(lb::v1::IDENTITY_KIND_UID);
        identity.set_name(std::to_string(peer.local->uid));
        identity.set_realm(host_);
    } else {
        identity.set_kind(lb::v1::IDENTITY_KIND_CERTIFICATE);
        identity.set_name(peer.identity.dn);
    }
    return identity;
}

std::unique_ptr<net::Handler> Doors::make_handler(net::Connection& connection) {
    if (connection.peer().protocol == tls::kFrameProtocol)
        return std::make_unique<FrameHandler>(*this);
    lb::v1::Identity certificate = identity_of(connection.peer());
    if (certificate.name().empty()) certificate.Clear();
    return std::make_unique<HttpHandler>(*this, rooms_.http.make_handler(std::move(certificate)));
}

void Doors::refuse(const std::string& address, const Error& why) {
    refused_.add();
    log::write(kConnectionRefused, address, why.text);
}

void Doors::ask(std::shared_ptr<Question> question) {
    const auto answer = [this, question](AnswerTools tools) {
        tools.queries.answer(question->asker, question->request, question->send);
        answered_.add();
        answer_seconds_.observe_us(env::posix_env().now_us() - question->asker.now_us);
    };
    const auto fail = [question](const Error& why) {
        question->send(no_answer(question->request.id(), static_cast<lb::v1::ErrorCode>(why.code),
                                 "the server failed at this question: " + why.text));
    };
    const bool is_taken = rooms_.queries.submit(answer, fail, single_status(question->request));
    if (is_taken) return;
    unanswered_.add();
    question->send(try_again(question->request.id(),
                             "the server has too many questions to answer: try again"));
}

std::uint64_t Doors::enter(Visitor visitor) {
    connections_.add(1);
    const std::lock_guard lock(mutex_);
    visitors_.emplace(next_number_, std::move(visitor));
    return next_number_++;
}

void Doors::leave(std::uint64_t number, const net::Connection& connection, const Error& why) {
    connections_.add(-1);
    if (why.code != ErrorCode::kOk) {
        broken_.add();
        log::write(kConnectionBroken, who(connection.peer()), connection.peer().address, why.text);
    }
    const std::lock_guard lock(mutex_);
    visitors_.erase(number);
}

std::vector<Doors::Visitor> Doors::visitors() const {
    const std::lock_guard lock(mutex_);
    std::vector<Visitor> all;
    all.reserve(visitors_.size());
    for (const auto& [number, visitor] : visitors_) all.push_back(visitor);
    return all;
}

void Doors::give_credit() {
    for (const Visitor& visitor : visitors())
        if (visitor.session) visitor.session->give_credit();
}

void Doors::keep_alive() {
    for (const Visitor& visitor : visitors())
        if (visitor.session) visitor.session->on_tick();
}

void Doors::close_all() {
    for (const Visitor& visitor : visitors())
        if (const auto connection = visitor.connection.lock()) connection->close_gracefully();
}

std::size_t Doors::connection_count() const {
    const std::lock_guard lock(mutex_);
    return visitors_.size();
}

nlohmann::ordered_json Doors::forwarders() const {
    auto rows = nlohmann::ordered_json::array();
    for (const Visitor& visitor : visitors()) {
        if (!visitor.session) continue;
        const ingest::PeerReport report = visitor.session->report();
        if (report.role != lb::v1::PEER_ROLE_FORWARDER) continue;
        nlohmann::ordered_json row = {
            {"identity", event::identity_text(visitor.session->identity())},
            {"host", report.host},
            {"address", visitor.address},
            {"software", report.software},
            {"connected", event::time_to_text(visitor.since_us)},
            {"events", report.events},
            {"unsettled", report.spool_events},
            {"clock_offset_us", report.clock_offset_us}};
        if (report.oldest_us != 0) row["oldest"] = event::time_to_text(report.oldest_us);
        rows.push_back(std::move(row));
    }
    return rows;
}

// As its certificate names it, and, where that is a short or a longer form of the same name, as it
// calls itself: so its machines name it.
std::vector<store::Logger> Doors::logger_reports() const {
    std::vector<store::Logger> loggers;
    for (const Visitor& visitor : visitors()) {
        if (!visitor.session) continue;
        const ingest::PeerReport report = visitor.session->report();
        const std::string identity = event::identity_text(visitor.session->identity());
        const std::string_view host = event::host_of_certificate(identity);
        if (report.role != lb::v1::PEER_ROLE_FORWARDER || host.empty()) continue;
        loggers.push_back({std::string(host), report.seen_us, report.clock_offset_us,
                           report.spool_events, report.oldest_us});
        if (report.host == host || !is_host_name(report.host) || !is_same_host(report.host, host))
            continue;
        loggers.push_back(loggers.back());
        loggers.back().host = report.host;
    }
    return loggers;
}

}  // namespace lb::bkserver
