#include "logd/agent/service.h"

#include <nlohmann/json.hpp>

#include "common/base/json_line.h"

namespace lb::agent {

namespace {

using config::Kind;

// clang-format off
constexpr config::Option kLoggerOptions[] = {
    {"host", Kind::kText, "", "name of this host in events, as its hooks say it; empty: the system's"},
    {"socket", Kind::kText, "", "the logger's socket; empty: LB_SOCKET or /run/lb/logd.sock"},
    {"drop_dir", Kind::kText, "", "where events go while the logger is away; empty: LB_DROP_DIR or /var/spool/lb/drop"},
};
// clang-format on

class AgentService final : public app::Service {
  public:
    AgentService(std::string_view name, client::ProducerOptions options)
        : name_(name), producer_(std::move(options)) {}

    Status start(const Start& start, const config::Config& config,
                 const app::Directories& directories) {
        LB_TRY_ASSIGN(agent_, start(config, directories,
                                    [this](std::string_view subject, const event::Event& event,
                                           std::string_view event_id) -> Status {
                                        const auto logged =
                                            producer_.log(subject, event, false, event_id);
                                        return logged.ok() ? Status() : Status(logged.error());
                                    }));
        return {};
    }

    void stop() override { agent_.reset(); }
    Status reload(const config::Config&) override { return {}; }
    [[nodiscard]] std::string status_json() const override {
        nlohmann::ordered_json status{{"daemon", name_}, {"version", LB_VERSION}};
        status.update(agent_->status());
        return json_line(status);
    }
    Result<std::string> control(std::string_view verb, std::string_view) override {
        return app::unknown_verb(name_, verb);
    }
    [[nodiscard]] bool is_alive() const override { return agent_->is_alive(); }

  private:
    const std::string name_;
    client::Producer producer_;
    std::unique_ptr<Agent> agent_;
};

}  // namespace

app::Program program_of(const Description& description) {
    app::Program program;
    program.name = description.name;
    program.summary = description.summary;
    program.options = description.options;
    program.messages = description.messages;
    program.default_directories = description.directories;
    program.check = [check = description.check](const config::Config& config,
                                                const app::Directories&) { return check(config); };
    program.start =
        [name = description.name, start = description.start,
         speaks_for_guests = description.speaks_for_guests](
            const config::Config& config,
            const app::Directories& directories) -> Result<std::unique_ptr<app::Service>> {
        client::ProducerOptions options = producer_options_of(config);
        options.speaks_for_guests = speaks_for_guests;
        auto service = std::make_unique<AgentService>(name, std::move(options));
        LB_TRY(service->start(start, config, directories));
        return std::unique_ptr<app::Service>(std::move(service));
    };
    return program;
}

std::vector<config::Option> with_logger_options(std::span<const config::Option> own) {
    std::vector<config::Option> options(own.begin(), own.end());
    options.insert(options.end(), std::begin(kLoggerOptions), std::end(kLoggerOptions));
    return options;
}

std::string host_of(const config::Config& config) {
    if (!config.text("host").empty()) return config.text("host");
    event::Event local;
    client::complete(local);
    return local.host;
}

client::ProducerOptions producer_options_of(const config::Config& config) {
    client::ProducerOptions options = client::options_from_environment();
    if (!config.text("socket").empty()) options.socket_path = config.text("socket");
    if (!config.text("drop_dir").empty()) options.drop_directory = config.text("drop_dir");
    return options;
}

}  // namespace lb::agent
