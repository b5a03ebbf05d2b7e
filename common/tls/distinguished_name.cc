#include "common/tls/distinguished_name.h"

#include <algorithm>
#include <optional>

namespace lb::tls {
namespace {

bool is_attribute_character(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
}

// Where the next "/WORD=" begins, from `start` on; npos when there is none.
std::size_t find_part(std::string_view text, std::size_t start) {
    for (std::size_t slash = text.find('/', start); slash != std::string_view::npos;
         slash = text.find('/', slash + 1)) {
        std::size_t end = slash + 1;
        while (end < text.size() && is_attribute_character(text[end])) ++end;
        if (end > slash + 1 && end < text.size() && text[end] == '=') return slash;
    }
    return std::string_view::npos;
}

std::string attribute_word(const ASN1_OBJECT* object) {
    const int nid = OBJ_obj2nid(object);
    if (nid != NID_undef) return OBJ_nid2sn(nid);
    char dotted[128] = {};
    OBJ_obj2txt(dotted, sizeof dotted, object, 1);
    return dotted;
}

std::optional<std::string> utf8_of(const ASN1_STRING* value) {
    unsigned char* bytes = nullptr;
    const int length = ASN1_STRING_to_UTF8(&bytes, value);
    if (length < 0) return std::nullopt;
    std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
    OPENSSL_free(bytes);
    return text;
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

Result<std::string> slash_form(const X509_NAME& name) {
    std::string text;
    for (int i = 0; i < X509_NAME_entry_count(&name); ++i) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(&name, i);
        const auto value = utf8_of(X509_NAME_ENTRY_get_data(entry));
        if (!value) return Error{ErrorCode::kReject, "a certificate's name is no text"};
        if (has_control_character(*value))
            return Error{ErrorCode::kReject, "a certificate's name has control characters"};
        if (find_part(*value, 0) != std::string_view::npos)
            return Error{ErrorCode::kReject, "a certificate's name is ambiguous: \"" + *value +
                                                 "\" looks like more than one part"};
        text += "/" + attribute_word(X509_NAME_ENTRY_get_object(entry)) + "=" + *value;
    }
    return text;
}

Result<NameHandle> parse_slash_form(std::string_view text) {
    NameHandle name(X509_NAME_new());
    if (find_part(text, 0) != 0)
        return Error{ErrorCode::kReject, "\"" + std::string(text) +
                                             "\" is no name in slash form: it looks like "
                                             "/O=example/CN=host.example.org"};
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(find_part(text, begin + 1), text.size());
        const std::string part(text.substr(begin + 1, end - begin - 1));
        const std::size_t equals = part.find('=');
        const std::string value = part.substr(equals + 1);
        const int length = static_cast<int>(value.size());
        if (X509_NAME_add_entry_by_txt(name.get(), part.substr(0, equals).c_str(), MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(value.data()), length,
                                       -1, 0) != 1)
            return openssl_failure(ErrorCode::kReject, "\"" + part + "\" is no part of a name");
        begin = end;
    }
    return name;
}

}  // namespace lb::tls
