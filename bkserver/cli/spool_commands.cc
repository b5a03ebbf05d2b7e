#include "bkserver/cli/spool_commands.h"

#include <ostream>

#include "bkserver/cli/connection.h"
#include "bkserver/cli/row_printer.h"
#include "bkserver/cli/spool_replay.h"
#include "bkserver/cli/table.h"
#include "common/app/control.h"
#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/event/json.h"
#include "common/event/time_text.h"
#include "common/spool/inspect.h"
#include "lb/v1/envelope.pb.h"

namespace lb::cli {

namespace {

constexpr char kDefaultSpool[] = "/var/spool/lb/spool";
constexpr char kDefaultRuntime[] = "/run/lb";
constexpr int kControlTimeoutMs = 5000;

constexpr char kReplayFooter[] =
    "Sends the events that lb-interlogd set aside to the server that --server names, if they are\n"
    "for the service that it keeps. Each leaves the quarantine when the server has settled it; "
    "the\n"
    "server knows repeats by their ids. As the server takes events of this host's users from the\n"
    "host alone, give its certificate. A service that lb-interlogd reaches by one of its `routes`\n"
    "is reached here by the same: --server is the place, --server-name the service's host.\n\n"
    "Examples:\n"
    "  lbctl --server lb.example.org:9000 --cert hostcert.pem --key hostkey.pem spool replay\n"
    "  lbctl --server 10.0.0.7:9000 --server-name lb.example.org --cert hostcert.pem\n"
    "    --key hostkey.pem spool replay";

Status list_spool(Context& context, const std::string& root) {
    LB_TRY_ASSIGN(const auto lanes, spool::summarize(env::posix_env(), root));
    LB_TRY_ASSIGN(const auto spans, spool::list_quarantine(env::posix_env(), root));
    RowPrinter printer(context,
                       {{"DESTINATION", "destination"},
                        {"LANE", "lane"},
                        {"UNSETTLED", "unsettled"},
                        {"BYTES", "bytes"},
                        {"SEGMENTS", "segments"},
                        {"OLDEST", "oldest"}},
                       "destination");
    for (const spool::LaneSummary& lane : lanes) {
        Json row = {{"destination", lane.id.destination.to_string()},
                    {"lane", spool::to_string(lane.id.lane)},
                    {"unsettled", lane.tail.events},
                    {"bytes", lane.tail.bytes},
                    {"segments", lane.tail.segments}};
        if (lane.tail.oldest_us != 0) row["oldest"] = event::time_to_text(lane.tail.oldest_us);
        printer.add(row);
    }
    printer.finish();
    const bool is_table = context.settings.output == "table";
    for (const spool::QuarantinedSpan& span : spans) {
        if (context.settings.is_json)
            context.print_json(
                {{"quarantined", span.path}, {"bytes", span.bytes}, {"reason", span.reason}});
        else
            (is_table ? context.out : context.err)
                << "in quarantine: " << span.path << ", " << span.bytes
                << " bytes: " << printable(span.reason) << '\n';
    }
    return {};
}

Status verify_spool(Context& context, const std::string& root) {
    LB_TRY_ASSIGN(const auto reports, spool::verify(env::posix_env(), root));
    RowPrinter printer(context,
                       {{"DESTINATION", "destination"},
                        {"LANE", "lane"},
                        {"SEGMENT", "segment"},
                        {"EVENTS", "events"},
                        {"BYTES", "bytes"},
                        {"CONDITION", "condition"}},
                       "segment");
    std::size_t damaged = 0;
    for (const spool::SegmentReport& report : reports) {
        std::string condition = report.is_sealed ? "sealed" : "open";
        if (report.tail_bytes > 0)
            condition += ", torn tail of " + std::to_string(report.tail_bytes) + " bytes";
        Json damages = Json::array();
        for (const spool::Damage& damage : report.damages) {
            condition += "; " + std::to_string(damage.bytes) + " bytes at " +
                         std::to_string(damage.offset) + ": " + damage.reason;
            damages.push_back(
                {{"offset", damage.offset}, {"bytes", damage.bytes}, {"reason", damage.reason}});
        }
        if (!report.damages.empty()) ++damaged;
        printer.add({{"destination", report.id.destination.to_string()},
                     {"lane", spool::to_string(report.id.lane)},
                     {"segment", report.name.number},
                     {"events", report.events},
                     {"bytes", report.file_bytes},
                     {"condition", condition},
                     {"sealed", report.is_sealed},
                     {"tail_bytes", report.tail_bytes},
                     {"damages", damages}});
    }
    printer.finish();
    if (damaged == 0) return {};
    context.exit_code = kNotFound;
    context.err << "lbctl: " << damaged << " segments are damaged; what can be read goes on, the "
                << "rest is put into quarantine when lb-interlogd comes to it\n";
    return {};
}

Json record_json(const spool::Record& record) {
    Json row = {{"segment", record.begin.segment},
                {"offset", record.begin.offset},
                {"appended", event::time_to_text(record.appended_us)}};
    lb::v1::Envelope envelope;
    if (!envelope.ParseFromString(record.payload)) {
        row["error"] = "the record is no envelope";
        return row;
    }
    row["event_id"] = event::event_id_to_text(envelope.event_id());
    const auto decoded = event::decode(envelope.event());
    if (decoded.ok())
        row["event"] = event::event_to_json(envelope.subject(), *decoded);
    else
        row["error"] = decoded.error().text;
    return row;
}

Status show_lane(Context& context, const std::string& root, const std::string& destination,
                 std::uint64_t limit) {
    LB_TRY_ASSIGN(const auto parsed, spool::Destination::parse(destination));
    for (const spool::Lane lane : spool::kLanes) {
        std::uint64_t shown = 0;
        LB_TRY(spool::visit_records(env::posix_env(), root, {parsed, lane},
                                    [&](const spool::Record& record) {
                                        context.print_json(record_json(record));
                                        return ++shown != limit;
                                    }));
    }
    return {};
}

Status retry(Context& context, const std::string& runtime, const std::string& destination) {
    const std::string path = runtime + "/lb-interlogd.control";
    auto answer = app::ask_control(path, "retry " + destination, kControlTimeoutMs);
    if (!answer.ok()) {
        context.fail(answer.error().within("lb-interlogd at " + path));
        context.exit_code = kUnavailable;
        return {};
    }
    const Json row = Json::parse(*answer, nullptr, false);
    if (row.is_object() && row.contains("error"))
        return Error{ErrorCode::kNotFound, text_of(row, "error")};
    if (context.settings.is_json)
        context.print_json(row);
    else
        context.out << "lb-interlogd tries " << (destination.empty() ? "all" : destination)
                    << " now\n";
    return {};
}

Status replay(Context& context, const std::string& root) {
    LB_TRY_ASSIGN(const auto client, connect(context));
    const lb::v1::HelloReply& hello = client->hello();
    LB_TRY_ASSIGN(const auto destination, spool::Destination::parse(hello.service()));
    spool::Quarantine quarantine(env::posix_env(), root, 0);
    ClientPeer peer(*client);
    LB_TRY_ASSIGN(
        const ReplayCounts counts,
        replay_events(quarantine, destination, peer, {hello.credit_events(), hello.credit_bytes()},
                      [&context](const std::string& complaint) {
                          context.err << "lbctl: " << printable(complaint) << '\n';
                      }));
    if (context.settings.is_json)
        context.print_json(
            {{"settled", counts.settled}, {"refused", counts.refused}, {"others", counts.others}});
    else
        context.out << counts.settled << " events settled by " << destination.to_string() << ", "
                    << counts.refused << " of them refused; " << counts.others
                    << " are for other servers\n";
    return {};
}

}  // namespace

void add_spool_commands(CLI::App& lbctl, Context& context) {
    struct Places {
        std::string root = kDefaultSpool;
        std::string runtime = kDefaultRuntime;
        std::string destination;
        std::uint64_t limit = 20;
    };
    auto places = std::make_shared<Places>();
    CLI::App* const parent =
        lbctl.add_subcommand("spool", "The spool of this host: what waits to be forwarded");
    parent->require_subcommand(1)->fallthrough();
    parent->add_option("--spool-dir", places->root, "directory of the spool")
        ->envname("LB_SPOOL_DIR")
        ->capture_default_str();
    parent->add_option("--runtime-dir", places->runtime, "where the daemons' sockets are")
        ->envname("LB_RUNTIME_DIR")
        ->capture_default_str();

    add_command(
        *parent, context, "list", "Lanes, and what waits in them",
        [&context, places] { return list_spool(context, places->root); }, Prints::kRows)
        ->footer("Example: lbctl spool list -o csv");
    add_command(
        *parent, context, "verify",
        "Read every byte and say what is damaged; exit with 1 if anything is",
        [&context, places] { return verify_spool(context, places->root); }, Prints::kRows)
        ->footer("Example: lbctl spool verify --spool-dir /var/spool/lb");
    CLI::App* const show =
        add_command(*parent, context, "show", "Events that wait for a destination, as JSON",
                    [&context, places] {
                        return show_lane(context, places->root, places->destination, places->limit);
                    });
    show->add_option("DESTINATION", places->destination, "host:port")->required();
    show->add_option("--limit", places->limit, "so many of each lane; 0: all")
        ->capture_default_str();
    show->footer("Example: lbctl spool show lb.example.org:9000 --limit 5");
    CLI::App* const retry_command = add_command(
        *parent, context, "retry", "Connect now instead of waiting out the back-off",
        [&context, places] { return retry(context, places->runtime, places->destination); });
    retry_command->add_option("DESTINATION", places->destination, "host:port; default: all");
    retry_command->footer("Example: lbctl spool retry lb.example.org:9000");
    add_command(*parent, context, "replay", "Send the events in quarantine to their server again",
                [&context, places] { return replay(context, places->root); })
        ->footer(kReplayFooter);
}

}  // namespace lb::cli
