// One guest's channel: a connection to the hypervisor's end of its serial port. It cuts lines out
// of what comes, so many a second and no more; what is too long or too much waits or is refused.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "logd/guest_agent/channel_places.h"

namespace lb::guest_agent {

class Channel {
  public:
    // kRetry: nobody listens there (any more), or somebody else is connected.
    static Result<std::unique_ptr<Channel>> open(const ChannelPlace& place);
    // Of a connection that is there already; it closes `descriptor`.
    static std::unique_ptr<Channel> adopt(int descriptor, std::string key);
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    [[nodiscard]] const std::string& key() const { return key_; }
    [[nodiscard]] int descriptor() const { return descriptor_; }

    // Reads what is there and hands each whole line, without its end, to `take`, whose answer goes
    // back. False when the channel has ended.
    bool read(const std::function<std::string(std::string_view line)>& take);
    // How many lines it took since the last call.
    std::uint64_t take_count();

  private:
    Channel(int descriptor, std::string key) : descriptor_(descriptor), key_(std::move(key)) {}
    void cut(const std::function<std::string(std::string_view line)>& take);
    void send(std::string_view answer) const;

    int descriptor_;
    std::string key_;
    std::string buffer_;
    bool is_skipping_ = false;  // the rest of a line that was too long
    std::uint64_t lines_ = 0;
};

}  // namespace lb::guest_agent
