// A server in the test's hands, at a Unix socket: it answers each request only when it has heard
// keepalives after it, as if it had work for as long.
#pragma once

#include <string>
#include <thread>
#include <vector>

#include "lb/v1/wire.pb.h"

namespace lb::frame {
struct Frame;
}

namespace lb::test {

class SlowServer {
  public:
    // One connection; its requests get these replies, one after the other, each behind so many
    // keepalives.
    explicit SlowServer(std::vector<v1::Reply> replies, int keepalives = 1);
    ~SlowServer();
    SlowServer(const SlowServer&) = delete;
    [[nodiscard]] std::string path() const { return directory_ + "/socket"; }

  private:
    void serve();
    void answer(int line, const frame::Frame& frame);

    std::vector<v1::Reply> replies_;
    int keepalives_;
    int heard_ = 0;  // of them, behind the request that waits
    std::size_t answered_ = 0;
    std::uint64_t asked_ = 0;  // id of the request that waits
    std::string directory_;
    int listening_ = -1;
    std::thread thread_;
};

}  // namespace lb::test
