#include "tests/support/sim_disk.h"

#include <algorithm>
#include <cerrno>

namespace lb::test {

namespace {

constexpr std::uint64_t kSectorBytes = 512;

std::string name_of(const std::string& path) {
    return path.substr(path.find_last_of('/') + 1);
}

bool stays(Loss loss, std::mt19937_64& random) {
    return loss == Loss::kNone || (loss == Loss::kSome && random() % 2 == 0);
}

}  // namespace

// Bytes.

void SimDisk::Inode::touch(std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t sector = begin / kSectorBytes; sector * kSectorBytes < end; ++sector)
        unsynced.insert(sector);
}

void SimDisk::Inode::sync() {
    durable.resize(bytes.size());
    for (const std::uint64_t sector : unsynced) {
        const std::uint64_t begin = sector * kSectorBytes;
        if (begin >= bytes.size()) continue;
        const std::uint64_t count = std::min<std::uint64_t>(kSectorBytes, bytes.size() - begin);
        durable.replace(begin, count, bytes, begin, count);
    }
    unsynced.clear();
}

void SimDisk::Inode::lose(Loss loss, std::mt19937_64& random) {
    std::erase_if(unsynced, [&](std::uint64_t) { return !stays(loss, random); });
    const std::uint64_t size = stays(loss, random) ? bytes.size() : durable.size();
    bytes.resize(size);
    sync();
    bytes = durable;
}

// Names.

void SimDisk::apply_to(std::map<std::string, Node>& entries, const Change& change) {
    for (const auto& [name, node] : change) {
        if (node.file == nullptr && node.directory == nullptr)
            entries.erase(name);
        else
            entries[name] = node;
    }
}

void SimDisk::Directory::apply(Change change) {
    apply_to(entries, change);
    unsynced.push_back(std::move(change));
}

void SimDisk::Directory::lose(Loss loss, std::mt19937_64& random) {
    for (const Change& change : unsynced)
        if (stays(loss, random)) apply_to(durable, change);
    unsynced.clear();
    entries = durable;
    for (auto& [name, node] : entries) {
        if (node.file) node.file->lose(loss, random);
        if (node.directory) node.directory->lose(loss, random);
    }
}

void SimDisk::lose_power(Loss loss) {
    root_->lose(loss, random_);
}

SimDisk::Node SimDisk::find(const std::string& path) const {
    Node node{nullptr, root_};
    for (std::size_t begin = 1; begin < path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        if (node.directory == nullptr) return {};
        const auto found = node.directory->entries.find(path.substr(begin, end - begin));
        if (found == node.directory->entries.end()) return {};
        node = found->second;
        begin = end + 1;
    }
    return node;
}

std::shared_ptr<SimDisk::Directory> SimDisk::directory_of(const std::string& path) const {
    return find(env::directory_of(path)).directory;
}

std::uint64_t SimDisk::free_bytes() const {
    if (capacity_bytes == kUnlimited) return kUnlimited;
    std::uint64_t used = 0;
    std::vector<const Directory*> open{root_.get()};
    while (!open.empty()) {
        const Directory* next = open.back();
        open.pop_back();
        for (const auto& [name, node] : next->entries) {
            if (node.file) used += node.file->bytes.size();
            if (node.directory) open.push_back(node.directory.get());
        }
    }
    return capacity_bytes - std::min(used, capacity_bytes);
}

// Files.

class SimFile final : public env::File {
  public:
    SimFile(SimEnv& env, std::shared_ptr<SimDisk::Inode> inode, std::string path)
        : env_(env), inode_(std::move(inode)), path_(std::move(path)) {}

    Result<std::size_t> read_at(std::uint64_t offset, std::span<char> buffer) override {
        LB_TRY(env_.enter(Call::kRead, path_));
        if (offset >= inode_->bytes.size()) return std::size_t{0};
        return inode_->bytes.copy(buffer.data(), buffer.size(), offset);
    }

    Status write_at(std::uint64_t offset, std::string_view bytes) override {
        const bool was_dead = env_.is_dead();
        Status entered = env_.enter(Call::kWrite, path_);
        if (was_dead) return entered;
        const std::uint64_t size = inode_->bytes.size();
        const std::uint64_t grown = std::max(offset + bytes.size(), size) - size;
        if (entered.ok() && grown > env_.disk_.free_bytes())
            entered = system_error("writing", path_, ENOSPC);
        // Of a write that fails any part may be done.
        if (!entered.ok()) bytes = bytes.substr(0, env_.disk_.random() % (bytes.size() + 1));
        if (!bytes.empty()) {
            const std::uint64_t end = offset + bytes.size();
            if (inode_->bytes.size() < end) inode_->bytes.resize(end);
            inode_->bytes.replace(offset, bytes.size(), bytes);
            inode_->touch(offset, end);
        }
        return entered;
    }

