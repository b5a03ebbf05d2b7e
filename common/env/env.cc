#include "common/env/env.h"

#include <unistd.h>

#include <vector>

#include "common/base/encoding.h"
#include "common/base/limits.h"

namespace lb::env {

namespace {

constexpr char kBootIdPath[] = "/proc/sys/kernel/random/boot_id";
constexpr std::size_t kBootIdTextBytesMax = 64;
constexpr std::size_t kBootIdBytes = 16;

}  // namespace

std::uint64_t random_number(Env& env) {
    std::uint64_t number = 0;
    env.fill_random({reinterpret_cast<char*>(&number), sizeof number});
    return number;
}

Result<std::string> read_file(Env& env, const std::string& path, std::size_t bytes_max) {
    LB_TRY_ASSIGN(auto file, env.open_file(path, OpenMode::kRead));
    LB_TRY_ASSIGN(const std::uint64_t size, file->size());
    if (size > bytes_max)
        return Error{ErrorCode::kFull, path + " has " + std::to_string(size) +
                                           " bytes; the limit is " + std::to_string(bytes_max)};
    std::string bytes(size, '\0');
    LB_TRY_ASSIGN(const std::size_t count, file->read_at(0, bytes));
    bytes.resize(count);
    return bytes;
}

Status replace_file(Env& env, const std::string& path, std::string_view bytes) {
    const std::string aside = path + ".new";
    if (const Status removed = env.remove_file(aside);
        !removed.ok() && removed.error().code != ErrorCode::kNotFound)
        return removed;
    {
        LB_TRY_ASSIGN(auto file, env.open_file(aside, OpenMode::kCreateNew));
        LB_TRY(file->write_at(0, bytes));
        LB_TRY(file->sync_data());
    }
    LB_TRY(env.rename_file(aside, path));
    return env.sync_directory(directory_of(path));
}

Status make_directories(Env& env, const std::string& path) {
    std::vector<std::string> missing;
    std::string step = path;
    for (;;) {
        LB_TRY_ASSIGN(const bool is_there, env.has_directory(step));
        if (is_there) break;
        missing.push_back(step);
        const std::string parent = directory_of(step);
        if (parent == step) break;
        step = parent;
    }
    // An earlier life may have died between making `step` and syncing its name. A directory that we
    // may not open is not one in which we made it.
    if (const Status synced = env.sync_directory(directory_of(step));
        !synced.ok() && synced.error().code != ErrorCode::kDenied)
        return synced;
    for (auto name = missing.rbegin(); name != missing.rend(); ++name) {
        LB_TRY(env.make_directory(*name));
        LB_TRY(env.sync_directory(directory_of(*name)));
    }
    return {};
}

std::string boot_id(Env& env) {
    // A file of /proc has no size before it is read.
    const auto file = env.open_file(kBootIdPath, OpenMode::kRead);
    if (!file.ok()) return {};
    std::string text(kBootIdTextBytesMax, '\0');
    const auto count = (*file)->read_at(0, text);
    if (!count.ok()) return {};
    text.resize(*count);
    std::erase_if(text, [](char c) { return c == '-' || c == '\n'; });
    const auto bytes = from_hex(text);
    return bytes && bytes->size() == kBootIdBytes ? *bytes : std::string();
}

std::string system_host() {
    char name[limits::kHostBytesMax + 1] = {};
    if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
    return name;
}

std::string directory_of(const std::string& path) {
    const auto slash = path.find_last_of('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace lb::env
