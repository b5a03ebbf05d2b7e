// lb-hook-libvirt: libvirt calls it as /etc/libvirt/hooks/qemu.d/50-lb (or hooks/qemu) with the
// guest's name, operation, phase and extra argument, and the domain's XML on standard input. It
// must never harm a guest: it prints nothing (output would replace the XML of an incoming
// migration), always exits with 0 (another status at "reconnect" kills the guest) and is done
// within a second.
#include <fcntl.h>
#include <poll.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>

#include "logd/client/producer.h"
#include "logd/hooks/libvirt/hook_event.h"

namespace {

constexpr std::size_t kXmlBytesMax = 256 * 1024;  // the words we need stand near the front
constexpr int kXmlTimeoutMs = 200;
constexpr int kLogTimeoutMs = 600;
constexpr unsigned kWholeTimeoutSeconds = 1;

// What libvirt sends on standard input, as far as it comes in time.
std::string read_xml() {
    std::string xml;
    std::array<char, 16 * 1024> buffer{};
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kXmlTimeoutMs);
    while (xml.size() < kXmlBytesMax && std::chrono::steady_clock::now() < end) {
        pollfd waited{STDIN_FILENO, POLLIN, 0};
        if (poll(&waited, 1, kXmlTimeoutMs) <= 0) break;
        const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
        if (got <= 0) break;
        xml.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return xml;
}

// Standard output and error lead nowhere from here on, whatever a library might say.
void be_silent() {
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0) return;
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
}

// The last resort against a hang: out with 0.
void leave_in_time() {
    std::signal(SIGALRM, [](int) { _exit(0); });
    alarm(kWholeTimeoutSeconds);
}

void log_call(const lb::hooks::HookCall& call, std::int64_t time_us) {
    const lb::hooks::Domain domain = lb::hooks::scan_domain_xml(read_xml());
    lb::event::Event local;
    lb::client::complete(local);
    auto event = lb::hooks::event_of_call(call, domain, local.host);
    const std::string subject = lb::hooks::subject_of(domain);
    if (!event) return;
    event->time_us = time_us;
    lb::client::ProducerOptions options = lb::client::options_from_environment();
    options.timeout_ms = std::min(options.timeout_ms, kLogTimeoutMs);
    options.program = "lb-hook-libvirt";  // whatever name it was installed under
    const auto logged = lb::client::Producer(options).log(subject, *event, false);
    if (!logged.ok())
        syslog(LOG_DAEMON | LOG_ERR, "lb-hook-libvirt: %s of %s is lost: %s",
               std::string(call.operation).c_str(), subject.c_str(), logged.error().text.c_str());
    else if (logged->outcome == lb::client::Outcome::kDropped)
        syslog(LOG_DAEMON | LOG_WARNING,
               "lb-hook-libvirt: %s of %s waits in the drop directory: %s",
               std::string(call.operation).c_str(), subject.c_str(), logged->text.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    lb::event::Event now;
    lb::client::complete(now);  // the moment of the call, before anything else takes time
    leave_in_time();
    be_silent();
    try {
        if (argc >= 4) log_call({argv[2], argv[3], argc > 4 ? argv[4] : "-"}, now.time_us);
    } catch (...) {
        syslog(LOG_DAEMON | LOG_ERR, "lb-hook-libvirt: out of memory");
    }
    return 0;
}
