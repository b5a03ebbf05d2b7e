#include "logd/hooks/libvirt/domain_xml.h"

#include <array>

namespace lb::hooks {

namespace {

struct Entity {
    std::string_view text;
    char character;
};
constexpr std::array kEntities = {Entity{"&lt;", '<'}, Entity{"&gt;", '>'}, Entity{"&amp;", '&'},
                                  Entity{"&quot;", '"'}, Entity{"&apos;", '\''}};

std::string unescaped(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        std::size_t used = 1;
        char c = text.front();
        for (const Entity& entity : kEntities) {
            if (!text.starts_with(entity.text)) continue;
            c = entity.character;
            used = entity.text.size();
            break;
        }
        out += c;
        text.remove_prefix(used);
    }
    return out;
}

// Steps over "<!-- ... -->" and "<![CDATA[ ... ]]>" at the front of `rest`. False: it is neither.
bool skip_special(std::string_view& rest) {
    std::string_view end;
    if (rest.starts_with("<!--")) end = "-->";
    if (rest.starts_with("<![CDATA[")) end = "]]>";
    if (end.empty()) return false;
    const std::size_t found = rest.find(end);
    rest.remove_prefix(found == std::string_view::npos ? rest.size() : found + end.size());
    return true;
}

void take(std::string& target, std::string_view content) {
    if (target.empty()) target = unescaped(content.substr(0, content.find('<')));
}

}  // namespace

Domain scan_domain_xml(std::string_view xml) {
    Domain domain;
    for (std::size_t open = xml.find('<'); open != std::string_view::npos; open = xml.find('<')) {
        xml.remove_prefix(open);
        if (skip_special(xml)) continue;
        const std::size_t close = xml.find('>');
        if (close == std::string_view::npos) break;
        const std::string_view tag = xml.substr(1, close - 1);
        const std::string_view element = tag.substr(0, tag.find_first_of(" \t\r\n/"));
        xml.remove_prefix(close + 1);
        if (tag.ends_with('/')) continue;
        if (element == "uuid") take(domain.uuid, xml);
        if (element == "name") take(domain.name, xml);
        if (element == "lb:process") take(domain.process_id, xml);
    }
    return domain;
}

}  // namespace lb::hooks
