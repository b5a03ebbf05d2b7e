#include "tests/support/slow_server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "common/frame/frame.h"

namespace lb::test {
namespace {

void send(int line, std::uint8_t type, const std::string& payload) {
    std::string bytes;
    frame::append_frame(bytes, type, payload);
    CHECK(::write(line, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
}

}  // namespace

SlowServer::SlowServer(std::vector<v1::Reply> replies, int keepalives)
    : replies_(std::move(replies)), keepalives_(keepalives) {
    std::string directory = "/tmp/lb-slow-server-XXXXXX";
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

SlowServer::~SlowServer() {
    thread_.join();
    ::close(listening_);
    std::filesystem::remove_all(directory_);
}

void SlowServer::serve() {
    const int line = ::accept(listening_, nullptr, nullptr);
    frame::Decoder decoder(1024 * 1024);
    std::array<char, 4096> bytes{};
    for (ssize_t count = 0; (count = ::read(line, bytes.data(), bytes.size())) > 0;) {
        decoder.append({bytes.data(), static_cast<std::size_t>(count)});
        for (auto frame = decoder.next(); frame.ok() && *frame; frame = decoder.next())
            answer(line, **frame);
    }
    ::close(line);
}

void SlowServer::answer(int line, const frame::Frame& frame) {
    if (frame.type == v1::FRAME_TYPE_HELLO)
        send(line, v1::FRAME_TYPE_HELLO_REPLY, v1::HelloReply().SerializeAsString());
    v1::Request request;
    if (frame.type == v1::FRAME_TYPE_REQUEST &&
        request.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size())))
        asked_ = request.id();
    if (frame.type != v1::FRAME_TYPE_KEEPALIVE || asked_ == 0 || answered_ == replies_.size())
        return;
    if (++heard_ < keepalives_) return;
    heard_ = 0;
    v1::Reply reply = replies_[answered_++];
    reply.set_id(std::exchange(asked_, 0));
    reply.set_code(v1::ERROR_CODE_OK);
    send(line, v1::FRAME_TYPE_REPLY, reply.SerializeAsString());
}

}  // namespace lb::test
