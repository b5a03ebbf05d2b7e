// What is inside a Loop, for the files of this folder: Asio stays behind this door.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "common/net/loop.h"

namespace lb::net {

struct Loop::Implementation {
    std::size_t lingering = 0;  // refused sockets (stream.cc); tasks of the context count it down
    boost::asio::io_context context{1};  // one thread runs it
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
        context.get_executor()};
    std::atomic<std::thread::id> thread;
    std::atomic<TimerId> last_timer{0};
    std::map<TimerId, boost::asio::steady_timer> timers;                          // loop's thread
    std::vector<std::unique_ptr<boost::asio::posix::stream_descriptor>> watched;  // loop's thread
};

}  // namespace lb::net
