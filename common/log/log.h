// Log messages of a daemon: every one is a row of a catalogue, with an id that operators can look
// up and a remedy. Written to journald when standard error is its socket, else to standard error as
// text.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lb::log {

enum class Level : std::uint8_t { kError = 3, kWarning = 4, kInfo = 6, kDebug = 7 };  // of syslog
std::string_view to_string(Level level);
std::optional<Level> level_of(std::string_view name);

// A row of a catalogue (each room has a messages.h).
struct Message {
    std::string_view id;  // ILD_DESTINATION_BACKING_OFF
    Level level;
    std::string_view text;    // fmt form: "{} does not answer; next try in {} ms"
    std::string_view remedy;  // what it means and what to do, for `--list-messages`
};

// What is written at all; messages below are dropped. Default kInfo. Thread-safe, like everything
// here.
void set_level(Level level);
[[nodiscard]] bool is_enabled(Level level);
void set_program(std::string_view name);

// Writes a line; controls in it, which only somebody else's text can have, are shown by their
// codes, so that nobody writes a line of his own or moves a terminal. At most kRepeatsPerWindow of
// one message id in kWindowSeconds get through; the next one after that says how many were held
// back.
inline constexpr int kRepeatsPerWindow = 20;
inline constexpr int kWindowSeconds = 10;
void write_line(const Message& message, std::string_view line);

// The message with its arguments in the places of {}.
template <typename... Arguments>
void write(const Message& message, const Arguments&... arguments) {
    if (!is_enabled(message.level)) return;
    write_line(message, fmt::format(fmt::runtime(message.text), arguments...));
}

}  // namespace lb::log
