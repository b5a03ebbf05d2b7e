// lb-logevent: logs one event from a hook, a script or a shell.
#include <limits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/event/event_id.h"
#include "common/event/seqcode.h"
#include "logd/cli/options.h"
#include "logd/client/line.h"

namespace {

// After sysexits.h, as --help says.
enum ExitCode {
    kDone = 0,
    kUsage = 64,
    kRefused = 65,
    kNoRoom = 73,
    kTryAgain = 75,
    kNotAllowed = 77
};

int exit_code_of(lb::ErrorCode code) {
    if (code == lb::ErrorCode::kDenied) return kNotAllowed;
    if (code == lb::ErrorCode::kFull) return kNoRoom;
    if (code == lb::ErrorCode::kRetry || code == lb::ErrorCode::kTimeout) return kTryAgain;
    return kRefused;
}

int complain(const lb::Error& error, int exit_code) {
    std::fprintf(stderr, "lb-logevent: %s\n", error.text.c_str());
    return exit_code;
}

int print(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    return kDone;
}

void report(const lb::client::Logged& logged, const lb::logevent::Options& options) {
    if (!logged.text.empty()) std::fprintf(stderr, "lb-logevent: %s\n", logged.text.c_str());
    if (options.is_quiet) return;
    const lb::event::Event& event = options.event;
    if (options.has_sequence_code)
        std::puts(lb::event::next_code(event.sequence_code, event.source).c_str());
    else
        std::puts(lb::event::event_id_to_text(logged.event_id).c_str());
}

int log(lb::logevent::Options& options) {
    lb::event::Event& event = options.event;
    if (options.has_sequence_code && options.increments_first)
        event.sequence_code = lb::event::next_code(event.sequence_code, event.source);
    lb::client::complete(event);
    lb::client::Producer producer(options.producer);
    const auto logged = producer.log(options.subject, event, options.is_sync);
    if (!logged.ok()) return complain(logged.error(), exit_code_of(logged.error().code));
    report(*logged, options);
    return kDone;
}

#ifdef LB_LOGEVENT_REMOTE
int log_elsewhere(lb::logevent::Options& options, char**) {
    options.producer.open_remote = lb::client::open_remote_line;
    return log(options);
}
#else
// This program loads no library, so that it starts at once; the same one beside it, "-remote",
// loads what TLS needs.
int log_elsewhere(lb::logevent::Options&, char** argv) {
    std::array<char, PATH_MAX> path{};
    constexpr std::string_view kEnding = "-remote";
    const ssize_t bytes = readlink("/proc/self/exe", path.data(), path.size() - kEnding.size() - 1);
    if (bytes > 0) {
        kEnding.copy(path.data() + bytes, kEnding.size());
        execv(path.data(), argv);
    }
    return complain({lb::ErrorCode::kNotFound,
                     "logging to another host's logger needs " + std::string(path.data()) +
                         " (package liblb-remote0 or lb-remote): " + std::strerror(errno)},
                    kRefused);
}
#endif

}  // namespace

int main(int argc, char** argv) {
    auto options = lb::logevent::parse_options({argv + 1, argv + argc});
    if (!options.ok()) return complain(options.error(), kUsage);
    switch (options->act) {
        case lb::logevent::Act::kHelp:
            return print(lb::logevent::help_text());
        case lb::logevent::Act::kTypes:
            return print(lb::logevent::types_text());
        case lb::logevent::Act::kTypeHelp:
            return print(lb::logevent::type_help_text(*lb::event::find_type(options->event.type)));
        case lb::logevent::Act::kVersion:
            return print("lb-logevent " LB_VERSION "\n");
        case lb::logevent::Act::kLog:
            if (!options->producer.logger.empty()) return log_elsewhere(*options, argv);
            return log(*options);
    }
    return kUsage;
}
