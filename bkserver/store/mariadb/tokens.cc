// The verbs of store.h about tokens, of Reader and Writer.
#include "bkserver/store/mariadb/reader.h"
#include "bkserver/store/mariadb/writer.h"

namespace lb::store::mariadb {

namespace {

constexpr std::string_view kSelectTokens =
    "SELECT id, secret, name, process, sources, may_read, issued_by, issued_us, expires_us, "
    "revoked_us, note FROM token ";

Token token_at(const Found& found, std::size_t row) {
    Token token;
    token.id = found.bytes(row, 0);
    token.secret_digest = found.bytes(row, 1);
    token.name = found.bytes(row, 2);
    token.process = found.bytes(row, 3);
    token.sources = found.number(row, 4);
    token.may_read = found.number(row, 5) != 0;
    token.issued_by = found.bytes(row, 6);
    token.issued_us = found.signed_number(row, 7);
    token.expires_us = found.signed_number(row, 8);
    token.revoked_us = found.signed_number(row, 9);
    token.note = found.bytes(row, 10);
    return token;
}

}  // namespace

Result<std::optional<Token>> MariadbReader::find_token(std::string_view id) {
    const Value value = id;
    LB_TRY_ASSIGN(const Found found,
                  query(std::string(kSelectTokens) + "WHERE id = ?", std::span(&value, 1)));
    if (found.count() == 0) return std::optional<Token>();
    return std::optional<Token>(token_at(found, 0));
}

Result<std::vector<Token>> MariadbReader::list_tokens(std::string_view after, std::uint32_t limit) {
    const Value values[] = {after, std::uint64_t{limit}};
    LB_TRY_ASSIGN(const Found found,
                  query(std::string(kSelectTokens) + "WHERE id > ? ORDER BY id LIMIT ?", values));
    std::vector<Token> tokens;
    for (std::size_t row = 0; row < found.count(); ++row) tokens.push_back(token_at(found, row));
    return tokens;
}

Status MariadbWriter::add_token(const Token& token) {
    const Value values[] = {std::string_view(token.id),
                            std::string_view(token.secret_digest),
                            std::string_view(token.name),
                            std::string_view(token.process),
                            token.sources,
                            std::uint64_t{token.may_read},
                            std::string_view(token.issued_by),
                            token.issued_us,
                            token.expires_us,
                            std::string_view(token.note)};
    LB_TRY(connection_.execute(
        "INSERT INTO token (id, secret, name, process, sources, may_read, issued_by, issued_us, "
        "expires_us, revoked_us, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
        values));
    return {};
}

Status MariadbWriter::revoke_token(std::string_view id, std::int64_t now_us) {
    // A token that is revoked already stays revoked since then.
    const Value values[] = {now_us, id};
    LB_TRY(connection_.execute("UPDATE token SET revoked_us = ? WHERE id = ? AND revoked_us = 0",
                               values));
    return {};
}

}  // namespace lb::store::mariadb
