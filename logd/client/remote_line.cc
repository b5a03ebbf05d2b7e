#include <dlfcn.h>

#include <array>

#include "logd/client/line.h"
#include "logd/client/remote_calls.h"

namespace lb::client {

namespace {

constexpr std::size_t kReasonBytesMax = 1024;

class Reason {
  public:
    [[nodiscard]] RemoteText room() { return {text_.data(), text_.size()}; }
    [[nodiscard]] Error error(int code) const {
        const bool is_known = code > 0 && code <= static_cast<int>(ErrorCode::kBug);
        return {is_known ? static_cast<ErrorCode>(code) : ErrorCode::kBug, text_.data()};
    }

  private:
    std::array<char, kReasonBytesMax> text_{};
};

class RemoteLine final : public Line {
  public:
    RemoteLine(const RemoteCalls& calls, void* line) : calls_(calls), line_(line) {}
    ~RemoteLine() override { calls_.close(line_); }

    Status send(std::string_view bytes, const Deadline& deadline) override {
        Reason why;
        const int code =
            calls_.send(line_, bytes.data(), bytes.size(), deadline.left_ms(), why.room());
        return code == 0 ? Status() : Status(why.error(code));
    }

    Result<std::size_t> receive(char* target, std::size_t bytes,
                                const Deadline& deadline) override {
        Reason why;
        std::size_t count = bytes;
        const int code = calls_.receive(line_, target, &count, deadline.left_ms(), why.room());
        if (code != 0) return why.error(code);
        return count;
    }

  private:
    const RemoteCalls& calls_;
    void* line_;
};

// It stays loaded: a question to the system's resolver may still be open.
Result<const RemoteCalls*> load_calls() {
    void* const library = dlopen(kRemoteLibrary, RTLD_NOW | RTLD_LOCAL);
    void* const symbol = library == nullptr ? nullptr : dlsym(library, kRemoteCallsSymbol);
    if (symbol == nullptr) {
        const char* const why = dlerror();
        return Error{ErrorCode::kNotFound,
                     "logging to another host's logger needs " + std::string(kRemoteLibrary) +
                         " (package liblb-remote0 or lb-remote): " + (why ? why : "unusable")};
    }
    return reinterpret_cast<decltype(&lb_remote_calls_1)>(symbol)();
}

}  // namespace

Result<std::unique_ptr<Line>> open_remote_line(const ProducerOptions& options,
                                               const Deadline& deadline) {
    LB_TRY_ASSIGN(const LoggerPlace place, parse_logger(options.logger));
    if (options.certificate.empty() || options.key.empty() || options.authorities.empty())
        return Error{ErrorCode::kReject, "the logger " + options.logger +
                                             " needs a certificate, its key and the trusted "
                                             "authorities (LB_CERT, LB_KEY and LB_CA)"};
    LB_TRY_ASSIGN(const RemoteCalls* const calls, load_calls());
    const RemotePlace asked{place.host.c_str(), place.port, options.certificate.c_str(),
                            options.key.c_str(), options.authorities.c_str()};
    Reason why;
    void* line = nullptr;
    if (const int code = calls->open(&asked, deadline.left_ms(), &line, why.room()); code != 0)
        return why.error(code);
    return std::unique_ptr<Line>(std::make_unique<RemoteLine>(*calls, line));
}

}  // namespace lb::client
