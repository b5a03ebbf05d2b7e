#include "logd/daemon/drop_box.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/encoding.h"
#include "common/base/limits.h"
#include "common/event/event_id.h"
#include "common/frame/frame.h"
#include "lb/v1/wire.pb.h"
#include "logd/daemon/messages.h"

namespace lb::logd {

namespace {

constexpr mode_t kDropMode = S_ISVTX | 0733;
constexpr std::size_t kDropFileBytesMax = limits::kFrameBytesMax;
constexpr std::uint64_t kDropQuarantineBytesMax = 64 * 1024 * 1024;
constexpr std::size_t kEventsPerFileMax = limits::kBatchEventsMax;

// The payloads of the LOG frames in a file; kReject and the like when it holds anything else.
Result<std::vector<std::string>> split(const std::string& bytes) {
    frame::Decoder decoder(limits::kEventBytesMax);
    decoder.append(bytes);
    std::vector<std::string> payloads;
    for (;;) {
        LB_TRY_ASSIGN(const auto frame, decoder.next());
        if (!frame) break;
        if (frame->type != v1::FRAME_TYPE_LOG)
            return Error{ErrorCode::kReject, "a frame in it is no LOG frame"};
        if (payloads.size() == kEventsPerFileMax)
            return Error{ErrorCode::kReject,
                         "it has more than " + std::to_string(kEventsPerFileMax) + " events"};
        payloads.emplace_back(frame->payload);
    }
    if (decoder.buffered_bytes() > 0 || payloads.empty())
        return Error{ErrorCode::kReject, "it ends inside a frame or is empty"};
    return payloads;
}

}  // namespace

DropBox::DropBox(env::Env& env, const LogdOptions& options, ProducerOf producer_of,
                 LogdMetrics& metrics)
    : env_(env),
      directory_(options.drop_directory),
      quarantine_(env, options.spool_directory + "/" + spool::kDroppedFilesDirectory,
                  kDropQuarantineBytesMax),
      producer_of_(std::move(producer_of)),
      metrics_(metrics) {}

DropBox::~DropBox() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::unique_ptr<DropBox>> DropBox::open(env::Env& env, const LogdOptions& options,
                                               ProducerOf producer_of, LogdMetrics& metrics) {
    LB_TRY(env::make_directories(env, options.drop_directory));
    if (::chmod(options.drop_directory.c_str(), kDropMode) != 0)
        return system_error("changing the mode of", options.drop_directory, errno);
    auto box = std::unique_ptr<DropBox>(new DropBox(env, options, std::move(producer_of), metrics));
    box->descriptor_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (box->descriptor_ >= 0 &&
        ::inotify_add_watch(box->descriptor_, box->directory_.c_str(), IN_MOVED_TO) < 0) {
        ::close(box->descriptor_);
        box->descriptor_ = -1;  // then the regular scan has to do
    }
    return box;
}

std::vector<CommitItem> DropBox::scan(Intake& intake, std::size_t bytes_max) {
    char events[4096];
    while (descriptor_ >= 0 && ::read(descriptor_, events, sizeof events) > 0) {
    }
    std::vector<CommitItem> items;
    const auto names = env_.list_directory(directory_);
    if (!names.ok()) return items;
    looks_left_ = kDropLooksPerScan;
    bytes_left_ = bytes_max;
    auto name = std::upper_bound(names->begin(), names->end(), last_name_);
    for (; name != names->end() && looks_left_ > 0 && bytes_left_ > 0; ++name) {
        if (names_.contains(*name)) continue;
        last_name_ = *name;
        look_at(*name, intake, items);
    }
    if (name == names->end()) last_name_.clear();
    return items;
}

void DropBox::look_at(const std::string& name, Intake& intake, std::vector<CommitItem>& items) {
    --looks_left_;
    if (name.starts_with(kDropTemporaryPrefix) && !is_leftover(name)) return;
    take(name, intake, items);
}

// The bytes and the owner of a plain file that no other name leads to. A link would let a user log
// as somebody else.
Result<std::string> DropBox::read(const std::string& name, uid_t& owner) {
    const std::string path = directory_ + "/" + name;
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0 && errno == ELOOP) return Error{ErrorCode::kReject, "it is a link"};
    if (descriptor < 0) return system_error("opening", path, errno);
    struct stat status {};
    const int examined = ::fstat(descriptor, &status);
    std::string bytes;
    std::string_view wrong;
    if (examined != 0 || !S_ISREG(status.st_mode))
        wrong = "it is no plain file";
    else if (status.st_nlink != 1)
        wrong = "it has other names (hard links)";
    else if (static_cast<std::uint64_t>(status.st_size) > kDropFileBytesMax)
        wrong = "it is longer than a frame may be";
    else
        bytes.resize(static_cast<std::size_t>(status.st_size));
    owner = status.st_uid;
    const auto count = bytes.empty() ? 0 : ::pread(descriptor, bytes.data(), bytes.size(), 0);
    ::close(descriptor);
    if (!wrong.empty()) return Error{ErrorCode::kReject, std::string(wrong)};
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
}

