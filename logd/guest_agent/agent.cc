#include "logd/guest_agent/agent.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "common/env/env.h"
#include "common/event/event_id.h"
#include "logd/guest_agent/channel_line.h"
#include "logd/guest_agent/messages.h"

namespace lb::guest_agent {

namespace {

constexpr int kSecondMs = 1000;
constexpr int kAcceptsPerRound = 16;
constexpr char kVsockPath[] = "vsock:";

std::int64_t steady_seconds() {
    return static_cast<std::int64_t>(env::posix_env().monotonic_us() / 1'000'000);
}

}  // namespace

Agent::Agent(AgentOptions options, agent::Sink sink, metrics::Registry& registry)
    : options_(std::move(options)),
      sink_(std::move(sink)),
      domains_(options_.places.libvirt_states),
      open_(registry.gauge("lb_agent_guest_channels", "channels of guests that are open")),
      logged_(registry.counter("lb_agent_guest_events_logged_total", "events of guests logged")),
      refused_(registry.counter("lb_agent_guest_lines_refused_total", "lines of guests refused")),
      held_back_(registry.counter("lb_agent_guest_held_back_total",
                                  "times that a guest said too much in a second")),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      turned_at_s_(steady_seconds()),
      thread_([this] { run(); }) {}

Agent::~Agent() {
    ::eventfd_write(wake_, 1);
    thread_.join();
    ::close(wake_);
}

nlohmann::ordered_json Agent::status() const {
    return {{"channels", open_.value()}, {"logged", logged()}, {"refused", refused()}};
}

bool Agent::is_alive() const {
    return steady_seconds() - turned_at_s_ < kStuckSeconds;
}

void Agent::run() {
    std::int64_t looked_at_s = -1;
    open_door();
    for (;;) {
        if (const std::int64_t now_s = steady_seconds(); now_s != looked_at_s) {
            looked_at_s = now_s;
            look_for_channels();
        }
        std::vector<pollfd> waited{{wake_, POLLIN, 0}};
        if (door_) waited.push_back({door_->descriptor(), POLLIN, 0});
        for (const auto& [path, channel] : open_channels_)
            if (lines_left_[path] > 0) waited.push_back({channel->descriptor(), POLLIN, 0});
        if (::poll(waited.data(), waited.size(), kSecondMs) > 0 && waited[0].revents != 0) return;
        let_in();
        read_ready();
        turned_at_s_ = steady_seconds();
    }
}

void Agent::open_door() {
    if (options_.vsock_port == 0) return;
    auto door = VsockDoor::open(options_.vsock_port);
    if (door.ok())
        door_ = std::move(*door);
    else
        log::write(kNoVsock, door.error().text);
}

// One connection a guest: a new one takes the place of the last. Who comes again and again waits
// for the next second, so that the others are heard.
void Agent::let_in() {
    for (int i = 0; door_ && i < kAcceptsPerRound; ++i) {
        const auto guest = door_->accept();
        if (!guest) return;
        const std::string path = kVsockPath + std::to_string(guest->cid);
        const auto connects_max = static_cast<std::uint64_t>(options_.lines_per_second);
        std::uint64_t& left = connects_left_.try_emplace(path, connects_max).first->second;
        if (left == 0) {
            held_back_.add();
            ::close(guest->descriptor);
            continue;
        }
        --left;
        std::string key = domains_.key_of_vsock(guest->cid);
        if (key.empty()) {
            log::write(kStranger, guest->cid);
            ::close(guest->descriptor);
            continue;
        }
        open_channels_[path] = Channel::adopt(guest->descriptor, std::move(key));
        lines_left_.try_emplace(path, static_cast<std::uint64_t>(options_.lines_per_second));
    }
}

// Once a second; with it every channel may speak again.
void Agent::look_for_channels() {
    lines_left_.clear();
    connects_left_.clear();
    domains_.forget();
    const auto is_open = [this](const std::string& path) { return open_channels_.contains(path); };
    for (const ChannelPlace& place : find_channels(options_.places, domains_, is_open)) {
        auto channel = Channel::open(place);
        if (!channel.ok()) continue;  // its guest is just starting or has just gone
        log::write(kOpened, place.path(), place.key);
        open_channels_[place.path()] = std::move(*channel);
    }
    for (const auto& [path, channel] : open_channels_)
        lines_left_.try_emplace(path, static_cast<std::uint64_t>(options_.lines_per_second));
    open_.set(static_cast<std::int64_t>(open_channels_.size()));
}

void Agent::read_ready() {
    for (auto at = open_channels_.begin(); at != open_channels_.end();) {
        Channel& channel = *at->second;
        std::uint64_t& left = lines_left_[at->first];
        const bool is_open = left == 0 || channel.read([&](std::string_view line) {
            return take(channel.key(), line);
        });
        const std::uint64_t count = channel.take_count();
        if (count > 0 && count >= left) held_back_.add();
        left -= std::min(left, count);
        if (is_open) {
            ++at;
            continue;
        }
        if (!at->first.starts_with(kVsockPath))  // where each word is a connection
            log::write(kClosed, at->first, channel.key());
        at = open_channels_.erase(at);
    }
}

std::string Agent::take(std::string_view key, std::string_view line) {
    const std::string id = id_of(line);
    const auto refuse = [&](const Error& error) {
        refused_.add();
        log::write(kRefused, key, error.text);
        return answer(id, "refused", error.text);
    };
    const auto parsed = parse_line(line);
    if (!parsed.ok()) return refuse(parsed.error());
    auto event = event_of(*parsed, env::posix_env().now_us());
    if (!event.ok()) return refuse(event.error());
    event->host = options_.host;
    event->source_instance = "guest-channel";
    // A guest cannot choose the id, but what it says again has the same one.
    const Status logged = sink_(key, *event, event::event_id_of_source(key, parsed->id));
    if (logged.ok()) {
        logged_.add();
        return answer(id, "ok", {});
    }
    if (!agent::may_help(logged.error().code)) return refuse(logged.error());
    return answer(id, "again", logged.error().text);
}

}  // namespace lb::guest_agent
