// What all sessions of one server share: texts that stand in rows as numbers, and blocks of fresh
// numbers. Has a connection of its own, so that a number given out never depends on the fate of the
// transaction that asked for it. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bkserver/store/mariadb/connection.h"
#include "common/base/identity_limits.h"
#include "common/base/limits.h"
#include "common/base/result.h"

namespace lb::store::mariadb {

// Stored numbers: never reused.
enum class TextKind : std::uint8_t {
    kScope = 1,     // of a subject: "https://host:port/", "libvirt-uuid:/"
    kWord = 2,      // state, vm_state
    kIdentity = 3,  // serialized lb.v1.Identity
    kOwner = 4,     // owner or registrant of a process
    kHost = 5,
    kStamp = 6,  // body_codec.h
    kReporter = 7,
};

// Whoever has longer texts refuses or shortens them before they come here.
inline constexpr std::size_t kTextBytesMax = 1024;
static_assert(kTextBytesMax >= limits::kIdentityBytesMax);
static_assert(kTextBytesMax >= limits::kTrackTextBytesMax, "hosts are such texts");

class Dictionary {
  public:
    explicit Dictionary(Dsn dsn);

    // 0 for the empty text. A new text gets a number at once. kReject: it is too long.
    Result<std::uint32_t> number_of(TextKind kind, std::string_view text);
    // 0 also when the text has no number: for filters.
    Result<std::uint32_t> find(TextKind kind, std::string_view text);
    Result<std::string> text_of(std::uint32_t number);

    // The first of `count` numbers of `sequence` that nobody else has or gets.
    Result<std::uint64_t> take(std::string_view sequence, std::uint32_t count);

  private:
    struct Block {
        std::uint64_t next = 0;
        std::uint64_t end = 0;
    };

    // What is in memory; 0 or nothing: it is not.
    std::uint32_t known_number(const std::string& key);
    std::optional<std::string> known_text(std::uint32_t number);
    std::optional<std::uint64_t> take_known(std::string_view sequence, std::uint32_t count);

    // With connection_mutex_ held.
    Result<std::uint32_t> look_up(const std::string& key);
    Result<std::uint32_t> look_up_or_insert(const std::string& key);
    Result<std::uint64_t> advance(std::string_view sequence, std::uint64_t count);
    void remember(const std::string& key, std::uint32_t number);

    // What is known is given out while somebody else waits for the database. Held for long, taken
    // first: connection_mutex_.
    std::mutex connection_mutex_;
    Connection connection_;

    std::mutex mutex_;                                        // of all that follows
    std::unordered_map<std::string, std::uint32_t> numbers_;  // by kind byte + text
    std::unordered_map<std::uint32_t, std::string> texts_;
    std::map<std::string, Block, std::less<>> blocks_;
};

}  // namespace lb::store::mariadb
