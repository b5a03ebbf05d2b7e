#include "bkserver/store/mariadb/dsn.h"

#include <charconv>
#include <optional>

#include "common/base/encoding.h"

namespace lb::store::mariadb {

namespace {

constexpr std::string_view kScheme = "mariadb://";

Error wrong(std::string_view what) {
    return {ErrorCode::kReject, "database address: " + std::string(what) +
                                    " (expected mariadb://user:password@host:port/database or "
                                    "mariadb://user@/database?socket=/path)"};
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const auto byte = from_hex(text.substr(i + 1, 2));
        if (!byte || byte->size() != 1) return std::nullopt;
        decoded += *byte;
        i += 2;
    }
    return decoded;
}

// The part of `rest` before `separator`, cut off it; the whole when there is no separator.
std::string_view cut(std::string_view& rest, char separator) {
    const std::size_t at = rest.find(separator);
    const std::string_view head = rest.substr(0, at);
    rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
    return head;
}

Status set_parameter(Dsn& dsn, std::string_view name, std::string value) {
    if (name == "socket")
        dsn.socket = std::move(value);
    else if (name == "ssl_ca")
        dsn.ssl_ca = std::move(value);
    else if (name == "ssl_cert")
        dsn.ssl_cert = std::move(value);
    else if (name == "ssl_key")
        dsn.ssl_key = std::move(value);
    else
        return wrong("unknown parameter " + std::string(name));
    return {};
}

Status set_login(Dsn& dsn, std::string_view login) {
    const auto user = percent_decoded(cut(login, ':'));
    const auto password = percent_decoded(login);
    if (!user || !password) return wrong("bad percent-encoding before @");
    dsn.user = *user;
    dsn.password = *password;
    return {};
}

Status set_place(Dsn& dsn, std::string_view place) {
    const std::size_t colon = place.rfind(':');
    const bool has_port =
        colon != std::string_view::npos && place.find(']', colon) == std::string_view::npos;
    if (has_port) {
        const std::string_view port = place.substr(colon + 1);
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), dsn.port);
        if (error != std::errc{} || end != port.data() + port.size() || dsn.port == 0)
            return wrong("bad port " + std::string(port));
        place = place.substr(0, colon);
    }
    if (place.size() > 2 && place.front() == '[') place = place.substr(1, place.size() - 2);
    dsn.host = place;
    return {};
}

}  // namespace

Result<Dsn> Dsn::parse(std::string_view text) {
    if (!text.starts_with(kScheme)) return wrong("it does not begin with mariadb://");
    std::string_view path = text.substr(kScheme.size());
    std::string_view parameters = path;
    path = cut(parameters, '?');
    std::string_view authority = cut(path, '/');
    Dsn dsn;
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        LB_TRY(set_login(dsn, authority.substr(0, at)));
        authority = authority.substr(at + 1);
    }
    LB_TRY(set_place(dsn, authority));
    dsn.database = path;
    while (!parameters.empty()) {
        std::string_view value = cut(parameters, '&');
        const std::string_view name = cut(value, '=');
        const auto decoded = percent_decoded(value);
        if (!decoded) return wrong("bad percent-encoding in " + std::string(name));
        LB_TRY(set_parameter(dsn, name, *decoded));
    }
    if (dsn.database.empty()) return wrong("no database");
    if (dsn.host.empty() == dsn.socket.empty())
        return wrong("give either a host or the parameter socket");
    return dsn;
}

std::string Dsn::to_string() const {
    std::string text = std::string(kScheme) + user + "@" + host;
    if (socket.empty()) text += ":" + std::to_string(port);
    text += "/" + database;
    if (!socket.empty()) text += "?socket=" + socket;
    return text;
}

}  // namespace lb::store::mariadb
