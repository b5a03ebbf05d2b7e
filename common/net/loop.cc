#include "common/net/loop.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "common/net/loop_implementation.h"

namespace lb::net {
namespace {

using boost::asio::posix::stream_descriptor;

void wait_readable(stream_descriptor& descriptor, std::function<void()> is_readable) {
    descriptor.async_wait(
        stream_descriptor::wait_read,
        [&descriptor, is_readable = std::move(is_readable)](const auto& failure) mutable {
            if (failure) return;
            is_readable();
            wait_readable(descriptor, std::move(is_readable));
        });
}

}  // namespace

Loop::Loop() : implementation_(std::make_unique<Implementation>()) {}

Loop::~Loop() {
    for (auto& descriptor : implementation_->watched) descriptor->release();
}

void Loop::run() {
    implementation_->thread = std::this_thread::get_id();
    implementation_->context.run();
    implementation_->thread = std::thread::id();
}

void Loop::stop() {
    post([this] { implementation_->context.stop(); });
}

void Loop::post(std::function<void()> task) {
    boost::asio::post(implementation_->context, std::move(task));
}

bool Loop::is_loop_thread() const {
    return implementation_->thread.load() == std::this_thread::get_id();
}

Loop::TimerId Loop::call_after(Milliseconds delay, std::function<void()> task) {
    const TimerId id = ++implementation_->last_timer;
    const auto due = std::chrono::steady_clock::now() + delay;
    auto start = [this, id, due, task = std::move(task)] {
        auto& timers = implementation_->timers;
        auto& timer = timers.try_emplace(id, implementation_->context).first->second;
        timer.expires_at(due);
        timer.async_wait([this, id, task](const auto& failure) {
            if (failure || implementation_->timers.erase(id) == 0) return;
            task();
        });
    };
    if (is_loop_thread()) {
        start();
    } else {
        post(std::move(start));
    }
    return id;
}

void Loop::cancel(TimerId timer) {
    implementation_->timers.erase(timer);
}

void Loop::watch(int descriptor, std::function<void()> is_readable) {
    post([this, descriptor, is_readable = std::move(is_readable)] {
        auto& watched = implementation_->watched;
        watched.push_back(
            std::make_unique<stream_descriptor>(implementation_->context, descriptor));
        wait_readable(*watched.back(), is_readable);
    });
}

}  // namespace lb::net
