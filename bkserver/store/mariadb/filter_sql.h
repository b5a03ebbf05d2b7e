// A Filter of filter.h as the condition of a prepared statement.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "bkserver/store/filter.h"
#include "bkserver/store/mariadb/connection.h"
#include "bkserver/store/mariadb/dictionary.h"

namespace lb::store::mariadb {

// A statement in the making: its text and its parameters in their order.
class Sql {
  public:
    explicit Sql(std::string text) : text_(std::move(text)) {}

    Sql& add(std::string_view text) {
        text_ += text;
        return *this;
    }
    // "?" with its value.
    Sql& bind(std::uint64_t number);
    Sql& bind_signed(std::int64_t number);
    Sql& bind(std::string bytes);
    // "(?, ?, ...)": lists are padded to a few lengths, so that few statements are prepared.
    Sql& bind_list(std::vector<std::int64_t> numbers);

    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] std::span<const Value> values() const { return values_; }

  private:
    std::string text_;
    std::vector<Value> values_;
    std::deque<std::string> kept_;
};

// The number of the scope of the first of its keys that a cloud gave (event::is_cloud_key); 0:
// none.
inline constexpr std::string_view kCloudOfProcess =
    "CAST(COALESCE((SELECT n.scope FROM subject n JOIN dictionary d ON d.number = n.scope "
    "WHERE n.process = p.number AND (d.content LIKE 'one-vmid:%' OR d.content LIKE 'nova-uuid:%' "
    "OR d.content LIKE 'proxmox-vmid:%') ORDER BY n.number LIMIT 1), 0) AS UNSIGNED)";
// Stored scopes end with it.
inline constexpr std::string_view kScopeEnd = "/";

// Adds " AND (condition)" to a statement whose tables are process p, and, when `filter` is of
// events, event e. Short names are completed by `service`.
Status add_filter(Sql& sql, const Filter& filter, Dictionary& dictionary, std::string_view service);

// The text under which a subject is stored; of a bare unique part the id of `service`.
std::string subject_text_of(std::string_view name, std::string_view service);

}  // namespace lb::store::mariadb
