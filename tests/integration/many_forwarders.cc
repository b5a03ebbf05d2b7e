// As many forwarders as asked for, each with a connection of its own: all connect, then all send
// their events at once and keep to the server's credit, as interloggers do after an outage.
// Prints one JSON object. LB_SERVER, LB_CERT, LB_KEY and LB_CA as for lbctl.
//   lb-test-many-forwarders FORWARDERS EVENTS_EACH HOST
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "bkserver/cli/connection.h"
#include "bkserver/cli/uploader.h"
#include "tests/support/event_builder.h"

namespace {

using namespace lb;
using Clock = std::chrono::steady_clock;

constexpr double kConnectSeconds = 120;
constexpr std::chrono::milliseconds kConnectPause{500};

std::string environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string() : value;
}

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Tally {
    std::mutex mutex;
    std::size_t settled = 0;
    std::size_t refused = 0;
    std::size_t broken = 0;
    std::string first_problem;

    void add(std::size_t its_settled, std::size_t its_refused, const Status& status) {
        const std::lock_guard lock(mutex);
        settled += its_settled;
        refused += its_refused;
        if (status.ok()) return;
        ++broken;
        if (first_problem.empty()) first_problem = status.error().text;
    }
};

// Forwarder `number` speaks for one machine.
std::string event_of(int number, int event, const std::string& host) {
    char key[64];
    std::snprintf(key, sizeof key, "libvirt-uuid:/6b1a2a9e-0000-4000-8000-%012d", number);
    constexpr event::EventType kTypes[] = {event::EventType::kVMBoot, event::EventType::kVMRunning};
    return test::EventBuilder(kTypes[event % 2], event::Source::kVmManager, key)
        .at(event)
        .host(host)
        .field("hostname", host)
        .counter(static_cast<std::uint64_t>(event) + 1)
        .envelope()
        .SerializeAsString();
}

// Tries again as an interlogger does: a busy server makes room by closing who is slowest.
Result<std::unique_ptr<net::Client>> connect_patiently(const consumer::Options& options) {
    const auto begin = Clock::now();
    for (;;) {
        auto client = consumer::connect(options);
        if (client.ok() || seconds_since(begin) > kConnectSeconds) return client;
        std::this_thread::sleep_for(kConnectPause);
    }
}

Status send_all(net::Client& client, int number, int events, const std::string& host,
                std::size_t& settled, std::size_t& refused) {
    cli::ClientPeer peer(client);
    cli::Uploader uploader(peer, {client.hello().credit_events(), client.hello().credit_bytes()},
                           [&](const cli::Upload&, v1::Verdict verdict, const std::string&) {
                               ++(verdict == v1::VERDICT_ACCEPTED ? settled : refused);
                           });
    for (int event = 0; event < events; ++event)
        LB_TRY(uploader.add({event_of(number, event, host), 0, {}}));
    return uploader.finish();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 64;
    const int forwarders = std::atoi(argv[1]);
    const int events = std::atoi(argv[2]);
    const std::string host = argv[3];
    cli::Settings settings;
    settings.server = environment("LB_SERVER");
    settings.certificate = environment("LB_CERT");
    settings.key = environment("LB_KEY");
    settings.authorities = environment("LB_CA");
    settings.timeout_seconds = 120;

    Tally tally;
    std::latch connected(forwarders + 1);
    std::vector<std::thread> threads;
    const auto begin = Clock::now();
    for (int number = 0; number < forwarders; ++number)
        threads.emplace_back([&, number] {
            auto client = connect_patiently(cli::options_of(settings));
            connected.arrive_and_wait();
            if (!client.ok()) return tally.add(0, 0, client.error());
            std::size_t settled = 0;
            std::size_t refused = 0;
            const Status status = send_all(**client, number, events, host, settled, refused);
            tally.add(settled, refused, status);
        });
    connected.arrive_and_wait();
    const double connect_seconds = seconds_since(begin);
    for (std::thread& thread : threads) thread.join();
    const double seconds = seconds_since(begin) - connect_seconds;
    const nlohmann::json result = {{"settled", tally.settled},
                                   {"refused", tally.refused},
                                   {"broken", tally.broken},
                                   {"problem", tally.first_problem},
                                   {"connect_seconds", connect_seconds},
                                   {"seconds", seconds}};
    std::printf("%s\n", result.dump().c_str());
    return tally.broken == 0 && tally.refused == 0 ? 0 : 1;
}
