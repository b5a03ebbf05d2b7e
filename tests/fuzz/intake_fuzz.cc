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
constexpr char kDn[] = "/O=lb/CN=host/worker1";

lb::logd::Intake make_intake() {
    lb::logd::LogdOptions options;
    options.host = kHost;
    options.default_destination = "lb.example.org:9000";
    options.destinations = {"*"};
    auto intake = lb::logd::Intake::create(lb::env::posix_env(), options);
    LB_ASSERT(intake.ok());
    return std::move(*intake);
}

lb::v1::Identity forwarder() {
    lb::v1::Identity identity;
    identity.set_kind(lb::v1::IDENTITY_KIND_CERTIFICATE);
    identity.set_name(std::string("/O=lb/CN=host/") + kHost);
    return identity;
}

// `proven`: what the accepted event must carry of its producer.
void try_as(lb::logd::Intake& intake, std::string_view payload, lb::logd::Producer producer,
            std::string_view proven) {
    producer.sources.add_all();
    const auto outcome = intake.accept(payload, producer, {});
    if (const auto* refused = std::get_if<lb::logd::Refused>(&outcome)) {
        LB_ASSERT(!refused->error.text.empty());
        return;
    }
    const auto& accepted = std::get<lb::logd::Accepted>(outcome);
    const auto opened = lb::event::open_accepted(accepted.envelope, forwarder(), 0);
    LB_ASSERT(opened.ok());
    LB_ASSERT(opened->proven_name == proven);
    LB_ASSERT(opened->envelope.event_id() == accepted.event_id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static lb::logd::Intake intake = make_intake();
    const std::string_view payload(reinterpret_cast<const char*>(data), size);
    lb::logd::Producer local;
    local.user.uid = kUid;
    try_as(intake, payload, local, std::string("uid:1000@") + kHost);
    lb::logd::Producer remote;
    remote.dn = kDn;
    try_as(intake, payload, remote, std::string("certificate:") + kDn);
    return 0;
}
