// The HTTP door over connections that a test plays: requests one after the other, what is refused
// before it is read, who is dropped, who makes room.
#include "bkserver/app/http_door.h"

#include <future>

#include "tests/unit/bkserver_web/http_rooms.h"

namespace lb::bkserver {
namespace {

using namespace std::chrono_literals;
using test::HttpRoomsBench;

class PlayedConnection : public net::Connection {
  public:
    explicit PlayedConnection(net::Loop& loop) : loop_(loop) { peer_.address = "192.0.2.7:40312"; }

    void send_frame(std::uint8_t, std::string_view) override { FAIL("HTTP has no frames"); }
    void send_bytes(std::string bytes) override { sent += bytes; }
    [[nodiscard]] std::size_t queued_bytes() const override { return 0; }
    void pause_reading() override { is_paused = true; }
    void resume_reading() override { is_paused = false; }
    void close_gracefully() override { is_ended = true; }
    void close(Error why) override {
        closed_by = std::move(why);
        is_ended = true;
        if (handler != nullptr) handler->on_closed(*this, closed_by);
    }
    void set_idle_timeout(net::Milliseconds timeout) override { idle_timeout = timeout; }
    [[nodiscard]] const net::Peer& peer() const override { return peer_; }
    [[nodiscard]] net::Loop& loop() override { return loop_; }

    std::string sent;
    bool is_paused = false;
    bool is_ended = false;
    Error closed_by{ErrorCode::kOk, {}};
    net::Milliseconds idle_timeout{0};
    net::Handler* handler = nullptr;

  private:
    net::Loop& loop_;
    net::Peer peer_;
};

// A door and clients whose bytes the test plays. All of it is touched in the loop's thread alone.
class Street {
  public:
    explicit Street(HttpLimits limits = {}) : door_(limits, bench.desk, *bench.pool) {}
    ~Street() {
        for (const auto& client : clients_) client->hang_up();
        bench.pool->stop();
        loop_.stop();
        thread_.join();
    }
    Street(const Street&) = delete;
    Street& operator=(const Street&) = delete;

    // What of it the test may ask; the rest happens in the loop.
    class Client {
      public:
        Client(Street& street, const lb::v1::Identity& certificate) : street_(street) {
            street_.act([&] {
                connection_ = std::make_shared<PlayedConnection>(street_.loop_);
                handler_ = street_.door_.make_handler(certificate);
                connection_->handler = handler_.get();
                handler_->on_open(*connection_);
            });
        }
        void say(std::string_view bytes) {
            street_.act([&] { handler_->on_bytes(*connection_, bytes); });
        }
        void hang_up() {
            street_.act([&] { connection_->close({ErrorCode::kOk, {}}); });
        }
        std::string sent() {
            return seen<std::string>([&] { return connection_->sent; });
        }
        bool has(const std::string& part) { return sent().find(part) != std::string::npos; }
        bool gets(const std::string& part) {
            return test::comes_true([&] { return has(part); });
        }
        bool is_paused() {
            return seen<bool>([&] { return connection_->is_paused; });
        }
        bool is_ended() {
            return seen<bool>([&] { return connection_->is_ended; });
        }
        bool ends() {
            return test::comes_true([&] { return is_ended(); });
        }
        ErrorCode closed_by() {
            return seen<ErrorCode>([&] { return connection_->closed_by.code; });
        }
        net::Milliseconds idle_timeout() {
            return seen<net::Milliseconds>([&] { return connection_->idle_timeout; });
        }

      private:
        template <typename T>
        T seen(const std::function<T()>& look) {
            T value{};
            street_.act([&] { value = look(); });
            return value;
        }

        Street& street_;
        std::shared_ptr<PlayedConnection> connection_;
        std::unique_ptr<net::Handler> handler_;
    };

    Client& client(const lb::v1::Identity& certificate = {}) {
        return *clients_.emplace_back(std::make_unique<Client>(*this, certificate));
    }

    HttpRoomsBench bench;

  private:
    void act(const std::function<void()>& task) {
        std::promise<void> done;
        loop_.post([&] {
            task();
            done.set_value();
        });
        done.get_future().wait();
    }

