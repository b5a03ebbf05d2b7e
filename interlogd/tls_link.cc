#include "interlogd/tls_link.h"

#include <utility>

#include "common/tls/identity.h"

namespace lb::interlogd {

namespace {

// Who listens, as long as somebody does.
struct Ear {
    LinkListener* listener = nullptr;
};

class LinkHandler : public net::Handler {
  public:
    explicit LinkHandler(std::shared_ptr<Ear> ear) : ear_(std::move(ear)) {}

    void on_open(net::Connection&) override {
        if (ear_->listener != nullptr) ear_->listener->on_link_open();
    }
    void on_frame(net::Connection&, std::uint8_t type, std::string_view payload) override {
        if (ear_->listener != nullptr) ear_->listener->on_link_frame(type, payload);
    }
    void on_closed(net::Connection&, const Error& why) override {
        if (LinkListener* const listener = std::exchange(ear_->listener, nullptr))
            listener->on_link_closed(why);
    }

  private:
    std::shared_ptr<Ear> ear_;
};

class TlsLink final : public Link {
  public:
    TlsLink(std::shared_ptr<net::Connection> connection, std::shared_ptr<Ear> ear)
        : connection_(std::move(connection)), ear_(std::move(ear)) {}

    // What was sent is still delivered if the peer takes it.
    ~TlsLink() override {
        ear_->listener = nullptr;
        connection_->close_gracefully();
    }
    TlsLink(const TlsLink&) = delete;
    TlsLink& operator=(const TlsLink&) = delete;

    void send(std::uint8_t type, const std::string& payload) override {
        connection_->send_frame(type, payload);
    }
    void set_idle_timeout_ms(std::int64_t milliseconds) override {
        connection_->set_idle_timeout(net::Milliseconds(milliseconds));
    }
    [[nodiscard]] std::size_t queued_bytes() const override { return connection_->queued_bytes(); }

  private:
    std::shared_ptr<net::Connection> connection_;
    std::shared_ptr<Ear> ear_;
};

}  // namespace

TlsLinkMaker::TlsLinkMaker(net::Loop& loop, std::shared_ptr<tls::Credentials> credentials,
                           std::string host,
                           std::map<spool::Destination, spool::Destination> routes)
    : loop_(loop),
      credentials_(std::move(credentials)),
      host_(std::move(host)),
      routes_(std::move(routes)) {}

std::unique_ptr<Link> TlsLinkMaker::dial(const spool::Destination& destination,
                                         LinkListener& listener) {
    const auto route = routes_.find(destination);
    const spool::Destination& place = route == routes_.end() ? destination : route->second;
    net::DialOptions options;
    options.host = place.host;
    options.port = place.port;
    options.host_names = tls::host_aliases(destination.host, host_);
    options.credentials = credentials_;
    auto ear = std::make_shared<Ear>();
    ear->listener = &listener;
    auto connection = net::dial_tls(loop_, options, std::make_unique<LinkHandler>(ear));
    return std::make_unique<TlsLink>(std::move(connection), std::move(ear));
}

}  // namespace lb::interlogd
