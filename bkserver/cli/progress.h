// How far a long command has come: one line on the error stream, rewritten at a terminal twice a
// second, else a line every ten seconds. Nothing for what ends within a second.
#pragma once

#include <chrono>
#include <functional>
#include <iosfwd>
#include <string>

namespace lb::cli {

class Progress {
  public:
    // `words` says how far it has come; it is asked only when there is something to print.
    Progress(std::ostream& out, std::function<std::string()> words);
    // Takes the line away at a terminal.
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // Often: prints when it is time.
    void tick();
    [[nodiscard]] double seconds() const;
    // "12 s"
    [[nodiscard]] std::string seconds_text() const;

  private:
    using Clock = std::chrono::steady_clock;

    std::ostream& out_;
    const std::function<std::string()> words_;
    const bool is_terminal_;
    const Clock::time_point start_;
    Clock::time_point next_;
    bool is_shown_ = false;
};

// "12,345"
std::string count_text(std::uint64_t count);

}  // namespace lb::cli
