#include "bkserver/cli/line_reader.h"

namespace lb::cli {

bool LineReader::next(std::string& line) {
    line.clear();
    is_too_long_ = false;
    std::streambuf& buffer = *in_.rdbuf();
    bool is_begun = false;
    for (int c = buffer.sbumpc(); c != std::char_traits<char>::eof(); c = buffer.sbumpc()) {
        is_begun = true;
        ++bytes_;
        if (c == '\n') break;
        if (line.size() < line_bytes_max_)
            line += static_cast<char>(c);
        else
            is_too_long_ = true;
    }
    if (is_begun) ++number_;
    return is_begun;
}

}  // namespace lb::cli