    Status sync_data() override {
        const bool was_dead = env_.is_dead();
        const Status entered = env_.enter(Call::kSync, path_);
        if (!entered.ok()) {
            // As Linux does: what could not be written is forgotten, the next sync says ok.
            if (!was_dead && !env_.is_dead()) inode_->unsynced.clear();
            return entered;
        }
        if (!env_.disk_.is_lying) inode_->sync();
        return {};
    }

    Status truncate(std::uint64_t size) override {
        LB_TRY(env_.enter(Call::kTruncate, path_));
        if (size < inode_->bytes.size()) inode_->touch(size, inode_->bytes.size());
        inode_->bytes.resize(size);
        return {};
    }

    Result<std::uint64_t> size() override {
        LB_TRY(env_.enter(Call::kSize, path_));
        return std::uint64_t{inode_->bytes.size()};
    }

  private:
    SimEnv& env_;
    std::shared_ptr<SimDisk::Inode> inode_;
    std::string path_;
};

// Calls.

Status SimEnv::enter(Call call, const std::string& path) {
    ++calls_;
    if (calls_ == dies_in_call_) is_dead_ = true;
    if (is_dead_) return Error{ErrorCode::kRetry, "the process is dead"};
    const int reason = fault ? fault(call, path) : 0;
    if (reason != 0) return system_error("simulated call on", path, reason);
    return {};
}

Result<std::unique_ptr<env::File>> SimEnv::open_file(const std::string& path, env::OpenMode mode) {
    const bool is_new = mode == env::OpenMode::kCreateNew;
    LB_TRY(enter(is_new ? Call::kCreate : Call::kOpen, path));
    SimDisk::Node node = disk_.find(path);
    if (is_new) {
        if (node.file || node.directory)
            return Error{ErrorCode::kConflict, path + " exists already"};
        const auto directory = disk_.directory_of(path);
        if (directory == nullptr) return system_error("opening", path, ENOENT);
        node.file = std::make_shared<SimDisk::Inode>();
        directory->apply({{name_of(path), node}});
    }
    if (node.file == nullptr)
        return system_error("opening", path, node.directory ? EISDIR : ENOENT);
    return std::unique_ptr<env::File>(std::make_unique<SimFile>(*this, node.file, path));
}

Status SimEnv::make_directory(const std::string& path) {
    LB_TRY(enter(Call::kMakeDirectory, path));
    const auto parent = disk_.directory_of(path);
    if (parent == nullptr) return system_error("making directory", path, ENOENT);
    if (disk_.find(path).directory == nullptr)
        parent->apply({{name_of(path), {nullptr, std::make_shared<SimDisk::Directory>()}}});
    return {};
}

Result<bool> SimEnv::has_directory(const std::string& path) {
    LB_TRY(enter(Call::kHasDirectory, path));
    return disk_.find(path).directory != nullptr;
}

Status SimEnv::sync_directory(const std::string& path) {
    LB_TRY(enter(Call::kSyncDirectory, path));
    const auto directory = disk_.find(path).directory;
    if (directory == nullptr) return system_error("syncing directory", path, ENOENT);
    directory->durable = directory->entries;
    directory->unsynced.clear();
    return {};
}

Result<std::vector<std::string>> SimEnv::list_directory(const std::string& path) {
    LB_TRY(enter(Call::kList, path));
    const auto directory = disk_.find(path).directory;
    if (directory == nullptr) return system_error("listing", path, ENOENT);
    std::vector<std::string> names;
    for (const auto& [name, node] : directory->entries) names.push_back(name);
    return names;
}

Status SimEnv::rename_file(const std::string& source, const std::string& target) {
    LB_TRY(enter(Call::kRename, source));
    LB_ASSERT(env::directory_of(source) == env::directory_of(target));
    const SimDisk::Node node = disk_.find(source);
    if (node.file == nullptr) return system_error("renaming", source, ENOENT);
    disk_.directory_of(source)->apply({{name_of(source), {}}, {name_of(target), node}});
    return {};
}

Status SimEnv::remove_file(const std::string& path) {
    LB_TRY(enter(Call::kRemove, path));
    if (disk_.find(path).file == nullptr) return system_error("removing", path, ENOENT);
    disk_.directory_of(path)->apply({{name_of(path), {}}});
    return {};
}

Result<std::uint64_t> SimEnv::free_bytes(const std::string& path) {
    LB_TRY(enter(Call::kFreeBytes, path));
    return disk_.free_bytes();
}

void SimEnv::fill_random(std::span<char> buffer) {
    for (char& byte : buffer) byte = static_cast<char>(disk_.random());
}

}  // namespace lb::test
