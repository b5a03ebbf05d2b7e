// What a consumer does with a server: ask for statuses, pages of queries and changes. The
// connection is made with the first question, and anew after it broke: every question may be asked
// twice.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/net/client.h"
#include "lb/consumer.h"

namespace lb::v1 {
class ChangesRequest;
}

namespace lb::consumer {

struct Options {
    std::string server =
        LB_CONSUMER_DEFAULT_SERVER;  // host:port, or the path of the server's local socket
    std::string certificate;         // PEM files, for host:port
    std::string key;
    std::string authorities;  // PEM bundle or directory
    std::string server_name;  // in the server's certificate, when it is not the host
    std::string software = "liblb-consumer " LB_VERSION;  // as the server lists it
    std::chrono::milliseconds timeout{30'000};            // of connecting, and of each answer
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
    // `on_wait` is called about every second while an answer is awaited; false: it is given up.
    Consumer(Options options, std::function<bool()> on_wait)
        : options_(std::move(options)), on_wait_(std::move(on_wait)) {}

    // With the first question otherwise.
    Status connect();
    Result<Answer> ask(const v1::Request& request);
    // The next changes after the cursor, as soon as there are any; none when `patience` is over, or
    // it is given up.
    // The cursor of the answer goes on behind them; without one it begins with what changes from
    // now on.
    Result<Answer> watch(v1::ChangesRequest changes, std::chrono::milliseconds patience);

  private:
    Result<Answer> ask_once(const v1::Request& request);

    const Options options_;
    const std::function<bool()> on_wait_;
    std::unique_ptr<net::Client> client_;
};

}  // namespace lb::consumer
