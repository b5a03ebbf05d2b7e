// Env: the only door to the operating system for code that promises durability: files, directories,
// clocks, random bytes. posix_env() is the real one; tests/support has twins that crash, lose what
// was not synced, fill up and fail at a chosen call. What is durable: a file's bytes after
// sync_data(); a name (made, renamed, removed) after sync_directory() of its directory. Nothing
// else is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace lb::env {

enum class OpenMode : std::uint8_t {
    kRead,       // must exist
    kReadWrite,  // must exist
    kCreateNew,  // must not exist: kConflict if it does. Mode 0640.
};

// An open file. Closed by its destructor. One thread at a time.
class File {
  public:
    File() = default;
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    virtual ~File() = default;

    // Fills `buffer` from `offset`; the count is smaller only at the end of the file.
    virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) = 0;
    // Writes all of `bytes`. After an error any part of them may have been written.
    virtual Status write_at(std::uint64_t offset, std::string_view bytes) = 0;
    // Everything written so far is durable. After an error nothing is known about unsynced bytes:
    // the caller abandons the file and never trusts a later success on it.
    virtual Status sync_data() = 0;
    virtual Status truncate(std::uint64_t size) = 0;
    virtual Result<std::uint64_t> size() = 0;
};

// Any thread at any time.
class Env {
  public:
    Env() = default;
    Env(const Env&) = delete;
    Env& operator=(const Env&) = delete;
    virtual ~Env() = default;

    virtual Result<std::unique_ptr<File>> open_file(const std::string& path, OpenMode mode) = 0;
    // Ok also when it exists. The parent must exist. Mode 0750.
    virtual Status make_directory(const std::string& path) = 0;
    // Quick, however much is in it.
    virtual Result<bool> has_directory(const std::string& path) = 0;
    virtual Status sync_directory(const std::string& path) = 0;
    // Names without "." and "..", sorted.
    virtual Result<std::vector<std::string>> list_directory(const std::string& path) = 0;
    // Replaces `target` if it exists.
    virtual Status rename_file(const std::string& source, const std::string& target) = 0;
    virtual Status remove_file(const std::string& path) = 0;
    // Bytes that may still be written to the file system of `path` by this user.
    virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;

    // Microseconds since 1970-01-01 UTC; may jump.
    virtual std::int64_t now_us() = 0;
    // Microseconds since the host's boot, sleep included; never goes back.
    virtual std::uint64_t monotonic_us() = 0;
    virtual void fill_random(std::span<char> buffer) = 0;
};

// The real one. It lives as long as the program.
Env& posix_env();

// 64 evenly distributed bits.
std::uint64_t random_number(Env& env);
// The whole file; kFull when it is longer than `bytes_max`.
Result<std::string> read_file(Env& env, const std::string& path, std::size_t bytes_max);
// Durable when it returns: written aside ("<path>.new"), synced, renamed, directory synced.
Status replace_file(Env& env, const std::string& path, std::string_view bytes);
// Makes `path` and what is missing above it; all names are durable when it returns, also those that
// an earlier call made and died over.
Status make_directories(Env& env, const std::string& path);
// 16 bytes: which boot of this host it is; empty where the kernel does not tell.
std::string boot_id(Env& env);
// Name of this host as the system has it; "localhost" where it has none.
std::string system_host();
// "/a/b/c" -> "/a/b"; "c" -> ".".
std::string directory_of(const std::string& path);

}  // namespace lb::env
