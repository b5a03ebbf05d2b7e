#include "logd/libvirt_agent/connection.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <cstdlib>
#include <utility>

#include "common/env/env.h"

namespace lb::libvirt_agent {

namespace {

// libvirtd counts as gone after so many keepalives without an answer.
constexpr int kKeepaliveSeconds = 5;
constexpr unsigned kKeepalivesMissed = 3;

Error last_error(std::string_view doing) {
    const virErrorPtr error = virGetLastError();
    std::string text(doing);
    if (error != nullptr && error->message != nullptr) text += std::string(": ") + error->message;
    return {ErrorCode::kRetry, text};
}

std::string uuid_of(virDomainPtr domain) {
    char text[VIR_UUID_STRING_BUFLEN] = {};
    return virDomainGetUUIDString(domain, text) == 0 ? text : std::string();
}

std::string name_of(virDomainPtr domain) {
    const char* name = virDomainGetName(domain);
    return name == nullptr ? std::string() : name;
}

using SharedQueue = std::shared_ptr<EventQueue>;

// What a callback of events gets is a shared pointer of its own: it may still run while the
// connection ends.
template <typename Shared>
void* hand_over(const Shared& shared) {
    return new Shared(shared);
}
template <typename Shared>
void give_back(void* opaque) {
    delete static_cast<Shared*>(opaque);
}

void push(virDomainPtr domain, const DomainEvent& event, void* opaque) {
    (*static_cast<SharedQueue*>(opaque))
        ->push({env::posix_env().now_us(), uuid_of(domain), name_of(domain), event});
}

void on_lifecycle(virConnectPtr, virDomainPtr domain, int event, int detail, void* opaque) {
    push(domain, {Channel::kLifecycle, event, detail}, opaque);
}

void on_reboot(virConnectPtr, virDomainPtr domain, void* opaque) {
    push(domain, {Channel::kReboot, 0, 0}, opaque);
}

void on_guest_agent(virConnectPtr, virDomainPtr domain, int state, int reason, void* opaque) {
    push(domain, {Channel::kGuestAgent, state, reason}, opaque);
}

void on_job(virConnectPtr, virDomainPtr domain, virTypedParameterPtr parameters, int count,
            void* opaque) {
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
    int success = 1;  // older versions tell of jobs only that ended well
    virTypedParamsGetInt(parameters, count, VIR_DOMAIN_JOB_OPERATION, &operation);
    virTypedParamsGetBoolean(parameters, count, VIR_DOMAIN_JOB_SUCCESS, &success);
    push(domain, {Channel::kJob, operation, success}, opaque);
}

void on_close(virConnectPtr, int, void* opaque) {
    *static_cast<std::atomic<bool>*>(opaque) = true;
}

struct Callback {
    int id;
    virConnectDomainEventGenericCallback function;
    bool is_needed;  // older daemons and other drivers do not know all of them
};

const Callback kCallbacks[] = {
    {VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), true},
    {VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_reboot), false},
    {VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_guest_agent), false},
    {VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, VIR_DOMAIN_EVENT_CALLBACK(on_job), false},
};

}  // namespace

Connection::Connection(virConnectPtr connection, SharedQueue queue)
    : connection_(connection), queue_(std::move(queue)) {}

Connection::~Connection() {
    for (const int callback : callbacks_) virConnectDomainEventDeregisterAny(connection_, callback);
    virConnectUnregisterCloseCallback(connection_, on_close);
    virConnectClose(connection_);
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& uri, SharedQueue queue) {
    virConnectPtr opened = virConnectOpen(uri.c_str());
    if (opened == nullptr) return last_error("connecting to " + uri);
    std::unique_ptr<Connection> connection(new Connection(opened, std::move(queue)));
    LB_TRY(connection->subscribe());
    return connection;
}

Status Connection::subscribe() {
    // A driver inside this process needs neither.
    virConnectSetKeepAlive(connection_, kKeepaliveSeconds, kKeepalivesMissed);
    // libvirt calls it under a lock that unregistering takes too: the flag outlives all calls. A
    // driver without close callbacks would keep, and never give back, what it is handed.
    virConnectRegisterCloseCallback(connection_, on_close, &is_closed_, nullptr);
    for (const Callback& callback : kCallbacks) {
        void* const queue = hand_over(queue_);
        const int number = virConnectDomainEventRegisterAny(
            connection_, nullptr, callback.id, callback.function, queue, give_back<SharedQueue>);
        if (number >= 0) {
            callbacks_.push_back(number);
            continue;
        }
        give_back<SharedQueue>(queue);
        if (callback.is_needed) return last_error("asking for events");
    }
    return {};
}

Result<std::vector<FoundDomain>> Connection::domains() {
    virDomainPtr* list = nullptr;
    const int count = virConnectListAllDomains(connection_, &list, 0);
    if (count < 0) return last_error("listing the domains");
    std::vector<FoundDomain> found;
    for (int i = 0; i < count; ++i) {
        FoundDomain domain;
        domain.time_us = env::posix_env().now_us();
        domain.uuid = uuid_of(list[i]);
        domain.name = name_of(list[i]);
        // One that went away meanwhile told so by an event.
        if (virDomainGetState(list[i], &domain.look.state, &domain.look.reason, 0) == 0)
            found.push_back(std::move(domain));
        virDomainFree(list[i]);
    }
    std::free(list);
    return found;
}

std::optional<bool> Connection::is_persistent(const std::string& uuid) {
    virDomainPtr domain = virDomainLookupByUUIDString(connection_, uuid.c_str());
    int answer = domain == nullptr ? -1 : virDomainIsPersistent(domain);
    if (answer < 0 && virGetLastError() != nullptr && virGetLastError()->code == VIR_ERR_NO_DOMAIN)
        answer = 0;
    if (domain != nullptr) virDomainFree(domain);
    if (answer < 0) return std::nullopt;
    return answer == 1;
}

std::string Connection::xml_of(const std::string& uuid) {
    virDomainPtr domain = virDomainLookupByUUIDString(connection_, uuid.c_str());
    if (domain == nullptr) return {};
    char* xml = virDomainGetXMLDesc(domain, 0);
    std::string text = xml == nullptr ? std::string() : xml;
    std::free(xml);
    virDomainFree(domain);
    return text;
}

}  // namespace lb::libvirt_agent
