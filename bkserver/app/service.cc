#include "bkserver/app/service.h"

#include <chrono>
#include <cstdlib>
#include <future>

#include "bkserver/app/default_policy.h"
#include "bkserver/app/messages.h"
#include "bkserver/state/print_states.h"
#include "common/base/guard.h"
#include "common/base/json_line.h"
#include "common/env/env.h"
#include "common/event/time_text.h"

namespace lb::bkserver {

namespace {

using net::Milliseconds;
using store::mariadb::Dsn;
using store::mariadb::MariadbDatabase;
using store::mariadb::PrivateServer;

constexpr char kDatabaseName[] = "lb";
constexpr Milliseconds kTick{250};
constexpr std::uint32_t kTicksPerSecond = 4;
// The loop must come around in this time, else the daemon counts as stuck.
constexpr std::uint64_t kStuckUs = 10'000'000;
// How long peers may take to read what was sent to them before the server stops.
constexpr Milliseconds kDrainTimeout{3'000};
constexpr auto kDatabasePause = std::chrono::seconds(1);

std::string type_words() {
    std::string words;
    for (const state::Machine* machine : state::machines())
        words += (words.empty() ? "" : ", ") + std::string(machine->word);
    return words;
}

Result<std::string> print(std::string_view name, std::string_view value) {
    if (name == "print-policy") return std::string(default_policy_text());
    const bool is_graph = name == "print-graph";
    if (value.empty()) return is_graph ? state::print_all_graphs() : state::print_all_states();
    const std::uint32_t type = state::process_type_from_word(value);
    const state::Machine* const machine = state::find_machine(state::machines(), type);
    if (type != 0 && machine != nullptr)
        return is_graph ? state::print_graph(*machine) : state::print_states(*machine);
    return Error{ErrorCode::kReject, "--" + std::string(name) + ": there is no table for \"" +
                                         std::string(value) + "\"; there are " + type_words()};
}

Status check(const config::Config& config, const app::Directories& directories) {
    LB_TRY_ASSIGN(const ServerOptions options, options_of(config, directories));
    LB_TRY(policy_of_option(options.policy));
    if (!options.database.empty()) LB_TRY(Dsn::parse(options.database));
    return {};
}

}  // namespace

app::Program bkserver_program() {
    app::Program program;
    program.name = "lb-bkserver";
    program.summary = "keeps the books: takes events, works out states, answers questions";
    program.options = option_table();
    program.messages = kMessages;
    program.default_directories = {"/var/lib/lb-bkserver", "/run/lb-bkserver"};
    program.start = &ServerService::start;
    program.check = &check;
    program.print = &print;
    program.print_switches = {
        {"print-states", "print the tables by which states are worked out (=TYPE: one), and end"},
        {"print-graph", "print them as graphs for Graphviz' dot (=TYPE: one), and end"},
        {"print-policy", "print the policy of a server that is given none, and end"}};
    return program;
}

Result<std::unique_ptr<app::Service>> ServerService::start(const config::Config& config,
                                                           const app::Directories& directories) {
    LB_TRY_ASSIGN(ServerOptions options, options_of(config, directories));
    LB_TRY_ASSIGN(authz::RuleSet rules, policy_of_option(options.policy));
    std::unique_ptr<ServerService> service(new ServerService(std::move(options), std::move(rules)));
    LB_TRY(service->open_database());
    LB_TRY(service->open_rooms());
    LB_TRY(service->open_doors());
    return std::unique_ptr<app::Service>(std::move(service));
}

ServerService::ServerService(ServerOptions options, authz::RuleSet rules)
    : options_(std::move(options)),
      policy_(std::move(rules), options_.admin_uids),
      stamper_(options_.host,
               [this](const lb::v1::Identity& identity) { return policy_.groups(identity); }) {}

ServerService::~ServerService() {
    stop();
}

// Waits for a database that is away; one that is there and wrong is an error at once.
Status ServerService::open_database() {
    const auto tell = [](const std::string& text) { log::write(kDatabase, text); };
    Dsn dsn;
    if (options_.database.empty()) {
        auto private_options = options_.private_server;
        private_options.on_message = tell;
        LB_TRY_ASSIGN(private_server_, PrivateServer::start(private_options));
        dsn = private_server_->dsn(kDatabaseName);
    } else {
        LB_TRY_ASSIGN(dsn, Dsn::parse(options_.database));
    }
    for (std::uint32_t waited = 0;; ++waited) {
        auto opened =
            MariadbDatabase::open({dsn,
                                   options_.instance,
                                   options_.service,
                                   {options_.query_seconds_max, options_.slow_query_ms,
                                    [](const store::mariadb::SlowQuery& slow) {
                                        log::write(slow.was_ended ? kQueryEnded : kSlowQuery,
                                                   slow.milliseconds, slow.sql, slow.plan);
                                    }},
                                   tell});
        if (opened.ok()) {
            database_ = std::move(*opened);
            log::write(kDatabase, dsn.to_string());
            return {};
        }
        if (opened.error().code != ErrorCode::kRetry || waited >= options_.database_wait_seconds)
            return opened.error().within("opening the database " + dsn.to_string());
        log::write(kDatabaseAway, opened.error().text);
        std::this_thread::sleep_for(kDatabasePause);
    }
}

Status ServerService::open_rooms() {
    LB_TRY_ASSIGN(token_reader_, database_->open_reader());
    tokens_.connect([this](const std::string& id) {
        const std::lock_guard lock(token_reader_mutex_);
        return token_reader_->find_token(id);
    });
    LB_TRY_ASSIGN(const std::string secret, token_reader_->secret());
    policy_.derive_salt(secret);
    policy_.trust(tokens_);
    ingest::LaneOptions lanes = options_.lanes;
    lanes.on_message = [](const std::string& text) { log::write(kIngest, text); };
    LB_TRY_ASSIGN(lanes_,
                  ingest::Lanes::start(*database_, policy_, lanes, metrics::Registry::global()));
    administration_ = std::make_unique<ServerAdministration>(
        *database_, policy_, tokens_, options_.lanes.book,
        ServerFacts{.service = options_.service,
                    .slow_query_ms = options_.slow_query_ms,
                    .is_ready = [this] { return is_ready(); },
                    .forwarders = [this] { return doors_->forwarders(); }});
    LB_TRY_ASSIGN(queries_,
                  AnswerPool::start(*database_, policy_, *administration_, options_.query_threads,
                                    options_.queries_waiting_max));
    LB_TRY_ASSIGN(http_pool_,
                  AnswerPool::start(*database_, policy_, *administration_, options_.http_threads,
                                    options_.http_requests_waiting_max));
    LB_TRY_ASSIGN(changes_, ChangeFeed::start(*database_, policy_, options_.http.connections_max));
    http_desk_ = std::make_unique<HttpDesk>(HttpRooms{.lanes = *lanes_,
                                                      .stamper = stamper_,
                                                      .policy = policy_,
                                                      .tokens = tokens_,
                                                      .administration = *administration_,
                                                      .changes = *changes_,
                                                      .service = options_.service,
                                                      .is_ready = [this] { return is_ready(); }});
    http_door_ = std::make_unique<HttpDoor>(options_.http, *http_desk_, *http_pool_);
    doors_ = std::make_unique<Doors>(options_.session, options_.host,
                                     Rooms{*lanes_, stamper_, *queries_, *http_door_});
    LB_TRY_ASSIGN(
        watch_, Watch::start(*database_, {.report_seconds = options_.session.keepalive_seconds,
                                          .loggers = [this] { return doors_->logger_reports(); }}));
    LB_TRY_ASSIGN(settling_, Settling::start(*database_));
    return {};
}

Status ServerService::open_doors() {
    net::ListenerOptions listener;
    listener.connections_max = options_.connections_max;
    listener.opening_max = std::max<std::size_t>(options_.connections_max / 4, 16);
    listener.limits.frame_bytes_max = options_.session.frame_bytes_max;
    listener.limits.idle_timeout =
        Milliseconds(std::int64_t{3'000} * options_.session.keepalive_seconds);
    listener.make_handler = [this](net::Connection& c) { return doors_->make_handler(c); };
    listener.on_refused = [this](const std::string& address, const Error& why) {
        doors_->refuse(address, why);
    };
    LB_TRY_ASSIGN(local_, net::Listener::open_unix(loop_, options_.socket_path, listener));
    std::string place = "no network";
    if (options_.tls.certificate.empty()) {
        log::write(kNoNetwork);
    } else {
        LB_TRY_ASSIGN(credentials_, tls::Credentials::load(options_.tls));
        LB_TRY_ASSIGN(network_, net::Listener::open_tls(loop_, options_.address, options_.port,
                                                        credentials_, listener));
        place = options_.address + " port " + std::to_string(network_->port());
    }
    loop_.call_after(kTick, [this] { tick(); });
    ticked_at_us_ = env::posix_env().monotonic_us();
    thread_ = std::thread([this] { serve(); });
    if (options_.policy == "open") log::write(kPolicyOpen);
    log::write(kListening, options_.service, place, options_.socket_path);
    return {};
}

void ServerService::serve() {
    const Status ran = guarded([this] { loop_.run(); });
    if (ran.ok()) return;
    // Nobody would be answered any more: who watches over us starts us again.
    log::write(kLoopFailed, ran.error().text);
    std::abort();
}

void ServerService::tick() {
    ticked_at_us_ = env::posix_env().monotonic_us();
    doors_->give_credit();
    if (++ticks_ % (kTicksPerSecond * options_.session.keepalive_seconds) == 0)
        doors_->keep_alive();
    loop_.call_after(kTick, [this] { tick(); });
}

bool ServerService::is_ready() const {
    return watch_ != nullptr && watch_->is_database_there() && lanes_->is_database_there();
}

bool ServerService::is_alive() const {
    return env::posix_env().monotonic_us() < ticked_at_us_ + kStuckUs;
}

std::uint16_t ServerService::port() const {
    return network_ ? network_->port() : 0;
}

void ServerService::stop() {
    if (std::exchange(is_stopped_, true)) return;
    if (thread_.joinable()) {
        loop_.post([this] {
            network_.reset();
            local_.reset();
        });
    }
    // Whoever is being answered gets his answer before the connections close. What connections lead
    // to stays until the last of them is gone: from here on it takes nothing.
    if (queries_) queries_->stop();
    if (http_pool_) http_pool_->stop();
    changes_.reset();
    if (lanes_) lanes_->stop();
    watch_.reset();
    settling_.reset();
    if (thread_.joinable()) {
        loop_.post([this] { doors_->close_all(); });
        const auto end = std::chrono::steady_clock::now() + kDrainTimeout;
        while (doors_->connection_count() > 0 && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(Milliseconds(10));
        loop_.stop();
        thread_.join();
    }
    doors_.reset();
    http_door_.reset();
    http_pool_.reset();
    queries_.reset();
    lanes_.reset();
    administration_.reset();
    database_.reset();
    if (private_server_) private_server_->stop();
}

Status ServerService::reload(const config::Config& config) {
    const std::string policy = config.text("policy");
    LB_TRY_ASSIGN(authz::RuleSet rules, policy_of_option(policy));
    if (credentials_) LB_TRY(credentials_->reload());
    if (policy == "open") log::write(kPolicyOpen);
    log::write(kPolicyLoaded, policy.empty() ? "the default" : policy, rules.rules.size());
    policy_.replace(std::move(rules));
    return {};
}

Result<bool> ServerService::renew() {
    return credentials_ ? credentials_->reload_if_changed() : false;
}

std::string ServerService::status_json() const {
    const ingest::Room room = lanes_->room();
    nlohmann::ordered_json status = {
        {"daemon", "lb-bkserver"},
        {"version", LB_VERSION},
        {"service", options_.service},
        {"port", port()},
        {"ready", is_ready()},
        {"events_last_hour", lanes_->settled_last_hour()},
        {"connections", doors_->connection_count()},
        {"room_events", room.events},
        {"room_bytes", room.bytes},
        {"private_mariadbd_restarts", private_server_ ? private_server_->restarts() : 0},
        {"forwarders", doors_->forwarders()}};
    if (credentials_) {
        status["identity"] = credentials_->own_identity().dn;
        status["certificate_expires"] = event::time_to_text(credentials_->not_after_us());
    }
    return json_line(status);
}

Result<std::string> ServerService::control(std::string_view verb, std::string_view) {
    return app::unknown_verb("lb-bkserver", verb);
}

}  // namespace lb::bkserver
