// The server of lb-logd over its real socket, with producers that behave badly.
#include "logd/daemon/server.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "tests/unit/logd/logd_directory.h"

using namespace lb;

namespace {

constexpr int kPatienceMs = 10'000;  // far longer than anything here takes

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

class RunningServer {
  public:
    explicit RunningServer(logd::UserDirectory::LookUp look_up = logd::look_up_user) {
        const auto options = directory_.options();
        socket_path_ = options.socket_path;
        const sockaddr_un address = address_of(socket_path_);
        const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener, 16) == 0);
        auto server = logd::Server::create(env::posix_env(), options, listener, registry_,
                                           std::move(look_up));
        REQUIRE(server.ok());
        server_ = std::move(*server);
        thread_ = std::thread([this] { is_well_ended_ = server_->run().ok(); });
    }
    ~RunningServer() {
        server_->stop();
        thread_.join();
        CHECK(is_well_ended_);
    }
    [[nodiscard]] const std::string& socket_path() const { return socket_path_; }
    [[nodiscard]] std::int64_t connections() const {
        return server_->metrics().connections.value();
    }

  private:
    test::LogdDirectory directory_;
    metrics::Registry registry_;
    std::string socket_path_;
    std::unique_ptr<logd::Server> server_;
    bool is_well_ended_ = false;
    std::thread thread_;
};

class Producer {
  public:
    explicit Producer(const RunningServer& server)
        : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
          decoder_(8 * 1024 * 1024) {
        const sockaddr_un address = address_of(server.socket_path());
        REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
                0);
    }
    ~Producer() { ::close(socket_); }

    // Sends what the server takes within `patience_ms`: the bytes that are left.
    std::string_view send(std::string_view bytes, int patience_ms) const {
        while (!bytes.empty() && is_ready(POLLOUT, patience_ms)) {
            const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return bytes;
    }
    // The next frame's type; 0 when none comes in time.
    std::uint8_t receive() {
        for (;;) {
            const auto frame = decoder_.next();
            REQUIRE(frame.ok());
            if (*frame) return (*frame)->type;
            std::string buffer(256 * 1024, '\0');
            if (!is_ready(POLLIN, kPatienceMs)) return 0;
            const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
            if (got <= 0) return 0;
            decoder_.append(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
        }
    }

  private:
    [[nodiscard]] bool is_ready(short events, int patience_ms) const {
        pollfd waited{socket_, events, 0};
        return ::poll(&waited, 1, patience_ms) > 0;
    }

    int socket_;
    frame::Decoder decoder_;
};

std::string status_request() {
    v1::Request request;
    request.mutable_server()->set_what(v1::ServerRequest::WHAT_VERSION);
    std::string frame;
    frame::append_frame(frame, v1::FRAME_TYPE_REQUEST, request.SerializeAsString());
    return frame;
}

std::string repeated(const std::string& frame, std::size_t count) {
    std::string frames;
    for (std::size_t i = 0; i < count; ++i) frames += frame;
    return frames;
}

}  // namespace

TEST_CASE("a producer that does not take its answers is not read any further") {
    const RunningServer server;
    Producer producer(server);
    // More than both sockets hold by far, in bytes of requests and of answers.
    const std::size_t count = 100'000;
    const std::string requests = repeated(status_request(), count);
    std::string_view left = producer.send(requests, 1000);
    REQUIRE(left.size() > requests.size() / 2);
    // Once it reads everything goes on. Half a dozen thousand are enough to see it.
    left = left.substr(0, left.size() % status_request().size());
    const std::size_t asked =
        (requests.size() - producer.send(left, kPatienceMs).size()) / status_request().size();
    CHECK(asked > 0);
    for (int i = 0; i < 2000; ++i) REQUIRE(producer.receive() == v1::FRAME_TYPE_REPLY);
}

TEST_CASE("requests that came in one write are all answered, however many") {
    const RunningServer server;
    Producer producer(server);
    REQUIRE(producer.send(repeated(status_request(), 2000), kPatienceMs).empty());
    for (int i = 0; i < 2000; ++i) REQUIRE(producer.receive() == v1::FRAME_TYPE_REPLY);
    const std::string events = repeated(test::log_frame(), 1000);
    REQUIRE(producer.send(events, kPatienceMs).empty());
    for (int i = 0; i < 1000; ++i) REQUIRE(producer.receive() == v1::FRAME_TYPE_LOG_REPLY);
}

TEST_CASE("who is not known yet waits, and the server does not") {
    std::promise<void> found;
    const RunningServer server([&](uid_t uid) -> Result<logd::LocalUser> {
        found.get_future().wait();
        return logd::look_up_user(uid);
    });
    Producer first(server);
    REQUIRE(first.send(test::log_frame(), kPatienceMs).empty());
    Producer second(server);
    REQUIRE(second.send(test::log_frame(), kPatienceMs).empty());
    for (int i = 0; i < kPatienceMs && server.connections() < 2; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(server.connections() == 2);
    found.set_value();
    CHECK(first.receive() == v1::FRAME_TYPE_LOG_REPLY);
    CHECK(second.receive() == v1::FRAME_TYPE_LOG_REPLY);
}
