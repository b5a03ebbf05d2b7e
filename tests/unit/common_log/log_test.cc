// What stands in the log when others' texts are written there.
#include "common/log/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>

namespace lb::log {
namespace {

constexpr Message kRefused{"TST_REFUSED", Level::kWarning, "{} was refused: {}", ""};

// What is written to standard error meanwhile.
template <typename Task>
std::string written_by(const Task& task) {
    std::fflush(stderr);
    char path[] = "/tmp/lb-log-XXXXXX";
    const int file = mkstemp(path);
    REQUIRE(file >= 0);
    unlink(path);
    const int saved = dup(STDERR_FILENO);
    dup2(file, STDERR_FILENO);
    task();
    std::fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    std::string text(4096, '\0');
    const ssize_t size = pread(file, text.data(), text.size(), 0);
    close(file);
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return text;
}

TEST_CASE("a text of somebody else is no line of its own and moves no terminal") {
    unsetenv("JOURNAL_STREAM");
    const std::string text = written_by([] {
        write(kRefused, "/O=x/CN=\xC3\xA4\n2026-01-01T00:00:00Z lb error LIE",
              std::string_view("\x1b[2J\x7f\0\xc2\x9b\xe2\x80\xae\xff", 12));
    });
    CHECK(text.find('\n') == text.size() - 1);
    CHECK(text.find("/O=x/CN=\xC3\xA4\\x0a2026-01-01T00:00:00Z lb error LIE was refused: "
                    "\\x1b[2J\\x7f\\x00\\x9b\\u202e\\xff\n") != std::string::npos);
}

}  // namespace
}  // namespace lb::log
