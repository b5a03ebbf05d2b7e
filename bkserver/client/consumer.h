// What a consumer does with a server: ask for statuses, pages of queries and changes. The
// connection is made with the first question, and anew after it broke: every question may be asked
// twice.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/net/client.h"

namespace lb::v1 {
class ChangesRequest;
}

namespace lb::consumer {

inline constexpr char kDefaultServer[] = "/run/lb-bkserver/bkserver.sock";

struct Options {
    std::string server = kDefaultServer;  // host:port, or the path of the server's local socket
    std::string certificate;              // PEM files, for host:port
    std::string key;
    std::string authorities;  // PEM bundle or directory
    std::string server_name;  // in the server's certificate, when it is not the host
    std::string software;     // as the server lists it: "lbctl 0.1.0"
    std::chrono::milliseconds timeout{30'000};  // of connecting, and of each answer
};

// The options as LB_SERVER, LB_CERT, LB_KEY, LB_CA and LB_SERVER_NAME of the environment say.
Options options_from_environment();

// Connects and says hello.
Result<std::unique_ptr<net::Client>> connect(const Options& options);

struct Answer {
    std::vector<std::string> rows;  // JSON objects (bkserver/query/JSON.md)
    std::string cursor;             // of the next page; empty: there is none
};

// One thread at a time.
class Consumer {
  public:
    explicit Consumer(Options options) : options_(std::move(options)) {}

    Result<Answer> ask(const v1::Request& request);
    // The next changes after the cursor, as soon as there are any; none when `patience` is over.
    // The cursor of the answer goes on behind them; without one it begins with what changes from
    // now on.
    Result<Answer> watch(v1::ChangesRequest changes, std::chrono::milliseconds patience);

  private:
    Result<Answer> ask_once(const v1::Request& request);

    const Options options_;
    std::unique_ptr<net::Client> client_;
};

}  // namespace lb::consumer