    net::Loop loop_;
    HttpDoor door_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::thread thread_{[this] { loop_.run(); }};
};

std::string get(const std::string& path, const std::string& headers = {}) {
    return "GET " + path + " HTTP/1.1\r\nHost: lb.example.org:9000\r\n" + headers + "\r\n";
}

std::string post(const std::string& headers) {
    return "POST /v1/events HTTP/1.1\r\nHost: lb.example.org:9000\r\n" + headers + "\r\n";
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++found;
    return found;
}

}  // namespace

TEST_CASE("a request in pieces is answered, and the connection kept for the next one") {
    Street street;
    auto& client = street.client();
    for (const char byte : get("/health")) client.say(std::string(1, byte));
    REQUIRE(client.gets("alive\n"));
    CHECK_FALSE(client.is_paused());
    CHECK_FALSE(client.is_ended());
    client.say(get("/ready"));
    CHECK(client.gets("ready\n"));
}

TEST_CASE("requests that come together are answered one after the other, in their order") {
    Street street;
    auto& client = street.client();
    client.say(get("/health") + get("/v1/openapi.json") + get("/ready", "Connection: close\r\n"));
    REQUIRE(client.ends());
    const std::string sent = client.sent();
    CHECK(count(sent, "HTTP/1.1 200") == 3);
    CHECK(sent.find("alive\n") < sent.find("\"openapi\""));
    CHECK(sent.find("\"openapi\"") < sent.find("ready\n"));
}

TEST_CASE("what cannot be answered well is refused before its body comes") {
    Street street;
    auto& stranger = street.client();
    stranger.say(post("Content-Length: 1000\r\nExpect: 100-continue\r\n"));
    CHECK(stranger.has("HTTP/1.1 401"));
    CHECK_FALSE(stranger.has("100 Continue"));
    CHECK(stranger.is_ended());
    auto& known = street.client(test::user(1000));
    known.say(post("Content-Length: 1000\r\nExpect: 100-continue\r\n"));
    CHECK(known.has("100 Continue"));
    auto& nowhere = street.client();
    nowhere.say(get("/v1/nowhere"));
    CHECK(nowhere.has("HTTP/1.1 404"));
    CHECK_FALSE(nowhere.is_ended());
    auto& other_method = street.client();
    other_method.say("DELETE /health HTTP/1.1\r\nHost: lb.example.org:9000\r\n\r\n");
    CHECK(other_method.has("HTTP/1.1 405"));
    auto& noise = street.client();
    noise.say("\x16\x03\x01 no HTTP at all\r\n\r\n");
    CHECK(noise.has("HTTP/1.1 400"));
    CHECK(noise.is_ended());
}

TEST_CASE("bodies that are being read have a bound over all connections") {
    Street street({.bodies_bytes_max = 1500});
    auto& one = street.client(test::user(1000));
    one.say(post("Content-Length: 1000\r\n"));
    CHECK(one.sent().empty());
    auto& two = street.client(test::user(1000));
    two.say(post("Content-Length: 1000\r\n"));
    CHECK(two.has("HTTP/1.1 503"));
    // Whoever goes gives back what was kept for him.
    one.hang_up();
    auto& three = street.client(test::user(1000));
    three.say(post("Content-Length: 1000\r\n"));
    CHECK(three.sent().empty());
}

TEST_CASE("a client that does not come to the end of its request is dropped") {
    Street street({.head_timeout = 20ms, .body_timeout = 20ms});
    auto& head = street.client();
    head.say("GET /health HTTP/1.1\r\n");
    CHECK(head.ends());
    CHECK(head.closed_by() == ErrorCode::kTimeout);
    auto& body = street.client(test::user(1000));
    body.say(post("Content-Length: 9\r\n") + "{");
    CHECK(body.ends());
    CHECK(body.closed_by() == ErrorCode::kTimeout);
}

TEST_CASE("among too many a stranger who keeps waiting makes room before anybody known") {
    Street street({.connections_max = 2});
    auto& known = street.client(test::user(1000));
    auto& stranger = street.client();
    auto& third = street.client(test::user(1001));
    CHECK(stranger.is_ended());
    CHECK_FALSE(known.is_ended());
    CHECK_FALSE(third.is_ended());
    // Without strangers it is who has waited longest.
    auto& fourth = street.client();
    CHECK(known.is_ended());
    CHECK_FALSE(fourth.is_ended());
}

TEST_CASE("a stream of changes expects no further sign of life, and ends with the feed") {
    Street street;
    auto& client = street.client(test::user(1000));
    client.say(get("/v1/changes"));
    REQUIRE(client.gets("text/event-stream"));
    CHECK(client.gets("id: "));
    CHECK(client.idle_timeout() == 0ms);
    client.say(get("/health"));
    street.bench.changes.reset();
    CHECK(client.ends());
    CHECK_FALSE(client.has("alive\n"));
}

}  // namespace lb::bkserver
