#include "bkserver/cli/tag_command.h"

#include <vector>

#include "bkserver/cli/asking.h"
#include "bkserver/cli/connection.h"
#include "bkserver/cli/direct_log.h"
#include "bkserver/cli/table.h"

namespace lb::cli {

namespace {

struct TagOptions {
    std::string process;
    std::vector<std::string> tags;
};

Result<std::vector<DirectField>> fields_of(const std::string& tag) {
    const std::size_t equals = tag.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == tag.size())
        return Error{ErrorCode::kReject, "'" + tag + "' is no tag; write NAME=VALUE"};
    return std::vector<DirectField>{{"name", tag.substr(0, equals)},
                                    {"value", tag.substr(equals + 1)}};
}

// All are read before the first is logged.
Status tag(Context& context, const TagOptions& options) {
    std::vector<std::vector<DirectField>> events;
    for (const std::string& text : options.tags) {
        LB_TRY_ASSIGN(auto fields, fields_of(text));
        events.push_back(std::move(fields));
    }
    LB_TRY_ASSIGN(Asker server, Asker::connect(context));
    std::string id;
    LB_TRY(
        server.status({{options.process}}, [&](const Json& row) { id = text_of(row, "jobId"); }));
    LB_TRY_ASSIGN(const auto client, connect(context));
    for (const auto& fields : events)
        LB_TRY(log_direct(*client, id, event::EventType::kUserTag, fields));
    return {};
}

}  // namespace

void add_tag_command(CLI::App& lbctl, Context& context) {
    auto options = std::make_shared<TagOptions>();
    CLI::App* const command =
        add_command(lbctl, context, "tag", "Put tags on a process of yours; the newest counts",
                    [&context, options] { return tag(context, *options); });
    command->add_option("PROCESS", options->process, "id, its unique part, or a key")->required();
    command->add_option("TAG", options->tags, "NAME=VALUE")->required();
    command->footer(
        "Example: lbctl tag libvirt-uuid:/6b1a2a9e-5a0f-4f2e-9f3c-0d6a1c1f5b10 project=alpha\n"
        "Found again: lbctl jobs 'tag.project=alpha'");
}

}  // namespace lb::cli
