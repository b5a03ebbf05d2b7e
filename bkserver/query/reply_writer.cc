#include "bkserver/query/reply_writer.h"

#include <utility>

#include "common/base/json_line.h"
#include "common/base/limits.h"

namespace lb::query {

namespace {

// A reply is sent when its rows reach this; one row may be longer, up to the frame's limit.
constexpr std::size_t kReplyBytes = 256 * 1024;
// The rest of a frame is for what stands around the rows.
constexpr std::size_t kRowBytesMax = limits::kFrameBytesMax - 2 * kReplyBytes;

// In the place of a row that no frame holds.
std::string instead_of(const nlohmann::ordered_json& row, std::size_t bytes) {
    nlohmann::ordered_json stub = {
        {"process", row.value("jobId", std::string())},
        {"error", to_string(ErrorCode::kFull)},
        {"text", "the row is " + std::to_string(bytes) +
                     " bytes long, more than an answer holds; ask for single attributes"}};
    return json_line(stub);
}

}  // namespace

void ReplyWriter::add_row(const nlohmann::ordered_json& row) {
    // Texts come from events: bytes that are no UTF-8 are shown as replacement characters.
    std::string text = json_line(row);
    if (text.size() > kRowBytesMax) text = instead_of(row, text.size());
    bytes_ += text.size();
    reply_.add_rows(std::move(text));
    if (bytes_ >= kReplyBytes) flush(true);
}

void ReplyWriter::add_line(std::string line) {
    bytes_ += line.size();
    reply_.add_lines(std::move(line));
    if (bytes_ >= kReplyBytes) flush(true);
}

void ReplyWriter::finish() {
    reply_.set_code(lb::v1::ERROR_CODE_OK);
    reply_.set_cursor(cursor_);
    flush(false);
}

void ReplyWriter::fail(const Error& error) {
    reply_.set_code(static_cast<lb::v1::ErrorCode>(error.code));
    reply_.set_text(error.text);
    flush(false);
}

void ReplyWriter::flush(bool more) {
    reply_.set_id(request_);
    reply_.set_more(more);
    send_(std::exchange(reply_, lb::v1::Reply()));
    bytes_ = 0;
}

}  // namespace lb::query
