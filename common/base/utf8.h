// UTF-8 (RFC 3629): the text of every field of an event. What is no UTF-8 is repaired where events
// are made and refused where they are read.
#pragma once

#include <string>
#include <string_view>

namespace lb {

bool is_utf8(std::string_view text);
// Every byte that belongs to no character becomes U+FFFD.
std::string repaired_utf8(std::string_view text);
// On one line, as it may stand in a log or on a terminal: what is no UTF-8, controls, and what
// breaks lines or turns the direction of writing is shown by its code: \x1b, \u202e.
std::string escaped_controls(std::string_view text);
// As a text of TOML may be written: all but printable ASCII is \uXXXX or \UXXXXXXXX, what is no
// UTF-8 the code of U+FFFD.
std::string escaped_to_ascii(std::string_view text);
// The longest beginning of `text` that is at most `bytes_max` long and ends between characters.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);

}  // namespace lb
