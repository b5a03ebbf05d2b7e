#include <dlfcn.h>

#include <array>
#include <charconv>

#include "logd/client/line.h"
#include "logd/client/remote_calls.h"

namespace lb::client {

namespace {

constexpr std::uint16_t kDefaultPort = 9002;  // of the original's logger
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

Result<LoggerPlace> parse_logger(std::string_view text) {
    const auto wrong = [&] {
        return Error{ErrorCode::kReject,
                     "the logger \"" + std::string(text) + "\" is not of the form tls://HOST:PORT"};
    };
    constexpr std::string_view kScheme = "tls://";
    if (!text.starts_with(kScheme)) return wrong();
    std::string_view rest = text.substr(kScheme.size());
    LoggerPlace place;
    const std::size_t bracket = rest.starts_with('[') ? rest.find(']') : 0;
    if (bracket == std::string_view::npos) return wrong();
    const std::size_t colon = rest.find(':', bracket);
    place.host = rest.substr(0, colon);
    if (bracket > 0) place.host = place.host.substr(1, bracket - 1);
    if (place.host.empty() || place.host.find('/') != std::string::npos) return wrong();
    if (bracket > 0 && colon != bracket + 1 && rest.size() != bracket + 1) return wrong();
    place.port = kDefaultPort;
    if (colon == std::string_view::npos) return place;
    const std::string_view digits = rest.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), place.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || place.port == 0)
        return wrong();
    return place;
}

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
