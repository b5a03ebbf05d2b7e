#include "bkserver/cli/progress.h"

#include <unistd.h>

#include <ostream>

namespace lb::cli {

namespace {

constexpr std::chrono::milliseconds kSilence{1000};
constexpr std::chrono::milliseconds kTerminalPause{500};
constexpr std::chrono::milliseconds kLinePause{10'000};
constexpr char kClearLine[] = "\r\x1b[K";

}  // namespace

Progress::Progress(std::ostream& out, std::function<std::string()> words)
    : out_(out),
      words_(std::move(words)),
      is_terminal_(::isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      next_(start_ + kSilence) {}

Progress::~Progress() {
    if (is_shown_ && is_terminal_) out_ << kClearLine << std::flush;
}

void Progress::tick() {
    const Clock::time_point now = Clock::now();
    if (now < next_) return;
    next_ = now + (is_terminal_ ? kTerminalPause : kLinePause);
    is_shown_ = true;
    if (is_terminal_)
        out_ << kClearLine << words_() << std::flush;
    else
        out_ << words_() << std::endl;
}

double Progress::seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
}

std::string Progress::seconds_text() const {
    return count_text(static_cast<std::uint64_t>(seconds())) + " s";
}

std::string count_text(std::uint64_t count) {
    std::string text = std::to_string(count);
    for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
    return text;
}

}  // namespace lb::cli
