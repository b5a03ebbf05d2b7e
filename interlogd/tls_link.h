// Links over mutual TLS.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/net/dialer.h"
#include "interlogd/link.h"

namespace lb::interlogd {

class TlsLinkMaker final : public LinkMaker {
  public:
    // `loop` outlives it. `routes`: where a destination is reached when not under its own name; its
    // certificate must still be the destination's.
    TlsLinkMaker(net::Loop& loop, std::shared_ptr<tls::Credentials> credentials, std::string host,
                 std::map<spool::Destination, spool::Destination> routes);

    std::unique_ptr<Link> dial(const spool::Destination& destination,
                               LinkListener& listener) override;

  private:
    net::Loop& loop_;
    const std::shared_ptr<tls::Credentials> credentials_;
    const std::string host_;
    const std::map<spool::Destination, spool::Destination> routes_;
};

}  // namespace lb::interlogd
