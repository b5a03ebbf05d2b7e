// The control socket of a daemon: one line in ("status", "retry lb.example.org:9000"), one JSON
// line out. Its directory decides who may speak to it; requests come one at a time.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "common/base/result.h"

namespace lb::app {

class ControlSocket {
  public:
    using Answer = std::function<std::string(std::string_view verb, std::string_view argument)>;

    // Listens at `path` (mode 0600; a stale socket is replaced) on a thread of its own.
    static Result<std::unique_ptr<ControlSocket>> open(const std::string& path, Answer answer);
    ~ControlSocket();
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

  private:
    ControlSocket(int listener, std::string path, Answer answer);
    void serve();
    void serve_one(int connection);

    int listener_;
    int wake_;  // eventfd: stop
    std::string path_;
    Answer answer_;
    std::thread thread_;
};

// Asks the control socket at `path`: the other side, for lbctl and tests.
Result<std::string> ask_control(const std::string& path, std::string_view line, int timeout_ms);

}  // namespace lb::app
