#include "common/config/toml_file.h"

#include <fstream>
#include <sstream>

#include "common/config/toml.h"

namespace lb::config {

namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;
constexpr int kDepthMax = 8;

Error wrong(const std::string& file, const toml::source_region& where, std::string_view why) {
    return {ErrorCode::kReject, file + ":" + std::to_string(where.begin.line) + ":" +
                                    std::to_string(where.begin.column) + ": " + std::string(why)};
}

class Flattener {
  public:
    explicit Flattener(const std::string& file) : file_(file) {}

    Status add_table(const toml::table& table, const std::string& prefix, int depth) {
        if (depth > kDepthMax) return wrong(file_, table.source(), "tables lie too deep");
        for (const auto& [key, node] : table) {
            const std::string name = prefix + std::string(key.str());
            const Status status = node.is_table()
                                      ? add_table(*node.as_table(), name + ".", depth + 1)
                                      : add_value(name, node);
            if (!status.ok()) return status;
        }
        return {};
    }

    std::vector<TomlValue> take() { return std::move(values_); }

  private:
    Status add_value(const std::string& name, const toml::node& node) {
        TomlValue value{name, Kind::kText, "", node.source().begin.line};
        if (const auto* text = node.as_string()) {
            value.text = text->get();
        } else if (const auto* number = node.as_integer()) {
            value.kind = Kind::kInteger;
            value.text = std::to_string(number->get());
        } else if (const auto* boolean = node.as_boolean()) {
            value.kind = Kind::kBoolean;
            value.text = boolean->get() ? "true" : "false";
        } else if (const auto* list = node.as_array()) {
            value.kind = Kind::kTextList;
            if (!join(*list, value.text))
                return wrong(file_, node.source(), name + " must be a list of texts without ','");
        } else {
            return wrong(file_, node.source(), name + " has a kind of value that no option takes");
        }
        values_.push_back(std::move(value));
        return {};
    }

    static bool join(const toml::array& list, std::string& text) {
        for (const toml::node& item : list) {
            const auto* item_text = item.as_string();
            if (item_text == nullptr || item_text->get().find(',') != std::string::npos)
                return false;
            text += (text.empty() ? "" : ", ") + item_text->get();
        }
        return true;
    }

    const std::string& file_;
    std::vector<TomlValue> values_;
};

}  // namespace

Result<std::vector<TomlValue>> parse_toml(std::string_view content, const std::string& file) {
    if (content.size() > kFileBytesMax)
        return Error{ErrorCode::kReject, file + ": larger than 1 MiB"};
    LB_TRY_ASSIGN(const toml::table table, parse_toml_table(content, file));
    Flattener flattener(file);
    LB_TRY(flattener.add_table(table, "", 0));
    return flattener.take();
}

Result<std::vector<TomlValue>> read_toml(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return Error{ErrorCode::kReject, file + ": cannot be opened"};
    std::ostringstream content;
    content << stream.rdbuf();
    return parse_toml(content.str(), file);
}

}  // namespace lb::config
