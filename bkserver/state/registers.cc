#include "bkserver/state/registers.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <climits>

#include "bkserver/state/attributes.h"
#include "lb/v1/registers.pb.h"

namespace lb::state {
namespace {

bool is_source(std::uint32_t number) {
    return number < event::source_names().size();
}

void put_claim(const Slot& slot, const Claim& claim, v1::RegisterClaim& out) {
    out.set_register_(slot.register_number);
    out.set_name(slot.name);
    out.set_key(claim.key);
    out.set_value(claim.value);
    out.set_event_id(claim.event_id);
    if (claim.label != slot.name) out.set_label(claim.label);
    out.set_time_us(claim.time_us);
    out.set_source(static_cast<std::uint32_t>(claim.source));
}

void put_track(const TrackClaim& claim, v1::TrackClaim& out) {
    out.set_key(claim.key);
    out.set_row(claim.row);
    out.set_source(static_cast<std::uint32_t>(claim.source));
    out.set_time_us(claim.time_us);
    out.set_event_id(claim.event_id);
    out.set_resync(claim.is_resync);
    for (const std::string& text : claim.texts) out.add_texts(text);
}

Error corrupt(std::string what) {
    return {ErrorCode::kCorrupt, "registers: " + std::move(what)};
}

Status read_claim(const v1::RegisterClaim& in, Registers& registers) {
    if (in.register_() > UINT16_MAX || !is_source(in.source())) return corrupt("number too great");
    Slot slot{static_cast<std::uint16_t>(in.register_()), in.name()};
    if (!registers.claims.empty() && !(registers.claims.rbegin()->first < slot))
        return corrupt("claims are not sorted");
    Claim claim{in.key(),      in.value(),
                in.event_id(), in.label().empty() ? in.name() : in.label(),
                in.time_us(),  static_cast<event::Source>(in.source())};
    registers.claims.emplace_hint(registers.claims.end(), std::move(slot), std::move(claim));
    return {};
}

Status read_track(const v1::TrackClaim& in, Registers& registers) {
    if (in.row() > UINT16_MAX || !is_source(in.source())) return corrupt("number too great");
    if (!registers.track.empty() && registers.track.back().key >= in.key())
        return corrupt("the track is not sorted");
    TrackClaim claim;
    claim.key = in.key();
    claim.row = static_cast<std::uint16_t>(in.row());
    claim.source = static_cast<event::Source>(in.source());
    claim.time_us = in.time_us();
    claim.event_id = in.event_id();
    claim.is_resync = in.resync();
    claim.texts.assign(in.texts().begin(), in.texts().end());
    registers.track.push_back(std::move(claim));
    return {};
}

constexpr std::size_t kOfAllocation = 16;  // its header, and rounding
constexpr std::size_t kOfMapNode = 32 + kOfAllocation;

std::size_t allocated(const std::string& text) {
    static const std::size_t inside = std::string().capacity();
    return text.capacity() <= inside ? 0 : text.capacity() + kOfAllocation;
}

template <typename Value>
std::size_t allocated(const std::vector<Value>& values) {
    return values.capacity() == 0 ? 0 : values.capacity() * sizeof(Value) + kOfAllocation;
}

}  // namespace

std::size_t memory_of(const Registers& registers) {
    std::size_t bytes = allocated(registers.track) + allocated(registers.truncated);
    for (const auto& [slot, claim] : registers.claims)
        bytes += kOfMapNode + sizeof(slot) + sizeof(claim) + allocated(slot.name) +
                 allocated(claim.key) + allocated(claim.value) + allocated(claim.event_id) +
                 allocated(claim.label);
    for (const TrackClaim& claim : registers.track) {
        bytes += allocated(claim.key) + allocated(claim.event_id) + allocated(claim.texts);
        for (const std::string& text : claim.texts) bytes += allocated(text);
    }
    return bytes;
}

std::string Registers::encode() const {
    v1::Registers out;
    out.set_rules_version(rules_version);
    out.set_type(type);
    for (const auto& [slot, claim] : claims) put_claim(slot, claim, *out.add_claims());
    for (const TrackClaim& claim : track) put_track(claim, *out.add_track());
    out.set_not_understood(not_understood);
    for (const std::uint16_t number : truncated) out.add_truncated(number);
    out.set_track_truncated(track_truncated);
    std::string bytes;
    {
        google::protobuf::io::StringOutputStream sink(&bytes);
        google::protobuf::io::CodedOutputStream coded(&sink);
        coded.SetSerializationDeterministic(true);
        out.SerializeToCodedStream(&coded);
    }
    return bytes;
}

Result<Registers> Registers::decode(std::string_view bytes) {
    v1::Registers in;
    if (bytes.size() > INT_MAX || !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return corrupt("the bytes are no lb.v1.Registers");
    // What was encoded names its rules: bytes that are gone, or another message's, do not.
    if (in.rules_version() == 0) return corrupt("they are damaged; lbctl rebuild folds them anew");
    if (in.rules_version() > kRulesVersion)
        return Error{ErrorCode::kUnsupported,
                     "registers: written by rules version " + std::to_string(in.rules_version()) +
                         ", this server knows " + std::to_string(kRulesVersion) +
                         ": upgrade it, do not overwrite them"};
    Registers registers;
    registers.rules_version = in.rules_version();
    registers.type = in.type();
    for (const v1::RegisterClaim& claim : in.claims()) LB_TRY(read_claim(claim, registers));
    registers.track.reserve(static_cast<std::size_t>(in.track_size()));
    for (const v1::TrackClaim& claim : in.track()) LB_TRY(read_track(claim, registers));
    for (const std::uint32_t number : in.truncated()) {
        if (number > UINT16_MAX) return corrupt("number too great");
        if (!registers.truncated.empty() && registers.truncated.back() >= number)
            return corrupt("the truncated registers are not sorted");
        registers.truncated.push_back(static_cast<std::uint16_t>(number));
    }
    registers.not_understood = in.not_understood();
    registers.track_truncated = in.track_truncated();
    return registers;
}

}  // namespace lb::state
