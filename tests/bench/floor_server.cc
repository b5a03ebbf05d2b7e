// The least that a logger must do: cut frames out of the streams of its producers, append them to a
// file, sync once for all that came meanwhile, answer. No check, no acceptance, no spool.
//   bench_floor_server SOCKET FILE
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/frame/frame.h"

namespace {

constexpr std::uint8_t kLogReply = 8;
constexpr std::size_t kEventIdAt = 4;  // in an envelope as the client library writes it
constexpr std::size_t kEventIdBytes = 16;
constexpr std::size_t kFileBytes = 256 * 1024 * 1024;

struct Append {
    int producer;
    std::string event_id;
    std::string payload;
};

// Overwriting what is written already spares the sync the file system's own journal, as the spool
// does.
int open_zeroed(const char* path) {
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const std::string zeros(1024 * 1024, '\0');
    for (std::size_t written = 0; file >= 0 && written < kFileBytes; written += zeros.size())
        if (write(file, zeros.data(), zeros.size()) < 0) return -1;
    if (file < 0 || fsync(file) != 0 || lseek(file, 0, SEEK_SET) != 0) return -1;
    return file;
}

class Syncer {
  public:
    explicit Syncer(int file) : file_(file), thread_([this] { run(); }) { thread_.detach(); }

    void submit(std::vector<Append> appends) {
        {
            const std::lock_guard lock(mutex_);
            queue_.insert(queue_.end(), std::make_move_iterator(appends.begin()),
                          std::make_move_iterator(appends.end()));
        }
        has_work_.notify_one();
    }

  private:
    void run() {
        for (;;) {
            std::vector<Append> appends;
            {
                std::unique_lock lock(mutex_);
                has_work_.wait(lock, [this] { return !queue_.empty(); });
                appends.swap(queue_);
            }
            std::string bytes;
            for (const Append& append : appends) bytes += append.payload;
            if (lseek(file_, 0, SEEK_CUR) + static_cast<off_t>(bytes.size()) > off_t{kFileBytes})
                lseek(file_, 0, SEEK_SET);
            if (write(file_, bytes.data(), bytes.size()) < 0 || fdatasync(file_) != 0) std::abort();
            for (const Append& append : appends) answer(append);
        }
    }

    static void answer(const Append& append) {
        std::string reply;
        lb::frame::append_frame(reply, kLogReply, "\x0a\x10" + append.event_id);
        (void)!send(append.producer, reply.data(), reply.size(), MSG_NOSIGNAL);
    }

    int file_;
    std::mutex mutex_;
    std::condition_variable has_work_;
    std::vector<Append> queue_;
    std::thread thread_;
};

int listen_at(const char* path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener, 1024) != 0)
        return -1;
    return listener;
}

void watch(int epoll, int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

void read_appends(int producer, lb::frame::Decoder& decoder, std::vector<Append>& appends) {
    for (;;) {
        const auto frame = decoder.next();
        if (!frame.ok() || !frame->has_value()) return;
        const std::string_view payload = (*frame)->payload;
        appends.push_back({producer, std::string(payload.substr(kEventIdAt, kEventIdBytes)),
                           std::string(payload)});
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 64;
    const int file = open_zeroed(argv[2]);
    const int listener = listen_at(argv[1]);
    if (file < 0 || listener < 0) {
        std::perror("bench_floor_server");
        return 73;
    }
    Syncer syncer(file);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener);
    std::map<int, lb::frame::Decoder> producers;
    std::array<epoll_event, 256> events;
    std::string buffer(64 * 1024, '\0');
    for (;;) {
        const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        std::vector<Append> appends;
        for (int i = 0; i < count; ++i) {
            const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
            if (descriptor == listener) {
                const int producer = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
                producers.emplace(producer, lb::frame::Decoder(1024 * 1024));
                watch(epoll, producer);
                continue;
            }
            const auto got = recv(descriptor, buffer.data(), buffer.size(), 0);
            if (got <= 0) {
                // Its last answer is out: producers wait for it before they go.
                producers.erase(descriptor);
                close(descriptor);
                continue;
            }
            auto& decoder = producers.at(descriptor);
            decoder.append({buffer.data(), static_cast<std::size_t>(got)});
            read_appends(descriptor, decoder, appends);
        }
        if (!appends.empty()) syncer.submit(std::move(appends));
    }
}
