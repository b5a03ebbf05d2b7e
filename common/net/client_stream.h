// A blocking stream of bytes to a server, over TLS or its Unix socket, with a deadline for each
// call. What net::Client and the producers' library stand on; plain sockets, no loop, no thread
// (but for the system's own that looks up a name).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/deadline.h"
#include "common/base/result.h"
#include "common/tls/credentials.h"

namespace lb::net {

struct ClientPlace {
    std::string
        socket_path;  // not empty: the server's Unix socket, and neither host nor credentials
    std::string host;
    std::uint16_t port = 9000;
    // Names one of which the server's certificate must have; empty = `host` only.
    std::vector<std::string> host_names;
    std::shared_ptr<tls::Credentials> credentials;
};

// One thread at a time. After an error it is of no more use, but after kTimeout of receive().
class ClientStream {
  public:
    // Connects, and shakes hands. kRetry, kTimeout; kDenied: a certificate is the reason.
    static Result<std::unique_ptr<ClientStream>> connect(const ClientPlace& place,
                                                         const Deadline& deadline);
    // Best effort: the peer logs a good end instead of a broken one.
    ~ClientStream();
    ClientStream(const ClientStream&) = delete;
    ClientStream& operator=(const ClientStream&) = delete;

    // "lb.example.org:9000", or the socket's path: for messages.
    [[nodiscard]] const std::string& peer() const;
    // All of them.
    Status send(std::string_view bytes, const Deadline& deadline);
    // At least one byte; how many.
    Result<std::size_t> receive(char* target, std::size_t bytes, const Deadline& deadline);

  private:
    struct Implementation;
    explicit ClientStream(std::unique_ptr<Implementation> implementation);
    std::unique_ptr<Implementation> implementation_;
};

}  // namespace lb::net
