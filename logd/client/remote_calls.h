// What the library liblb-remote offers to the producers' code that loads it: a line over TLS. A
// boundary of C, since each side has its own C++ runtime inside; no exception crosses it. It grows
// by a new symbol only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lb::client {

inline constexpr char kRemoteLibrary[] = "liblb-remote.so.0";
inline constexpr char kRemoteCallsSymbol[] = "lb_remote_calls_1";

struct RemotePlace {
    const char* host;
    std::uint16_t port;
    const char* certificate;  // PEM files
    const char* key;
    const char* authorities;
};

// Where a call says why it failed: cut to what fits, with a final zero.
struct RemoteText {
    char* text;
    std::size_t bytes;
};

// Each returns an ErrorCode as a number; 0 = done. Deadlines are milliseconds from now.
struct RemoteCalls {
    int (*open)(const RemotePlace* place, int timeout_ms, void** line, RemoteText why);
    int (*send)(void* line, const char* bytes, std::size_t count, int timeout_ms, RemoteText why);
    // `count`: room at `target`, then what came, at least one byte.
    int (*receive)(void* line, char* target, std::size_t* count, int timeout_ms, RemoteText why);
    void (*close)(void* line);
};

}  // namespace lb::client

extern "C" const lb::client::RemoteCalls* lb_remote_calls_1();
