#include "logd/daemon/origin.h"

#include "common/base/little_endian.h"
#include "common/frame/crc32c.h"

namespace lb::logd {

namespace {

// The file: magic, id, first counter value that is not reserved u64, CRC32C of all before it u32.
constexpr std::string_view kMagic = "LBORIG01";
constexpr std::size_t kIdOffset = 8;
constexpr std::size_t kReservedOffset = kIdOffset + kOriginIdBytes;
constexpr std::size_t kChecksumOffset = kReservedOffset + sizeof(std::uint64_t);
constexpr std::size_t kFileBytes = kChecksumOffset + sizeof(std::uint32_t);

bool is_sound(std::string_view bytes) {
    return bytes.size() == kFileBytes && bytes.starts_with(kMagic) &&
           load_little_endian<std::uint32_t>(bytes.data() + kChecksumOffset) ==
               frame::crc32c(bytes.substr(0, kChecksumOffset));
}

}  // namespace

Result<Origin> Origin::open(env::Env& env, const std::string& state_directory) {
    Origin origin(env, state_directory + "/origin");
    auto bytes = env::read_file(env, origin.path_, 4096);
    if (!bytes.ok() && bytes.error().code != ErrorCode::kNotFound &&
        bytes.error().code != ErrorCode::kFull)
        return bytes.error();
    if (bytes.ok() && is_sound(*bytes)) {
        origin.id_ = bytes->substr(kIdOffset, kOriginIdBytes);
        origin.next_ = load_little_endian<std::uint64_t>(bytes->data() + kReservedOffset);
    } else {
        origin.id_.resize(kOriginIdBytes);
        env.fill_random(origin.id_);
    }
    origin.reserved_end_ = origin.next_;
    LB_TRY(origin.reserve());
    return origin;
}

Status Origin::reserve() {
    const std::uint64_t end = next_ + kCounterBlock;
    std::string bytes(kFileBytes, '\0');
    bytes.replace(0, kMagic.size(), kMagic);
    bytes.replace(kIdOffset, kOriginIdBytes, id_);
    store_little_endian(bytes.data() + kReservedOffset, end);
    store_little_endian(bytes.data() + kChecksumOffset,
                        frame::crc32c(std::string_view(bytes).substr(0, kChecksumOffset)));
    LB_TRY(env::replace_file(*env_, path_, bytes));
    reserved_end_ = end;
    return {};
}

Result<std::uint64_t> Origin::next_counter() {
    if (next_ == reserved_end_) LB_TRY(reserve());
    return next_++;
}

}  // namespace lb::logd
