// Lines of a file of any size in bounded memory.
#pragma once

#include <cstdint>
#include <istream>
#include <string>

namespace lb::cli {

class LineReader {
  public:
    // What is longer than `line_bytes_max` is cut there and said to be too long.
    LineReader(std::istream& in, std::size_t line_bytes_max)
        : in_(in), line_bytes_max_(line_bytes_max) {}

    // False at the end. `line` is without its end.
    bool next(std::string& line);

    [[nodiscard]] std::uint64_t number() const { return number_; }  // of the last line, from 1
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }    // read so far
    [[nodiscard]] bool is_too_long() const { return is_too_long_; }

  private:
    std::istream& in_;
    const std::size_t line_bytes_max_;
    std::uint64_t number_ = 0;
    std::uint64_t bytes_ = 0;
    bool is_too_long_ = false;
};

}  // namespace lb::cli
