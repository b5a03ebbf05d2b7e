// What a producer sends to the logger, from this host or over TLS: refused with a reason, or
// stamped. An accepted event carries the identity that the kernel or the certificate proved, and
// every reader further on can open it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/assert.h"
#include "common/event/accepted_event.h"
#include "logd/daemon/intake.h"

namespace {

constexpr char kHost[] = "host.example.org";
constexpr uid_t kUid = 1000;

lb::logd::Intake make_intake() {
    lb::logd::LogdOptions options;
    options.host = kHost;
    options.default_destination = "lb.example.org:9000";
    options.destinations = {"*"};
    auto intake = lb::logd::Intake::create(lb::env::posix_env(), options);
    LB_ASSERT(intake.ok());
    return std::move(*intake);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static lb::logd::Intake intake = make_intake();
    lb::logd::Producer producer;
    producer.user.uid = kUid;
    producer.sources.add_all();
    const std::string_view payload(reinterpret_cast<const char*>(data), size);
    const auto outcome = intake.accept(payload, producer, {});
    if (const auto* refused = std::get_if<lb::logd::Refused>(&outcome)) {
        LB_ASSERT(!refused->error.text.empty());
        return 0;
    }
    const auto& accepted = std::get<lb::logd::Accepted>(outcome);
    lb::v1::Identity forwarder;
    forwarder.set_kind(lb::v1::IDENTITY_KIND_CERTIFICATE);
    forwarder.set_name(std::string("/O=lb/CN=host/") + kHost);
    const auto opened = lb::event::open_accepted(accepted.envelope, forwarder, 0);
    LB_ASSERT(opened.ok());
    LB_ASSERT(opened->proven_name == std::string("uid:1000@") + kHost);
    LB_ASSERT(opened->envelope.event_id() == accepted.event_id);
    return 0;
}
