// Producers on the logger's socket. Closed loop: each logs an event when the last one is durable,
// through the client library. With a window, or synchronous events, as said; with a window the
// events are made beforehand, so that the producers' own work counts little. Prints one JSON
// object: events, seconds, rate, latencies.
//   bench_producers THREADS EVENTS_EACH PROCESSES [sync | WINDOW]
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/frame/frame.h"
#include "lb/v1/envelope.pb.h"
#include "lb/v1/wire.pb.h"
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

struct Load {
    int threads = 0;
    int events_each = 0;
    int processes = 0;
    int window = 0;  // 0: through the client library, one at a time
    bool is_sync = false;

    [[nodiscard]] std::string key_of_event(int thread, int number) const {
        return key_of((thread + number * threads) % processes);
    }
};

struct Measured {
    std::vector<double> latencies_ms;
    int failed = 0;
};

double milliseconds_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

Measured log_one_by_one(const Load& load, int thread) {
    lb::client::ProducerOptions options = lb::client::options_from_environment();
    options.timeout_ms = 30'000;
    lb::client::Producer producer(options);
    Measured measured;
    for (int i = 0; i < load.events_each; ++i) {
        const auto start = Clock::now();
        const auto logged = producer.log(load.key_of_event(thread, i), event_of(i), load.is_sync);
        const auto wanted =
            load.is_sync ? lb::client::Outcome::kCommitted : lb::client::Outcome::kDurable;
        if (!logged.ok() || logged->outcome != wanted) ++measured.failed;
        measured.latencies_ms.push_back(milliseconds_since(start));
    }
    return measured;
}

std::string frame_of(const Load& load, int thread, int number) {
    lb::v1::Envelope envelope;
    envelope.set_schema(1);
    envelope.set_event_id(lb::event::new_event_id());
    envelope.set_subject(load.key_of_event(thread, number));
    envelope.set_event(lb::event::encode(event_of(number)));
    std::string frame;
    lb::frame::append_frame(frame, lb::v1::FRAME_TYPE_LOG, envelope.SerializeAsString());
    return frame;
}

int connect_to_logger() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = lb::client::options_from_environment().socket_path;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const int logger = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(logger, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return logger;
    close(logger);
    return -1;
}

bool send_all(int logger, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = send(logger, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

// How many answers of success the next read brings; nothing when the connection is gone.
std::optional<int> read_answers(int logger, lb::frame::Decoder& decoder) {
    char buffer[16 * 1024];
    const ssize_t got = recv(logger, buffer, sizeof buffer, 0);
    if (got <= 0) return std::nullopt;
    decoder.append({buffer, static_cast<std::size_t>(got)});
    int answers = 0;
    for (;;) {
        const auto frame = decoder.next();
        if (!frame.ok()) return std::nullopt;
        if (!frame->has_value()) return answers;
        lb::v1::LogReply reply;
        if (!reply.ParseFromArray((*frame)->payload.data(),
                                  static_cast<int>((*frame)->payload.size())) ||
            reply.code() != lb::v1::ERROR_CODE_OK)
            return std::nullopt;
        ++answers;
    }
}

using Frames = std::vector<std::string>;

// Of each producer.
std::vector<Frames> all_frames(const Load& load) {
    std::vector<Frames> all(static_cast<std::size_t>(load.threads));
    for (int thread = 0; thread < load.threads; ++thread)
        for (int i = 0; i < load.events_each; ++i)
            all[static_cast<std::size_t>(thread)].push_back(frame_of(load, thread, i));
    return all;
}

// So many events may be unanswered at once.
Measured log_by_window(const Load& load, const Frames& events) {
    Measured measured;
    const int logger = connect_to_logger();
    lb::frame::Decoder decoder(64 * 1024);
    int sent = 0;
    int answered = 0;
    while (answered < load.events_each) {
        std::string frames;
        for (; sent < load.events_each && sent - answered < load.window; ++sent)
            frames += events[static_cast<std::size_t>(sent)];
        const auto start = Clock::now();
        const auto answers =
            send_all(logger, frames) ? read_answers(logger, decoder) : std::nullopt;
        if (!answers) {
            measured.failed = load.events_each - answered;
            break;
        }
        answered += *answers;
        measured.latencies_ms.insert(measured.latencies_ms.end(),
                                     static_cast<std::size_t>(*answers), milliseconds_since(start));
    }
    close(logger);
    return measured;
}

Measured run_all(const Load& load, const std::vector<Frames>& frames) {
    std::mutex mutex;
    Measured all;
    std::vector<std::thread> running;
    for (int thread = 0; thread < load.threads; ++thread)
        running.emplace_back([&, thread] {
            const Measured mine =
                load.window > 0 ? log_by_window(load, frames[static_cast<std::size_t>(thread)])
                                : log_one_by_one(load, thread);
            const std::lock_guard lock(mutex);
            all.latencies_ms.insert(all.latencies_ms.end(), mine.latencies_ms.begin(),
                                    mine.latencies_ms.end());
            all.failed += mine.failed;
        });
    for (std::thread& thread : running) thread.join();
    std::sort(all.latencies_ms.begin(), all.latencies_ms.end());
    return all;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4 && argc != 5) return 64;
    Load load{std::atoi(argv[1]), std::atoi(argv[2]), std::atoi(argv[3])};
    const std::string how = argc == 5 ? argv[4] : "";
    load.is_sync = how == "sync";
    load.window = std::atoi(how.c_str());
    const std::vector<Frames> frames = load.window > 0 ? all_frames(load) : std::vector<Frames>();
    const auto begin = Clock::now();
    const Measured all = run_all(load, frames);
    const double seconds = milliseconds_since(begin) / 1000;
    const auto at = [&](double part) {
        if (all.latencies_ms.empty()) return 0.0;
        const auto last = static_cast<double>(all.latencies_ms.size() - 1);
        return all.latencies_ms[static_cast<std::size_t>(part * last)];
    };
    const nlohmann::json result = {
        {"events", all.latencies_ms.size()},
        {"failed", all.failed},
        {"seconds", seconds},
        {"events_per_second", static_cast<double>(all.latencies_ms.size()) / seconds},
        {"p50_ms", at(0.5)},
        {"p99_ms", at(0.99)}};
    std::printf("%s\n", result.dump().c_str());
    return all.failed == 0 ? 0 : 1;
}
