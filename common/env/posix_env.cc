// The real Env: system calls, each retried when a signal interrupts it.
#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "common/env/env.h"

namespace lb::env {

namespace {

constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirectoryMode = 0750;

// Calls until the answer is not "interrupted".
template <typename Call>
auto uninterrupted(Call call) {
    auto answer = call();
    while (answer < 0 && errno == EINTR) answer = call();
    return answer;
}

class PosixFile final : public File {
  public:
    PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
    ~PosixFile() override { ::close(descriptor_); }

    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) override {
        std::size_t done = 0;
        while (done < buffer.size()) {
            const auto count = uninterrupted([&] {
                return ::pread(descriptor_, buffer.data() + done, buffer.size() - done,
                               static_cast<off_t>(offset + done));
            });
            if (count < 0) return system_error("reading", path_, errno);
            if (count == 0) break;
            done += static_cast<std::size_t>(count);
        }
        return done;
    }

    Status write_at(std::uint64_t offset, std::string_view bytes) override {
        std::size_t done = 0;
        while (done < bytes.size()) {
            const auto count = uninterrupted([&] {
                return ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done,
                                static_cast<off_t>(offset + done));
            });
            if (count < 0) return system_error("writing", path_, errno);
            done += static_cast<std::size_t>(count);
        }
        return {};
    }

    Status sync_data() override {
        if (uninterrupted([&] { return ::fdatasync(descriptor_); }) != 0)
            return system_error("syncing", path_, errno);
        return {};
    }

    Status truncate(std::uint64_t size) override {
        if (uninterrupted([&] { return ::ftruncate(descriptor_, static_cast<off_t>(size)); }) != 0)
            return system_error("truncating", path_, errno);
        return {};
    }

    Result<std::uint64_t> size() override {
        struct stat status {};
        if (::fstat(descriptor_, &status) != 0) return system_error("examining", path_, errno);
        return static_cast<std::uint64_t>(status.st_size);
    }

  private:
    int descriptor_;
    std::string path_;
};

int flags_of(OpenMode mode) {
    switch (mode) {
        case OpenMode::kRead:
            return O_RDONLY | O_CLOEXEC;
        case OpenMode::kReadWrite:
            return O_RDWR | O_CLOEXEC;
        case OpenMode::kCreateNew:
            return O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
    }
    return O_RDONLY | O_CLOEXEC;
}

std::int64_t read_clock_us(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
}

class PosixEnv final : public Env {
  public:
    Result<std::unique_ptr<File>> open_file(const std::string& path, OpenMode mode) override {
        const int descriptor =
            uninterrupted([&] { return ::open(path.c_str(), flags_of(mode), kFileMode); });
        if (descriptor < 0 && errno == EEXIST)
            return Error{ErrorCode::kConflict, path + " exists already"};
        if (descriptor < 0) return system_error("opening", path, errno);
        return std::unique_ptr<File>(std::make_unique<PosixFile>(descriptor, path));
    }

    Status make_directory(const std::string& path) override {
        if (::mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST)
            return system_error("making directory", path, errno);
        return {};
    }

    Result<bool> has_directory(const std::string& path) override {
        struct stat found {};
        if (::stat(path.c_str(), &found) == 0) return S_ISDIR(found.st_mode);
        if (errno == ENOENT || errno == ENOTDIR) return false;
        return system_error("looking for directory", path, errno);
    }

    Status sync_directory(const std::string& path) override {
        const int descriptor =
            uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
        if (descriptor < 0) return system_error("opening directory", path, errno);
        const int answer = uninterrupted([&] { return ::fsync(descriptor); });
        const int reason = errno;
        ::close(descriptor);
        if (answer != 0) return system_error("syncing directory", path, reason);
        return {};
    }

    Result<std::vector<std::string>> list_directory(const std::string& path) override {
        DIR* directory = ::opendir(path.c_str());
        if (directory == nullptr) return system_error("listing", path, errno);
        std::vector<std::string> names;
        errno = 0;
        while (const dirent* entry = ::readdir(directory)) {
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") names.emplace_back(name);
        }
        const int reason = errno;
        ::closedir(directory);
        if (reason != 0) return system_error("listing", path, reason);
        std::sort(names.begin(), names.end());
        return names;
    }

    Status rename_file(const std::string& source, const std::string& target) override {
        if (::rename(source.c_str(), target.c_str()) != 0)
            return system_error("renaming", source + " to " + target, errno);
        return {};
    }

    Status remove_file(const std::string& path) override {
        if (::unlink(path.c_str()) != 0) return system_error("removing", path, errno);
        return {};
    }

    Result<std::uint64_t> free_bytes(const std::string& path) override {
        struct statvfs status {};
        if (uninterrupted([&] { return ::statvfs(path.c_str(), &status); }) != 0)
            return system_error("asking for free space of", path, errno);
        return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
    }

    std::int64_t now_us() override { return read_clock_us(CLOCK_REALTIME); }
    std::uint64_t monotonic_us() override {
        return static_cast<std::uint64_t>(read_clock_us(CLOCK_BOOTTIME));
    }

    void fill_random(std::span<char> buffer) override {
        std::size_t done = 0;
        while (done < buffer.size()) {
            const auto count = uninterrupted(
                [&] { return ::getrandom(buffer.data() + done, buffer.size() - done, 0); });
            LB_ASSERT(count > 0);
            done += static_cast<std::size_t>(count);
        }
    }
};

}  // namespace

Env& posix_env() {
    static PosixEnv env;
    return env;
}

}  // namespace lb::env
