#include "common/log/log.h"

#include <sys/stat.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <mutex>

#include "common/base/utf8.h"

namespace lb::log {

namespace {

using std::chrono::steady_clock;

std::atomic<Level> least_level{Level::kInfo};

struct Window {
    steady_clock::time_point begin;
    int written = 0;
    int held_back = 0;
};

struct Sink {
    std::mutex mutex;
    std::string program = "lb";
    std::map<std::string, Window, std::less<>> windows;  // by message id
    bool is_journal = false;

    Sink() {
        // systemd names the device and inode of the stream that leads to the journal.
        const char* stream = std::getenv("JOURNAL_STREAM");
        std::uintmax_t device = 0;
        std::uintmax_t inode = 0;
        struct stat status {};
        is_journal = stream != nullptr &&
                     std::sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 &&
                     fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
                     status.st_ino == inode;
    }
};

Sink& sink() {
    static Sink instance;
    return instance;
}

std::string now_text() {
    const auto now = std::chrono::system_clock::now();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
    const std::time_t seconds = static_cast<std::time_t>(ms.count() / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    return fmt::format("{}.{:03}Z", text.data(), ms.count() % 1000);
}

// Whether the message may be written now; `held_back` is how many were not since the last one.
bool passes(Window& window, int& held_back) {
    const auto now = steady_clock::now();
    if (now - window.begin > std::chrono::seconds(kWindowSeconds)) {
        held_back = window.held_back;
        window = {now, 0, 0};
    }
    if (window.written++ < kRepeatsPerWindow) return true;
    ++window.held_back;
    return false;
}

}  // namespace

std::string_view to_string(Level level) {
    switch (level) {
        case Level::kError:
            return "error";
        case Level::kWarning:
            return "warning";
        case Level::kInfo:
            return "info";
        case Level::kDebug:
            return "debug";
    }
    return "info";
}

std::optional<Level> level_of(std::string_view name) {
    for (const Level level : {Level::kError, Level::kWarning, Level::kInfo, Level::kDebug})
        if (to_string(level) == name) return level;
    return std::nullopt;
}

void set_level(Level level) {
    least_level = level;
}

bool is_enabled(Level level) {
    return level <= least_level.load(std::memory_order_relaxed);
}

void set_program(std::string_view name) {
    const std::lock_guard lock(sink().mutex);
    sink().program = name;
}

void write_line(const Message& message, std::string_view line) {
    if (!is_enabled(message.level)) return;
    Sink& target = sink();
    const std::lock_guard lock(target.mutex);
    int held_back = 0;
    if (!passes(target.windows[std::string(message.id)], held_back)) return;
    std::string text = escaped_controls(line);
    if (held_back > 0) text += fmt::format(" ({} more like this were not written)", held_back);
    if (target.is_journal) {
        sd_journal_send("MESSAGE=%s", text.c_str(), "PRIORITY=%i", static_cast<int>(message.level),
                        "LB_MSG=%s", std::string(message.id).c_str(), "SYSLOG_IDENTIFIER=%s",
                        target.program.c_str(), nullptr);
        return;
    }
    const std::string whole = fmt::format("{} {} {} {}: {}\n", now_text(), target.program,
                                          to_string(message.level), message.id, text);
    std::fwrite(whole.data(), 1, whole.size(), stderr);
}

}  // namespace lb::log
