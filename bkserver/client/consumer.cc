#include "bkserver/client/consumer.h"

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "common/spool/spool_format.h"
#include "common/tls/credentials.h"
#include "lb/v1/wire.pb.h"

namespace lb::consumer {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kWatchPause{1000};

// A connection that failed so is of no more use.
bool is_broken(ErrorCode code) {
    return code == ErrorCode::kRetry || code == ErrorCode::kTimeout || code == ErrorCode::kCorrupt;
}

}  // namespace

Options options_from_environment() {
    Options options;
    const std::pair<const char*, std::string*> variables[] = {
        {"LB_SERVER", &options.server},
        {"LB_CERT", &options.certificate},
        {"LB_KEY", &options.key},
        {"LB_CA", &options.authorities},
        {"LB_SERVER_NAME", &options.server_name}};
    for (const auto& [name, option] : variables)
        if (const char* const value = std::getenv(name); value != nullptr && *value != '\0')
            *option = value;
    return options;
}

Result<std::unique_ptr<net::Client>> connect(const Options& options) {
    net::ClientOptions client_options;
    client_options.software = options.software;
    client_options.timeout = options.timeout;
    if (options.server.starts_with('/')) {
        client_options.socket_path = options.server;
    } else {
        LB_TRY_ASSIGN(const auto place, spool::Destination::parse(options.server));
        client_options.host = place.host;
        client_options.port = place.port;
        if (!options.server_name.empty()) client_options.host_names = {options.server_name};
        if (options.certificate.empty() || options.key.empty() || options.authorities.empty())
            return Error{ErrorCode::kReject,
                         "a server over the network needs your certificate, its key and the "
                         "trusted authorities (LB_CERT, LB_KEY and LB_CA)"};
        LB_TRY_ASSIGN(
            client_options.credentials,
            tls::Credentials::load({options.certificate, options.key, options.authorities}));
    }
    auto client = net::Client::connect(client_options);
    if (client.ok()) return client;
    Error error = client.error().within("server " + options.server);
    // No socket: the server is not up yet.
    if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kRetry;
    return error;
}

Status Consumer::connect() {
    if (client_) return {};
    LB_TRY_ASSIGN(client_, consumer::connect(options_));
    return {};
}

Result<Answer> Consumer::ask(const v1::Request& request) {
    const bool was_connected = client_ != nullptr;
    auto answer = ask_once(request);
    // The server may have been restarted since the last question.
    if (!answer.ok() && was_connected && answer.error().code == ErrorCode::kRetry)
        return ask_once(request);
    return answer;
}

Result<Answer> Consumer::ask_once(const v1::Request& request) {
    LB_TRY(connect());
    Answer answer;
    const auto collect = [&](const v1::Reply& reply) {
        answer.rows.insert(answer.rows.end(), reply.rows().begin(), reply.rows().end());
        answer.cursor = reply.cursor();
        return true;
    };
    const Status status = client_->ask(request, collect, {options_.timeout, on_wait_});
    if (status.ok()) return answer;
    if (is_broken(status.error().code)) client_.reset();
    return status.error();
}

Result<Answer> Consumer::watch(v1::ChangesRequest changes, std::chrono::milliseconds patience) {
    const auto end = Clock::now() + patience;
    v1::Request request;
    *request.mutable_changes() = std::move(changes);
    while (true) {
        LB_TRY_ASSIGN(Answer answer, ask(request));
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
        if (!answer.rows.empty() || left <= left.zero()) return answer;
        request.mutable_changes()->set_cursor(answer.cursor);
        std::this_thread::sleep_for(std::min(kWatchPause, left));
        if (!on_wait_()) return answer;
    }
}

}  // namespace lb::consumer
