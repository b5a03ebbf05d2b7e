#include "logd/libvirt_agent/event_loop.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <chrono>
#include <string>

namespace lb::libvirt_agent {

namespace {

constexpr int kTickMs = 200;

std::int64_t steady_seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// Errors are returned; libvirt would print each one as well.
void say_nothing(void*, virErrorPtr) {}

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::start() {
    static const bool is_registered = [] {
        virSetErrorFunc(nullptr, say_nothing);
        return virInitialize() == 0 && virEventRegisterDefaultImpl() == 0;
    }();
    std::unique_ptr<EventLoop> loop(new EventLoop());
    if (is_registered)
        loop->timer_ = virEventAddTimeout(
            kTickMs, [](int, void*) {}, nullptr, nullptr);
    if (loop->timer_ < 0)
        return Error{ErrorCode::kBug, "libvirt's library cannot make its event loop"};
    loop->turned_at_s_ = steady_seconds();
    loop->thread_ = std::thread([raw = loop.get()] {
        while (!raw->is_stopping_) {
            virEventRunDefaultImpl();
            raw->turned_at_s_ = steady_seconds();
        }
    });
    return loop;
}

EventLoop::~EventLoop() {
    is_stopping_ = true;
    if (thread_.joinable()) thread_.join();
    if (timer_ >= 0) virEventRemoveTimeout(timer_);
}

bool EventLoop::is_turning() const {
    return steady_seconds() - turned_at_s_ < kStuckSeconds;
}

}  // namespace lb::libvirt_agent
