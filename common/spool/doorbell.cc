#include "common/spool/doorbell.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "common/base/utf8.h"
#include "lb/v1/spool.pb.h"

namespace lb::spool {

namespace {

constexpr mode_t kSocketMode = 0660;
// Entries of one datagram: far below kDoorbellBytesMax even with long host names and reasons.
constexpr int kEntriesMax = 32;
constexpr std::size_t kReasonBytesMax = 128;
// Datagrams taken in one call, so that a neighbour who rings without end cannot hold the receiver
// up.
constexpr int kTakesMax = 256;

std::optional<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return std::nullopt;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

v1::SpoolLane to_proto(Lane lane) {
    switch (lane) {
        case Lane::kSync:
            return v1::SPOOL_LANE_SYNC;
        case Lane::kBulk:
            return v1::SPOOL_LANE_BULK;
    }
    return v1::SPOOL_LANE_UNSPECIFIED;
}

// Adds what `message` says to `ring`; what is not understood is passed over.
void add_to(Ring& ring, const v1::Ring& message) {
    for (const auto& entry : message.grown()) {
        auto destination = Destination::parse(entry.destination());
        if (!destination.ok()) continue;
        const Lane lane = entry.lane() == v1::SPOOL_LANE_SYNC ? Lane::kSync : Lane::kBulk;
        ring.grown.push_back(
            {std::move(destination).value(), lane, Position{entry.segment(), entry.offset()}});
    }
    for (const auto& entry : message.settled())
        ring.settled.push_back(
            {entry.event_id(), static_cast<std::uint32_t>(entry.verdict()), entry.reason()});
    for (const auto& text : message.retry())
        if (auto destination = Destination::parse(text); destination.ok())
            ring.retry.push_back(std::move(destination).value());
}

// Fills messages of at most kEntriesMax entries and gives each to `send`.
template <typename Send>
bool split(const Ring& ring, Send send) {
    v1::Ring message;
    int entries = 0;
    bool is_sent = true;
    const auto added = [&] {
        if (++entries < kEntriesMax) return;
        is_sent = send(message) && is_sent;
        message.Clear();
        entries = 0;
    };
    for (const GrownLane& grown : ring.grown) {
        v1::RingGrown& entry = *message.add_grown();
        entry.set_destination(grown.destination.to_string());
        entry.set_lane(to_proto(grown.lane));
        entry.set_segment(grown.end.segment);
        entry.set_offset(grown.end.offset);
        added();
    }
    for (const SettledEvent& settled : ring.settled) {
        v1::RingSettled& entry = *message.add_settled();
        entry.set_event_id(settled.event_id);
        entry.set_verdict(static_cast<v1::Verdict>(settled.verdict));
        entry.set_reason(std::string(cut_utf8(settled.reason, kReasonBytesMax)));
        added();
    }
    for (const Destination& destination : ring.retry) {
        message.add_retry(destination.to_string());
        added();
    }
    return entries == 0 ? is_sent : send(message) && is_sent;
}

}  // namespace

Doorbell::Doorbell(int descriptor, std::string own_path, std::string peer_path)
    : descriptor_(descriptor), own_path_(std::move(own_path)), peer_path_(std::move(peer_path)) {}

Result<std::unique_ptr<Doorbell>> Doorbell::open(const std::string& own_path,
                                                 const std::string& peer_path) {
    const auto address = address_of(own_path);
    if (!address || !address_of(peer_path))
        return Error{ErrorCode::kReject, "the path of a doorbell may have 107 bytes at most: " +
                                             own_path + ", " + peer_path};
    const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return system_error("making", "a datagram socket", errno);
    auto doorbell = std::unique_ptr<Doorbell>(new Doorbell(descriptor, own_path, peer_path));
    if (own_path.empty()) return doorbell;
    ::unlink(
        own_path.c_str());  // of an earlier life; who starts twice is stopped by the state lock
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
        return system_error("binding", own_path, errno);
    if (::chmod(own_path.c_str(), kSocketMode) != 0)
        return system_error("changing the mode of", own_path, errno);
    return doorbell;
}

Doorbell::~Doorbell() {
    if (!own_path_.empty()) ::unlink(own_path_.c_str());
    ::close(descriptor_);
}

bool Doorbell::ring(const Ring& ring) {
    const auto address = address_of(peer_path_);
    std::string bytes;
    return split(ring, [&](const v1::Ring& message) {
        if (!message.SerializeToString(&bytes) || bytes.size() > kDoorbellBytesMax) return false;
        return ::sendto(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                        reinterpret_cast<const sockaddr*>(&*address), sizeof *address) >= 0;
    });
}

Ring Doorbell::take() {
    Ring ring;
    v1::Ring message;
    std::string buffer(kDoorbellBytesMax, '\0');
    for (int i = 0; i < kTakesMax; ++i) {
        const auto count = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count < 0) break;
        if (message.ParseFromArray(buffer.data(), static_cast<int>(count))) add_to(ring, message);
    }
    return ring;
}

}  // namespace lb::spool
