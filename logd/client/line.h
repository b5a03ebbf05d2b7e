// A line to a logger: bytes there and back, each call within a deadline. To this host's logger it
// is a Unix socket and needs libc only; to another's it is TLS, for which a library is loaded when
// the first such line is opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/deadline.h"
#include "common/base/result.h"
#include "logd/client/producer.h"

namespace lb::client {

// After an error it is of no more use.
class Line {
  public:
    Line() = default;
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    virtual ~Line() = default;

    // All of them. kRetry: the logger is gone; kTimeout.
    virtual Status send(std::string_view bytes, const Deadline& deadline) = 0;
    // At least one byte; how many.
    virtual Result<std::size_t> receive(char* target, std::size_t bytes,
                                        const Deadline& deadline) = 0;
};

Result<std::unique_ptr<Line>> open_local_line(const std::string& socket_path,
                                              const Deadline& deadline);
// To options.logger; of lb_logd_client_remote, whose programs are not static. kNotFound: the
// library is not installed, or a file of the credentials is missing.
Result<std::unique_ptr<Line>> open_remote_line(const ProducerOptions& options,
                                               const Deadline& deadline);

struct LoggerPlace {
    std::string host;
    std::uint16_t port = 0;
};
// Of "tls://HOST:PORT"; without a port that of the original. kReject says what is wrong.
Result<LoggerPlace> parse_logger(std::string_view text);

}  // namespace lb::client