void DropBox::take(const std::string& name, Intake& intake, std::vector<CommitItem>& items) {
    uid_t owner = 0;
    auto bytes = read(name, owner);
    if (!bytes.ok() && bytes.error().code != ErrorCode::kReject) return;  // gone, or next time
    if (!bytes.ok()) return set_aside(name, {}, bytes.error().text);
    const auto payloads = split(*bytes);
    if (!payloads.ok() && remove_torn_leftover(name)) return;
    if (!payloads.ok()) return set_aside(name, *bytes, payloads.error().text);
    const std::optional<Producer> producer = producer_of_(owner);
    if (!producer) return;
    const std::uint64_t number = next_number_++;
    // Taken over again after a crash, an event has the same id again.
    const std::string id_base = "drop/" + name + "/" + event::event_id_of_text(*bytes) + "/";
    File file;
    file.name = name;
    for (std::size_t i = 0; i < payloads->size(); ++i) {
        auto outcome = intake.accept((*payloads)[i], *producer,
                                     event::event_id_of_text(id_base + std::to_string(i)));
        if (const auto* refused = std::get_if<Refused>(&outcome)) {
            if (refused->error.code == ErrorCode::kRetry || refused->error.code == ErrorCode::kFull)
                file.has_failed = true;
            else
                file.reason = "event " + std::to_string(i + 1) + ": " + refused->error.text;
            continue;
        }
        auto& accepted = std::get<Accepted>(outcome);
        file.program = std::move(accepted.program);
        bytes_left_ -= std::min(accepted.envelope.size(), bytes_left_);
        items.push_back({{kDropOwner, number},
                         std::move(accepted.destination),
                         accepted.lane,
                         std::move(accepted.envelope)});
        ++file.events_left;
    }
    if (!file.reason.empty()) file.bytes = std::move(bytes).value();
    if (file.events_left == 0) return finish(file);
    names_.insert(name);
    files_.emplace(number, std::move(file));
}

void DropBox::complete(std::uint64_t number, const Status& status) {
    const auto found = files_.find(number);
    if (found == files_.end()) return;
    File& file = found->second;
    if (status.ok()) {
        metrics_.drop_events.add();
        metrics_.programs.add(file.program, env_.now_us());
    } else {
        file.has_failed = true;
    }
    if (--file.events_left > 0) return;
    finish(file);
    names_.erase(file.name);
    files_.erase(found);
}

// Every event of the file is durable, refused or failed.
void DropBox::finish(const File& file) {
    if (file.has_failed) return;  // the next scan takes it again; event ids make that harmless
    if (!file.reason.empty()) return set_aside(file.name, file.bytes, file.reason);
    (void)env_.remove_file(directory_ + "/" + file.name);
}

void DropBox::set_aside(const std::string& name, const std::string& bytes,
                        const std::string& reason) {
    looks_left_ -= std::min(kDropSetAsideLooks, looks_left_);
    // Names are chosen by users: in hexadecimal they are harmless.
    const auto kept =
        quarantine_.keep(spool::kDroppedFilePrefix + to_hex(name).substr(0, 128), bytes, reason);
    // A full quarantine must not dam the drop box: what it cannot keep is counted and removed.
    if (!kept.ok() && kept.error().code != ErrorCode::kFull) return;
    metrics_.drop_files_quarantined.add();
    log::write(kDropSetAside, name, kept.ok() ? *kept : std::string("nowhere: it is full"), reason);
    const std::string path = directory_ + "/" + name;
    if (!env_.remove_file(path).ok()) (void)::rmdir(path.c_str());
}

// A producer that was killed before it could rename the file left it behind.
bool DropBox::is_leftover(const std::string& name) const {
    struct stat status {};
    if (::lstat((directory_ + "/" + name).c_str(), &status) != 0) return false;
    return env_.now_us() / 1'000'000 - status.st_mtim.tv_sec >= kDropTemporarySeconds;
}

// A leftover that is not whole was acknowledged to nobody: it goes.
bool DropBox::remove_torn_leftover(const std::string& name) {
    if (!name.starts_with(kDropTemporaryPrefix)) return false;
    if (env_.remove_file(directory_ + "/" + name).ok()) metrics_.drop_leftovers.add();
    return true;
}

}  // namespace lb::logd
