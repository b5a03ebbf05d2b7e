#include "bkserver/web/forms.h"

#include "common/base/encoding.h"
#include "common/base/json_line.h"

namespace lb::web {

namespace {

constexpr std::string_view kStyle =
    "body{font:15px/1.5 sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;vertical-align:top;padding:.25em .75em .25em 0;"
    "border-bottom:1px solid #ddd;overflow-wrap:anywhere}th{width:15em;font-weight:600}";

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char character : text) {
        switch (character) {
            case '&':
                safe += "&amp;";
                break;
            case '<':
                safe += "&lt;";
                break;
            case '>':
                safe += "&gt;";
                break;
            case '"':
                safe += "&quot;";
                break;
            case '\'':
                safe += "&#39;";
                break;
            default:
                safe += character;
        }
    }
    return safe;
}

// Texts as they are, with bytes that are no UTF-8 replaced and controls as blanks, so that one line
// stays one line; the rest as JSON.
std::string one_line(const Json& value) {
    std::string text = json_line(value);
    if (!value.is_string()) return text;
    text = Json::parse(text).get<std::string>();
    for (char& character : text)
        if (static_cast<unsigned char>(character) < ' ') character = ' ';
    return text;
}

std::string lines_of(const Json& object) {
    std::string lines;
    for (const auto& [name, value] : object.items()) lines += name + "=" + one_line(value) + "\n";
    return lines;
}

// What the original's ?text pages call otherwise: scripts that knew it find their keys.
constexpr struct {
    std::string_view name;
    std::string_view original;
} kOriginalKeys[] = {{"jobId", "job"},
                     {"state", "status"},
                     {"jobtype", "job_type"},
                     {"ft_src", "ft_source"},
                     {"ft_dest", "ft_destination"},
                     {"ft_compute_job", "compute_job"},
                     {"ft_sandbox_type", "sandbox_type"},
                     {"cream_state", "cream_status"}};

std::string with_original_keys(const Json& object) {
    std::string lines = lines_of(object);
    for (const auto& key : kOriginalKeys)
        if (const auto value = object.find(key.name); value != object.end())
            lines += std::string(key.original) + "=" + one_line(*value) + "\n";
    return lines;
}

std::string page(std::string_view title, std::string_view body) {
    const std::string safe = escaped(title);
    return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + safe +
           "</title><style>" + std::string(kStyle) + "</style></head><body><h1>" + safe +
           "</h1>\n" + std::string(body) + "</body></html>\n";
}

// Whether it is an id of ours: it leads nowhere else, however it goes on.
bool is_own_id(std::string_view text, std::string_view service) {
    const std::string begin = "https://" + std::string(service) + "/";
    return text.starts_with(begin) && text.size() > begin.size() &&
           text.find_first_of("/?#", begin.size()) == std::string_view::npos;
}

// Own ids become links to their own pages; nothing else does: whoever logs a text does not choose
// where its readers go.
std::string cell(const Json& value, std::string_view service) {
    const std::string text = one_line(value);
    const std::string safe = escaped(text);
    if (!value.is_string() || !is_own_id(text, service)) return safe;
    return "<a href=\"" + safe + "\">" + safe + "</a>";
}

std::string table_of(const Json& object, std::string_view service) {
    std::string rows;
    for (const auto& [name, value] : object.items())
        rows += "<tr><th>" + escaped(name) + "</th><td>" + cell(value, service) + "</td></tr>\n";
    return "<table>\n" + rows + "</table>\n";
}

std::string table_of_rows(const Json& rows, std::string_view service) {
    std::string body;
    for (const Json& row : rows) {
        body += "<tr>";
        for (const char* name :
             {"relation", "jobId", "state", "vm_state", "owner", "stateEnterTime", "type", "time",
              "source", "host", "cloud", "hour", "count"})
            if (row.contains(name)) body += "<td>" + cell(row[name], service) + "</td>";
        body += "</tr>\n";
    }
    return "<table>\n" + body + "</table>\n";
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view kPlain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    std::string encoded;
    for (const char byte : text)
        if (kPlain.find(byte) != std::string_view::npos)
            encoded += byte;
        else
            encoded += "%" + to_hex(std::string_view(&byte, 1));
    return encoded;
}

std::string next_page(const HttpRequest& request, const std::string& cursor) {
    std::string link = "?cursor=" + percent_encoded(cursor);
    for (const auto& [name, value] : request.query)
        if (name != "cursor")
            link += "&amp;" + percent_encoded(name) + "=" + percent_encoded(value);
    return link;
}

}  // namespace

Form form_of(const HttpRequest& request) {
    if (request.parameter("text") != nullptr) return Form::kText;
    const std::string* accept = request.header("accept");
    if (accept == nullptr) return Form::kJson;
    const std::size_t html = accept->find("text/html");
    const std::size_t json = accept->find("application/json");
    if (html != std::string::npos && html < json) return Form::kHtml;
    if (json == std::string::npos && accept->starts_with("text/plain")) return Form::kText;
    return Form::kJson;
}

HttpAnswer json_answer(const Json& object) {
    return {.content_type = "application/json", .body = json_line(object) + "\n"};
}

HttpAnswer object_answer(const Asked& asked, std::string_view title, const Json& object) {
    switch (form_of(asked.request)) {
        case Form::kText:
            return {.body = with_original_keys(object)};
        case Form::kHtml:
            return {.content_type = "text/html; charset=utf-8",
                    .body = page(title, table_of(object, asked.service))};
        case Form::kJson:
            break;
    }
    return json_answer(object);
}

HttpAnswer list_answer(const Asked& asked, std::string_view name, const Json& rows,
                       const std::string& cursor) {
    const Form form = form_of(asked.request);
    if (form == Form::kText) {
        std::string body;
        for (const Json& row : rows) body += lines_of(row) + "\n";
        if (!cursor.empty()) body += "cursor=" + cursor + "\n";
        return {.body = std::move(body)};
    }
    if (form == Form::kHtml) {
        std::string body = table_of_rows(rows, asked.service);
        if (!cursor.empty())
            body += "<p><a href=\"" + next_page(asked.request, cursor) + "\">more</a></p>\n";
        return {.content_type = "text/html; charset=utf-8", .body = page(name, body)};
    }
    Json object = {{std::string(name), rows}};
    if (!cursor.empty()) object["cursor"] = cursor;
    return json_answer(object);
}

}  // namespace lb::web
