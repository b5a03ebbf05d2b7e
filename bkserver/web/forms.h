// Answers in the form that was asked for: JSON, the plain key=value lines of ?text, a page for
// browsers. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "bkserver/web/http.h"

namespace lb::web {

using Json = nlohmann::ordered_json;

enum class Form : std::uint8_t { kJson, kText, kHtml };
// ?text, else what Accept prefers; JSON when it says nothing.
Form form_of(const HttpRequest& request);

// Who is answered, and where.
struct Asked {
    const HttpRequest& request;
    std::string_view service;  // host:port of the ids kept here: they alone become links
};

// Whatever form was asked for.
HttpAnswer json_answer(const Json& object);
// One object; `title` heads the page.
HttpAnswer object_answer(const Asked& asked, std::string_view title, const Json& object);
// {"<name>": [...], "cursor": "..."}; an empty cursor is absent: there is no more. The page's link
// to the next one asks the same as the request did.
HttpAnswer list_answer(const Asked& asked, std::string_view name, const Json& rows,
                       const std::string& cursor);

}  // namespace lb::web
