// The producer's side with loggers that misbehave.
#include "logd/client/producer.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

#include "common/event/wire_format.h"
#include "common/frame/frame.h"
#include "logd/client/line.h"

using namespace lb;
using namespace std::chrono_literals;

namespace {

std::function<void()> on_sync = [] {};

}  // namespace

// In place of the system's: a disk that is so busy that much may happen meanwhile.
extern "C" int fdatasync(int file) {
    on_sync();
    return static_cast<int>(::syscall(SYS_fdatasync, file));
}

namespace {

// Listens, and answers each first frame of a connection with `answer`; empty: it says nothing.
class FakeLogger {
  public:
    explicit FakeLogger(std::string answer) : answer_(std::move(answer)) {
        std::string directory = "/tmp/lb-producer-XXXXXX";
        REQUIRE(mkdtemp(directory.data()) != nullptr);
        directory_ = directory;
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
        REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
                0);
        REQUIRE(::listen(listener_, 16) == 0);
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeLogger() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        for (const int connection : connections_) ::close(connection);
        ::close(listener_);
        std::filesystem::remove_all(directory_);
    }
    [[nodiscard]] std::string path() const { return directory_ + "/sock"; }
    [[nodiscard]] client::ProducerOptions options(int timeout_ms) const {
        return {path(), directory_, timeout_ms};
    }

  private:
    void serve() {
        for (;;) {
            const int connection = ::accept(listener_, nullptr, nullptr);
            if (connection < 0) return;
            connections_.push_back(connection);
            std::array<char, 4096> buffer{};
            (void)!::recv(connection, buffer.data(), buffer.size(), 0);
            (void)!::send(connection, answer_.data(), answer_.size(), MSG_NOSIGNAL);
        }
    }

    std::string answer_;
    std::string directory_;
    int listener_ = -1;
    std::vector<int> connections_;
    std::thread thread_;
};

event::Event stop_event() {
    event::Event event;
    event.type = static_cast<std::uint16_t>(event::EventType::kVMStop);
    event.source = event::Source::kVmManager;
    return event;
}

}  // namespace

TEST_CASE("a call returns in its deadline, also while others wait for a logger that hangs") {
    const FakeLogger logger("");
    constexpr int kTimeoutMs = 400;
    constexpr int kThreads = 6;
    client::Producer producer(logger.options(kTimeoutMs));
    std::vector<std::thread> threads;
    std::vector<std::chrono::steady_clock::duration> took(kThreads);
    std::vector<client::Outcome> outcomes(kThreads);
    for (int i = 0; i < kThreads; ++i)
        threads.emplace_back([&, i] {
            const auto begin = std::chrono::steady_clock::now();
            const auto logged = producer.log("libvirt-uuid:/a", stop_event(), false);
            took[static_cast<std::size_t>(i)] = std::chrono::steady_clock::now() - begin;
            if (logged.ok()) outcomes[static_cast<std::size_t>(i)] = logged->outcome;
        });
    for (std::thread& thread : threads) thread.join();
    // One after the other they would take six deadlines.
    for (const auto& duration : took) CHECK(duration < 3 * std::chrono::milliseconds(kTimeoutMs));
    for (const client::Outcome outcome : outcomes) CHECK(outcome == client::Outcome::kDropped);
}

TEST_CASE("a dropped event has its name already while the disk keeps its producer waiting") {
    const FakeLogger logger("");
    client::Producer producer(logger.options(1));
    std::size_t events = 0;
    on_sync = [&] {
        for (const auto& entry :
             std::filesystem::directory_iterator(logger.options(1).drop_directory))
            if (entry.path().extension() == ".event") ++events;
    };
    const auto logged = producer.log("libvirt-uuid:/a", stop_event(), false);
    on_sync = [] {};
    REQUIRE(logged.ok());
    CHECK(logged->outcome == client::Outcome::kDropped);
    CHECK(events == 1);
}

TEST_CASE("an answer for another event is none; the event goes to the drop directory") {
    // An id longer than any: who copies ids to a place of their length must never see it.
    std::string reply;
    event::wire::put_bytes(reply, 1, std::string(1000, 'x'));
    std::string frame;
    frame::append_frame(frame, 8, reply);
    const FakeLogger logger(frame);
    client::Producer producer(logger.options(5000));
    const auto logged = producer.log("libvirt-uuid:/a", stop_event(), false);
    REQUIRE(logged.ok());
    CHECK(logged->outcome == client::Outcome::kDropped);
    CHECK(logged->event_id.size() == 16);
}

TEST_CASE("the place of another host's logger is read as users write it, or told to be none") {
    struct {
        const char* text;
        const char* host;
        std::uint16_t port;
    } const good[] = {{"tls://node1.example.org:9100", "node1.example.org", 9100},
                      {"tls://node1", "node1", 9002},
                      {"tls://192.0.2.7:1", "192.0.2.7", 1},
                      {"tls://[2001:db8::7]:65535", "2001:db8::7", 65535},
                      {"tls://[::1]", "::1", 9002}};
    for (const auto& [text, host, port] : good) {
        INFO(text);
        const auto place = client::parse_logger(text);
        REQUIRE(place.ok());
        CHECK(place->host == host);
        CHECK(place->port == port);
    }
    for (const char* text : {"", "node1:9002", "http://node1", "tls://", "tls://:9002",
                             "tls://node1:", "tls://node1:0", "tls://node1:65536",
                             "tls://node1:9002/path", "tls://node1/path", "tls://node1:-1",
                             "tls://[::1", "tls://[]", "tls://[::1]x:9002", "tls://::1:9002"}) {
        INFO(text);
        const auto place = client::parse_logger(text);
        REQUIRE_FALSE(place.ok());
        CHECK(place.error().code == lb::ErrorCode::kReject);
        CHECK(place.error().text.find("tls://HOST:PORT") != std::string::npos);
    }
}
