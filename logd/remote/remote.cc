// The library liblb-remote: lines over TLS to the loggers of other hosts, for producers that load
// it (logd/client/remote_calls.h).
#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "common/net/client_stream.h"
#include "logd/client/remote_calls.h"

namespace {

using lb::Deadline;
using lb::client::RemoteCalls;
using lb::client::RemotePlace;
using lb::client::RemoteText;
using lb::net::ClientStream;

int fail(const lb::Error& error, RemoteText why) {
    const std::size_t bytes = std::min(error.text.size(), why.bytes - 1);
    std::memcpy(why.text, error.text.data(), bytes);
    why.text[bytes] = '\0';
    return static_cast<int>(error.code);
}

// An exception (there is no memory) becomes kBug.
template <typename Call>
int guarded(RemoteText why, Call call) {
    try {
        const lb::Status status = call();
        return status.ok() ? 0 : fail(status.error(), why);
    } catch (const std::exception&) {
        why.text[0] = '\0';
        return static_cast<int>(lb::ErrorCode::kBug);
    }
}

std::chrono::milliseconds of_ms(int timeout_ms) {
    return std::chrono::milliseconds(timeout_ms);
}

int open_line(const RemotePlace* place, int timeout_ms, void** line, RemoteText why) {
    return guarded(why, [&]() -> lb::Status {
        const Deadline deadline(of_ms(timeout_ms));
        lb::net::ClientPlace to;
        to.host = place->host;
        to.port = place->port;
        LB_TRY_ASSIGN(to.credentials, lb::tls::Credentials::load(
                                          {place->certificate, place->key, place->authorities}));
        LB_TRY_ASSIGN(auto stream, ClientStream::connect(to, deadline));
        *line = stream.release();
        return {};
    });
}

int send_bytes(void* line, const char* bytes, std::size_t count, int timeout_ms, RemoteText why) {
    return guarded(why, [&] {
        return static_cast<ClientStream*>(line)->send({bytes, count}, Deadline(of_ms(timeout_ms)));
    });
}

int receive_bytes(void* line, char* target, std::size_t* count, int timeout_ms, RemoteText why) {
    return guarded(why, [&]() -> lb::Status {
        const Deadline deadline(of_ms(timeout_ms));
        LB_TRY_ASSIGN(*count, static_cast<ClientStream*>(line)->receive(target, *count, deadline));
        return {};
    });
}

void close_line(void* line) {
    delete static_cast<ClientStream*>(line);
}

constexpr RemoteCalls kCalls{open_line, send_bytes, receive_bytes, close_line};

}  // namespace

extern "C" __attribute__((visibility("default"))) const RemoteCalls* lb_remote_calls_1() {
    return &kCalls;
}
