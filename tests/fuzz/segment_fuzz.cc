// A segment of the spool as a broken disk leaves it: records are handed out, spans set aside, and
// reading comes to an end.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/env/env.h"
#include "common/spool/segment_reader.h"

namespace {

// A file that is these bytes.
class MemoryFile final : public lb::env::File {
  public:
    explicit MemoryFile(std::string_view bytes) : bytes_(bytes) {}
    lb::Result<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) override {
        if (offset >= bytes_.size()) return std::size_t{0};
        return bytes_.copy(buffer.data(), buffer.size(), offset);
    }
    lb::Status write_at(std::uint64_t, std::string_view) override { return {}; }
    lb::Status sync_data() override { return {}; }
    lb::Status truncate(std::uint64_t) override { return {}; }
    lb::Result<std::uint64_t> size() override { return std::uint64_t{bytes_.size()}; }

  private:
    std::string_view bytes_;
};

// An Env with one file.
class MemoryEnv final : public lb::env::Env {
  public:
    explicit MemoryEnv(std::string_view bytes) : bytes_(bytes) {}
    lb::Result<std::unique_ptr<lb::env::File>> open_file(const std::string&,
                                                         lb::env::OpenMode) override {
        return std::unique_ptr<lb::env::File>(std::make_unique<MemoryFile>(bytes_));
    }
    lb::Status make_directory(const std::string&) override { return {}; }
    lb::Result<bool> has_directory(const std::string&) override { return true; }
    lb::Status sync_directory(const std::string&) override { return {}; }
    lb::Result<std::vector<std::string>> list_directory(const std::string&) override {
        return std::vector<std::string>();
    }
    lb::Status rename_file(const std::string&, const std::string&) override { return {}; }
    lb::Status remove_file(const std::string&) override { return {}; }
    lb::Result<std::uint64_t> free_bytes(const std::string&) override { return std::uint64_t{0}; }
    std::int64_t now_us() override { return 0; }
    std::uint64_t monotonic_us() override { return 0; }
    void fill_random(std::span<char>) override {}

  private:
    std::string_view bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    MemoryEnv env(bytes);
    const auto life =
        size % 2 == 0 ? lb::spool::SegmentLife::kFinal : lb::spool::SegmentLife::kLive;
    auto reader = lb::spool::SegmentReader::open(env, "/fuzz", {1, 0x01020304});
    if (!reader.ok()) return 0;
    for (std::uint64_t last = 0;;) {
        lb::spool::Record record;
        lb::spool::Damage damage;
        const auto stop = (*reader)->next(life, record, damage);
        if (!stop.ok()) return 0;
        if (*stop == lb::spool::ReadStop::kEnd || *stop == lb::spool::ReadStop::kSealed) return 0;
        if (*stop == lb::spool::ReadStop::kDamage) (*reader)->skip(damage);
        const std::uint64_t now = (*reader)->cursor().offset;
        LB_ASSERT(now > last);
        last = now;
    }
}
