// A client and a server in the test's hands, over a Unix socket.
#include "common/net/client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "common/frame/frame.h"
#include "lb/v1/wire.pb.h"

using namespace lb;
using namespace std::chrono_literals;

namespace {

// Answers a request only when it has heard a keepalive after it.
class SlowServer {
  public:
    SlowServer() {
        std::string directory = "/tmp/lb-client-XXXXXX";
        REQUIRE(mkdtemp(directory.data()) != nullptr);
        directory_ = directory;
        sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(::bind(listening_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listening_, 1) == 0);
        thread_ = std::thread([this] { serve(); });
    }
    ~SlowServer() {
        thread_.join();
        ::close(listening_);
        std::filesystem::remove_all(directory_);
    }
    [[nodiscard]] std::string path() const { return directory_ + "/socket"; }

  private:
    void serve() {
        const int line = ::accept(listening_, nullptr, nullptr);
        frame::Decoder decoder(1024 * 1024);
        std::array<char, 4096> bytes{};
        std::uint64_t asked = 0;
        for (ssize_t count = 0; (count = ::read(line, bytes.data(), bytes.size())) > 0;) {
            decoder.append({bytes.data(), static_cast<std::size_t>(count)});
            for (auto frame = decoder.next(); frame.ok() && *frame; frame = decoder.next())
                answer(line, **frame, asked);
        }
        ::close(line);
    }
    static void answer(int line, const frame::Frame& frame, std::uint64_t& asked) {
        if (frame.type == v1::FRAME_TYPE_HELLO)
            send(line, v1::FRAME_TYPE_HELLO_REPLY, v1::HelloReply().SerializeAsString());
        v1::Request request;
        if (frame.type == v1::FRAME_TYPE_REQUEST &&
            request.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size())))
            asked = request.id();
        if (frame.type != v1::FRAME_TYPE_KEEPALIVE || asked == 0) return;
        v1::Reply reply;
        reply.set_id(asked);
        reply.set_code(v1::ERROR_CODE_OK);
        reply.add_rows("built");
        send(line, v1::FRAME_TYPE_REPLY, reply.SerializeAsString());
        asked = 0;
    }
    static void send(int line, std::uint8_t type, const std::string& payload) {
        std::string bytes;
        frame::append_frame(bytes, type, payload);
        CHECK(::write(line, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    }

    std::string directory_;
    int listening_ = -1;
    std::thread thread_;
};

}  // namespace

TEST_CASE("who waits for long says that it is still there") {
    const SlowServer server;
    net::ClientOptions options;
    options.socket_path = server.path();
    const auto client = net::Client::connect(options);
    REQUIRE(client.ok());
    std::string row;
    int waits = 0;
    const Status asked = (*client)->ask({},
                                        [&](const v1::Reply& reply) {
                                            row = reply.rows(0);
                                            return true;
                                        },
                                        {.timeout = 60s, .on_wait = [&] { ++waits; }});
    CHECK(asked.ok());
    CHECK(row == "built");
    CHECK(waits >= 1);
}
