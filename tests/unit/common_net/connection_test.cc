// Connections over a Unix socket, with the other end in the test's hands.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "common/frame/frame.h"
#include "common/net/listener.h"

using namespace lb;
using namespace lb::net;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;
constexpr auto kSoon = 10s;  // far longer than anything here takes

// What a connection told, and what the test has it do when it opens.
struct Told {
    std::function<void(Connection&)> on_open = [](Connection&) {};
    std::promise<std::weak_ptr<Connection>> opened;
    std::promise<std::string> frame;
    std::promise<Error> closed;
};

class TellingHandler : public Handler {
  public:
    explicit TellingHandler(Told& told) : told_(told) {}
    void on_open(Connection& connection) override {
        told_.on_open(connection);
        told_.opened.set_value(connection.weak_from_this());
    }
    void on_frame(Connection&, std::uint8_t, std::string_view payload) override {
        told_.frame.set_value(std::string(payload));
    }
    void on_closed(Connection&, const Error& why) override { told_.closed.set_value(why); }

  private:
    Told& told_;
};

// A listener that takes one connection, its loop in a thread.
class OneDoor {
  public:
    explicit OneDoor(Told& told, const ConnectionLimits& limits = {}) {
        std::string directory = "/tmp/lb-net-XXXXXX";
        REQUIRE(mkdtemp(directory.data()) != nullptr);
        directory_ = directory;
        ListenerOptions options;
        options.limits = limits;
        options.make_handler = [&told](Connection&) {
            return std::make_unique<TellingHandler>(told);
        };
        auto opened = Listener::open_unix(loop, path(), options);
        REQUIRE(opened.ok());
        listener_ = std::move(*opened);
        thread_ = std::thread([this] { loop.run(); });
    }
    ~OneDoor() {
        loop.post([this] { listener_.reset(); });
        loop.stop();
        thread_.join();
        std::filesystem::remove_all(directory_);
    }
    [[nodiscard]] std::string path() const { return directory_ + "/sock"; }

    Loop loop;

  private:
    std::string directory_;
    std::unique_ptr<Listener> listener_;
    std::thread thread_;
};

// The other end: a plain blocking socket.
class Caller {
  public:
    explicit Caller(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
                0);
    }
    ~Caller() { ::close(socket_); }
    void say(std::string_view payload) const {
        std::string bytes;
        frame::append_frame(bytes, 1, payload);
        REQUIRE(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    void end() const { ::shutdown(socket_, SHUT_WR); }
    // How many bytes come before the other side ends.
    [[nodiscard]] std::size_t count_to_end() const {
        std::vector<char> buffer(kMiB);
        std::size_t bytes = 0;
        for (;;) {
            const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
            if (got <= 0) return bytes;
            bytes += static_cast<std::size_t>(got);
        }
    }

  private:
    int socket_;
};

template <typename T>
T wait_for(std::promise<T>& promise) {
    auto future = promise.get_future();
    REQUIRE(future.wait_for(kSoon) == std::future_status::ready);
    return future.get();
}

}  // namespace

TEST_CASE("a connection that is paused with nothing on its way stays") {
    Told told;
    told.on_open = [](Connection& connection) { connection.pause_reading(); };
    OneDoor door(told);
    const Caller caller(door.path());
    const std::weak_ptr<Connection> connection = wait_for(told.opened);
    std::this_thread::sleep_for(50ms);
    REQUIRE_FALSE(connection.expired());
    caller.say("hello");
    door.loop.post([&] { connection.lock()->resume_reading(); });
    CHECK(wait_for(told.frame) == "hello");
    caller.end();
    CHECK(wait_for(told.closed).code == ErrorCode::kOk);
}

TEST_CASE("closing in good order sends all that is queued, however slowly it is taken") {
    ConnectionLimits limits;
    limits.end_timeout = 40ms;
    Told told;
    told.on_open = [](Connection& connection) {
        connection.send_frame(1, std::string(4 * kMiB, 'x'));
        connection.close_gracefully();
    };
    OneDoor door(told, limits);
    const Caller caller(door.path());
    wait_for(told.opened);
    const bool has_said_all = GENERATE(false, true);
    if (has_said_all) caller.end();
    std::this_thread::sleep_for(200ms);
    CHECK(caller.count_to_end() == frame::kHeaderBytes + 4 * kMiB);
    CHECK(wait_for(told.closed).code == ErrorCode::kOk);
}

TEST_CASE("closing in good order waits for a peer only so long") {
    ConnectionLimits limits;
    limits.send_timeout = 100ms;
    limits.end_timeout = 100ms;
    Told told;
    OneDoor door(told, limits);
    SECTION("that does not end its side") {
        told.on_open = [](Connection& connection) { connection.close_gracefully(); };
        const Caller caller(door.path());
        CHECK(wait_for(told.closed).code == ErrorCode::kOk);
    }
    SECTION("that takes nothing") {
        told.on_open = [](Connection& connection) {
            connection.send_frame(1, std::string(4 * kMiB, 'x'));
            connection.close_gracefully();
        };
        const Caller caller(door.path());
        CHECK(wait_for(told.closed).code == ErrorCode::kTimeout);
    }
}

TEST_CASE("a peer that takes nothing fills the queue up to its limit") {
    ConnectionLimits limits;
    limits.send_bytes_max = kMiB;
    Told told;
    told.on_open = [](Connection& connection) {
        for (int i = 0; i < 8; ++i) connection.send_frame(1, std::string(kMiB / 4, 'x'));
    };
    OneDoor door(told, limits);
    const Caller caller(door.path());
    CHECK(wait_for(told.closed).code == ErrorCode::kFull);
}
