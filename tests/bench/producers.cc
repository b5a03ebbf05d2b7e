// Closed-loop producers on the logger's socket: each logs an event when the last one is durable.
// Prints one JSON object: events, seconds, rate, latencies.
//   bench_producers THREADS EVENTS_EACH PROCESSES
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "logd/client/producer.h"

namespace {

using Clock = std::chrono::steady_clock;

// About 400 bytes on the wire, as the original's events had.
lb::event::Event event_of(int number) {
    lb::event::Event event;
    constexpr lb::event::EventType kTypes[] = {lb::event::EventType::kVMBoot,
                                               lb::event::EventType::kVMRunning,
                                               lb::event::EventType::kVMStop};
    event.type = static_cast<std::uint16_t>(kTypes[number % 3]);
    event.source = lb::event::Source::kVmManager;
    lb::client::complete(event);
    event.set_text("hostname", event.host);
    event.attributes["padding"] = std::string(200, 'p');
    return event;
}

std::string key_of(int process) {
    char key[64];
    std::snprintf(key, sizeof key, "libvirt-uuid:/6b1a2a9e-0000-4000-8000-%012d", process);
    return key;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 64;
    const int threads = std::atoi(argv[1]);
    const int events_each = std::atoi(argv[2]);
    const int processes = std::atoi(argv[3]);
    std::mutex mutex;
    std::vector<double> latencies_ms;
    int failed = 0;
    const auto begin = Clock::now();
    std::vector<std::thread> running;
    for (int t = 0; t < threads; ++t)
        running.emplace_back([&, t] {
            lb::client::ProducerOptions options = lb::client::options_from_environment();
            options.timeout_ms = 30'000;
            lb::client::Producer producer(options);
            std::vector<double> mine;
            int mine_failed = 0;
            for (int i = 0; i < events_each; ++i) {
                const auto start = Clock::now();
                const auto logged =
                    producer.log(key_of((t + i * threads) % processes), event_of(i), false);
                if (!logged.ok() || logged->outcome == lb::client::Outcome::kDropped) ++mine_failed;
                mine.push_back(
                    std::chrono::duration<double, std::milli>(Clock::now() - start).count());
            }
            const std::lock_guard lock(mutex);
            latencies_ms.insert(latencies_ms.end(), mine.begin(), mine.end());
            failed += mine_failed;
        });
    for (std::thread& thread : running) thread.join();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    std::sort(latencies_ms.begin(), latencies_ms.end());
    const auto at = [&](double part) {
        return latencies_ms[static_cast<std::size_t>(part *
                                                     static_cast<double>(latencies_ms.size() - 1))];
    };
    const nlohmann::json result = {
        {"events", latencies_ms.size()},
        {"failed", failed},
        {"seconds", seconds},
        {"events_per_second", static_cast<double>(latencies_ms.size()) / seconds},
        {"p50_ms", at(0.5)},
        {"p99_ms", at(0.99)}};
    std::printf("%s\n", result.dump().c_str());
    return failed == 0 ? 0 : 1;
}
