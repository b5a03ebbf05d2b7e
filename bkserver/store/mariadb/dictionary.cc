#include "bkserver/store/mariadb/dictionary.h"

#include <algorithm>

namespace lb::store::mariadb {

namespace {

// Texts kept in memory; when there are more, all are forgotten and read again as they are asked
// for.
constexpr std::size_t kCachedTextsMax = 200'000;
// Numbers fetched at once: a stop of the server loses what is left of a block.
constexpr std::uint64_t kBlockSize = 4096;
constexpr int kAttemptsMax = 5;

std::string key_of(TextKind kind, std::string_view text) {
    std::string key(1, static_cast<char>(kind));
    key += text;
    return key;
}

bool is_worth_repeating(const Error& error) {
    return error.code == ErrorCode::kRetry || error.code == ErrorCode::kConflict;
}

}  // namespace

Dictionary::Dictionary(Dsn dsn) : connection_(std::move(dsn)) {}

Result<std::uint32_t> Dictionary::number_of(TextKind kind, std::string_view text) {
    if (text.empty()) return 0U;
    if (text.size() > kTextBytesMax)
        return Error{ErrorCode::kReject, "a text of " + std::to_string(text.size()) +
                                             " bytes is too long for the dictionary"};
    const std::string key = key_of(kind, text);
    if (const std::uint32_t known = known_number(key); known != 0) return known;
    const std::lock_guard lock(connection_mutex_);
    if (const std::uint32_t known = known_number(key); known != 0) return known;
    Result<std::uint32_t> number = look_up_or_insert(key);
    for (int attempt = 1; attempt < kAttemptsMax && !number.ok(); ++attempt) {
        if (!is_worth_repeating(number.error())) break;
        number = look_up_or_insert(key);
    }
    if (number.ok()) remember(key, *number);
    return number;
}

Result<std::uint32_t> Dictionary::find(TextKind kind, std::string_view text) {
    if (text.empty() || text.size() > kTextBytesMax) return 0U;
    const std::string key = key_of(kind, text);
    if (const std::uint32_t known = known_number(key); known != 0) return known;
    const std::lock_guard lock(connection_mutex_);
    if (const std::uint32_t known = known_number(key); known != 0) return known;
    LB_TRY_ASSIGN(const std::uint32_t number, look_up(key));
    if (number != 0) remember(key, number);
    return number;
}

Result<std::string> Dictionary::text_of(std::uint32_t number) {
    if (number == 0) return std::string();
    if (auto known = known_text(number)) return *std::move(known);
    const std::lock_guard lock(connection_mutex_);
    if (auto known = known_text(number)) return *std::move(known);
    const Value value = std::uint64_t{number};
    LB_TRY_ASSIGN(const Found found, read_over(connection_, [&] {
                      return connection_.query(
                          "SELECT kind, content FROM dictionary WHERE number = ?",
                          std::span(&value, 1));
                  }));
    if (found.count() == 0)
        return Error{ErrorCode::kCorrupt, "dictionary has no number " + std::to_string(number)};
    const auto kind = static_cast<TextKind>(found.number(0, 0));
    remember(key_of(kind, found.bytes(0, 1)), number);
    return std::string(found.bytes(0, 1));
}

std::uint32_t Dictionary::known_number(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto known = numbers_.find(key);
    return known == numbers_.end() ? 0 : known->second;
}

std::optional<std::string> Dictionary::known_text(std::uint32_t number) {
    const std::lock_guard lock(mutex_);
    const auto known = texts_.find(number);
    if (known == texts_.end()) return std::nullopt;
    return known->second.substr(1);
}

Result<std::uint32_t> Dictionary::look_up(const std::string& key) {
    const Value values[] = {std::uint64_t{static_cast<unsigned char>(key[0])},
                            std::string_view(key).substr(1)};
    LB_TRY_ASSIGN(const Found found, read_over(connection_, [&] {
                      return connection_.query(
                          "SELECT number FROM dictionary WHERE kind = ? AND content = ?", values);
                  }));
    return found.count() == 0 ? 0U : static_cast<std::uint32_t>(found.number(0, 0));
}

Result<std::uint32_t> Dictionary::look_up_or_insert(const std::string& key) {
    LB_TRY_ASSIGN(const std::uint32_t number, look_up(key));
    if (number != 0) return number;
    const Value values[] = {std::uint64_t{static_cast<unsigned char>(key[0])},
                            std::string_view(key).substr(1)};
    LB_TRY(connection_.execute("INSERT INTO dictionary (kind, content) VALUES (?, ?)", values));
    return look_up(key);
}

void Dictionary::remember(const std::string& key, std::uint32_t number) {
    const std::lock_guard lock(mutex_);
    if (texts_.size() >= kCachedTextsMax) {
        texts_.clear();
        numbers_.clear();
    }
    numbers_[key] = number;
    texts_[number] = key;
}

Result<std::uint64_t> Dictionary::take(std::string_view sequence, std::uint32_t count) {
    if (const auto known = take_known(sequence, count)) return *known;
    const std::lock_guard connection_lock(connection_mutex_);
    if (const auto known = take_known(sequence, count)) return *known;
    const std::uint64_t size = std::max<std::uint64_t>(kBlockSize, count);
    Result<std::uint64_t> first = advance(sequence, size);
    for (int attempt = 1; attempt < kAttemptsMax && !first.ok(); ++attempt) {
        if (!is_worth_repeating(first.error())) break;
        first = advance(sequence, size);
    }
    LB_TRY(first);
    const std::lock_guard lock(mutex_);
    blocks_[std::string(sequence)] = {*first + count, *first + size};
    return *first;
}

std::optional<std::uint64_t> Dictionary::take_known(std::string_view sequence,
                                                    std::uint32_t count) {
    const std::lock_guard lock(mutex_);
    const auto block = blocks_.find(sequence);
    if (block == blocks_.end() || block->second.end - block->second.next < count)
        return std::nullopt;
    const std::uint64_t first = block->second.next;
    block->second.next += count;
    return first;
}

Result<std::uint64_t> Dictionary::advance(std::string_view sequence, std::uint64_t count) {
    LB_TRY(connection_.use());
    const Value name = sequence;
    LB_TRY(connection_.run("START TRANSACTION"));
    auto found = connection_.query("SELECT next FROM sequence WHERE name = ? FOR UPDATE",
                                   std::span(&name, 1));
    if (!found.ok() || found->count() != 1) {
        connection_.drop();
        if (!found.ok()) return found.error();
        return Error{ErrorCode::kCorrupt, "no sequence " + std::string(sequence)};
    }
    const std::uint64_t next = found->number(0, 0);
    const Value values[] = {next + count, sequence, next};
    const auto updated =
        connection_.execute("UPDATE sequence SET next = ? WHERE name = ? AND next = ?", values);
    if (!updated.ok() || *updated != 1) {
        connection_.drop();
        if (!updated.ok()) return updated.error();
        return Error{ErrorCode::kConflict, "another server took numbers first"};
    }
    if (Status committed = connection_.run("COMMIT"); !committed.ok()) {
        connection_.drop();
        return committed.error();
    }
    return next;
}

}  // namespace lb::store::mariadb
