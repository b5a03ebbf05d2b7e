#include "bkserver/cli/tree_command.h"

#include <algorithm>
#include <memory>
#include <ostream>
#include <set>
#include <vector>

#include "bkserver/cli/asking.h"
#include "bkserver/cli/host_condition.h"
#include "bkserver/cli/job_machines.h"
#include "bkserver/cli/row_printer.h"
#include "common/base/quoted.h"

namespace lb::cli {

namespace {

// What a tree shows at most.
constexpr std::size_t kTreeProcessesMax = 1000;
constexpr int kTreeDepthMax = 8;
// For how many of them a server looks through its processes for jobs on machines of that name.
constexpr int kTreeGuessesMax = 32;

constexpr std::string_view kHostKey = "host:/";

struct TreeOptions {
    std::string root;
    bool shows_past = false;  // also the machines that a host carried before
};

struct Node {
    std::string process;
    std::string relation;  // to the one above
    int depth = 0;
    bool is_inferred = false;  // the relation: nobody logged it
};

// Which processes may be related to this one by a host name: jobs of a machine, machines of a job.
// Empty: none.
std::string condition_by_name(const Json& status) {
    std::string condition;
    const auto add = [&](std::string_view member, const std::string& name) {
        condition += (condition.empty() ? "" : " or ") + names_host(member, name);
    };
    for (const std::string& name : host_names_of(status))
        for (const std::string_view member : kNodeMembers) add(member, name);
    if (!condition.empty()) return condition;
    for (const std::string& node : nodes_of(status))
        for (const char* member : {"vm_hostname", "address"}) add(member, node);
    return condition.empty() ? condition : "type=virtual_machine and (" + condition + ")";
}

class Tree {
  public:
    Tree(Context& context, Asker& server, bool shows_past)
        : context_(context),
          server_(server),
          shows_past_(shows_past),
          printer_(context, {{"DEPTH", "depth"},
                             {"RELATION", "relation"},
                             {"INFERRED", "inferred"},
                             {"PROCESS", "jobId"},
                             {"TYPE", "jobtype"},
                             {"STATE", "state"},
                             {"VM STATE", "vm_state"},
                             {"NAME", "vm_name"},
                             {"NOTE", "note"}}) {}

    // Depth first, without recursion; who was shown is not opened again.
    Status print(const std::string& root) {
        LB_TRY_ASSIGN(Json status, root_status(root));
        std::vector<Node> open = {Node{root, {}, 0}};
        while (!open.empty()) {
            const Node node = std::move(open.back());
            open.pop_back();
            if (node.depth > 0) {
                LB_TRY_ASSIGN(status, status_of(node));
            }
            const std::string id = text_of(status, "jobId");
            print_node(node, status);
            if (!shown_.insert(id).second) continue;
            if (shown_.size() == kTreeProcessesMax) is_cut_ = is_cut_ || !open.empty();
            if (shown_.size() == kTreeProcessesMax) break;
            LB_TRY_ASSIGN(std::vector<Node> below, related(node, id, status));
            if (node.depth == kTreeDepthMax) is_cut_ = is_cut_ || !below.empty();
            if (node.depth == kTreeDepthMax) continue;
            open.insert(open.end(), below.rbegin(), below.rend());
        }
        if (is_cut_)
            context_.err << "lbctl: there are more; shown are " << kTreeProcessesMax
                         << " processes and " << kTreeDepthMax << " levels at most\n";
        return {};
    }

  private:
    Result<Json> ask_status(const std::string& process) {
        Json status;
        LB_TRY(server_.status({{process}}, [&](const Json& row) { status = row; }));
        return status;
    }

    // Of a process; else of the physical machine that has this host name, or, where that is no
    // process, the mere name, if machines run there.
    Result<Json> root_status(const std::string& root) {
        auto status = ask_status(root);
        if (status.ok() || status.error().code != ErrorCode::kNotFound) return status;
        const std::string host = root.starts_with(kHostKey) ? root.substr(kHostKey.size()) : root;
        if (host.find_first_of(":/") != std::string::npos) return status;
        root_host_ = host;
        LB_TRY_ASSIGN(const std::string machine,
                      first_of("type=physical_machine and " + names_host("key", host, kHostKey)));
        if (!machine.empty()) return ask_status(machine);
        LB_TRY_ASSIGN(const std::string carried, first_of(names_host("host", host)));
        if (carried.empty()) return status;
        return Json{{"jobtype", "physical_machine"},
                    {"vm_hostname", host},
                    {"note", "a name in events; the machine itself is not registered"}};
    }

    // The id of the first process that fits; empty: there is none.
    Result<std::string> first_of(const std::string& condition) {
        std::string id;
        LB_TRY(server_.query({.condition = condition}, 1,
                             [&](const Json& row) { id = text_of(row, "jobId"); }));
        return id;
    }

    Result<Json> status_of(const Node& node) {
        auto status = ask_status(node.process);
        if (status.ok()) return status;
        // What is related may be gone, or another's.
        const ErrorCode code = status.error().code;
        if (code != ErrorCode::kNotFound && code != ErrorCode::kDenied) return status;
        return Json{{"jobId", node.process}, {"note", status.error().text}};
    }

    void print_node(const Node& node, const Json& status) {
        const std::string& output = context_.settings.output;
        if (output == "table") return print_line(node, status);
        const std::string id = text_of(status, "jobId");
        if (output == "id" && id.empty()) return;
        Json row = {{"depth", node.depth}};
        if (!id.empty()) row["jobId"] = id;
        if (!node.relation.empty()) row["relation"] = node.relation;
        if (node.is_inferred) row["inferred"] = true;
        for (const char* member :
             {"jobtype", "state", "vm_state", "vm_name", "vm_hostname", "placements", "note"})
            if (status.contains(member)) row[member] = status[member];
        printer_.add(row);
    }

    void print_line(const Node& node, const Json& status) {
        const std::string margin(static_cast<std::size_t>(node.depth) * 2, ' ');
        context_.out << margin;
        if (!node.relation.empty())
            context_.out << node.relation << (node.is_inferred ? " (inferred)" : "") << ": ";
        const std::string id = text_of(status, "jobId");
        context_.out << (id.empty() ? text_of(status, "vm_hostname") : id);
        for (const std::string& words : {text_of(status, "jobtype"), state_words(status),
                                         text_of(status, "vm_name"), text_of(status, "note")})
            if (!words.empty()) context_.out << "  " << words;
        context_.out << '\n';
        if (!status.contains("placements")) return;
        for (const Json& placement : status["placements"]) {
            context_.out << margin << "  on " << text_of(placement, "host") << " from "
                         << text_of(placement, "from");
            if (placement.contains("to")) context_.out << " to " << text_of(placement, "to");
            context_.out << '\n';
        }
    }

    Result<std::vector<Node>> related(const Node& node, const std::string& id, const Json& status) {
        std::vector<Node> nodes;
        const auto add = [&](const std::string& process, const std::string& relation) {
            if (!process.empty() && !shown_.contains(process))
                nodes.push_back({process, relation, node.depth + 1, false});
        };
        if (status.contains("connections"))
            for (const Json& edge : status["connections"])
                add(text_of(edge, "to"), "connected, " + text_of(edge, "state"));
        if (!id.empty()) LB_TRY(find_related("parent=" + lb::quoted(id), "child", add));
        if (text_of(status, "jobtype") == "physical_machine") {
            const std::string host = host_of(node, status);
            if (!host.empty()) LB_TRY(find_carried(host, add));
        }
        LB_TRY(add_inferred(node, status, nodes));
        return nodes;
    }

    // A machine that is done keeps the name of the host that it was on.
    template <typename Add>
    Status find_carried(const std::string& host, Add add) {
        const std::string is_there = names_host("host", host) + " and state!=done";
        LB_TRY(find_related(is_there, "carries", add));
        if (!shows_past_) return {};
        const std::string was_there =
            "(" + names_host("host", host) + " or " + names_host("placements", host) + ")";
        return find_related(was_there + " and not (" + is_there + ")", "carried", add);
    }

    // Those that nobody connected, but that have a host name and a time in common.
    Status add_inferred(const Node& node, const Json& status, std::vector<Node>& nodes) {
        const std::string condition = condition_by_name(status);
        if (condition.empty()) return {};
        is_cut_ = is_cut_ || guesses_ == kTreeGuessesMax;
        if (guesses_ == kTreeGuessesMax) return {};
        ++guesses_;
        const bool is_machine = !host_names_of(status).empty();
        const auto is_there = [&](const std::string& process) {
            return shown_.contains(process) ||
                   std::any_of(nodes.begin(), nodes.end(),
                               [&](const Node& one) { return one.process == process; });
        };
        const QueryQuestion question = {.condition = condition, .fields = members_of_guess()};
        LB_TRY_ASSIGN(const bool has_more,
                      server_.query(question, kTreeProcessesMax, [&](const Json& row) {
                          const std::string process = text_of(row, "jobId");
                          if (is_there(process) ||
                              !(is_machine ? has_run_on(row, status) : has_run_on(status, row)))
                              return;
                          nodes.push_back(
                              {process, is_machine ? "ran here" : "ran on", node.depth + 1, true});
                      }));
        is_cut_ = is_cut_ || has_more;
        return {};
    }

    // The name of a physical machine: in the key that was asked for, or as it was logged.
    [[nodiscard]] std::string host_of(const Node& node, const Json& status) const {
        if (node.process.starts_with(kHostKey)) return node.process.substr(kHostKey.size());
        if (node.depth == 0 && !root_host_.empty()) return root_host_;
        return text_of(status, "vm_hostname");
    }

    template <typename Add>
    Status find_related(const std::string& condition, const std::string& relation, Add add) {
        LB_TRY_ASSIGN(const bool has_more, server_.query({.condition = condition},
                                                         kTreeProcessesMax, [&](const Json& row) {
                                                             add(text_of(row, "jobId"), relation);
                                                         }));
        is_cut_ = is_cut_ || has_more;
        return {};
    }

    Context& context_;
    Asker& server_;
    const bool shows_past_;
    RowPrinter printer_;     // of all forms but the table
    std::string root_host_;  // when the root was asked for by the name of a host
    std::set<std::string> shown_;
    int guesses_ = 0;
    bool is_cut_ = false;
};

Status tree(Context& context, const TreeOptions& options) {
    LB_TRY_ASSIGN(Asker server, Asker::connect(context));
    return Tree(context, server, options.shows_past).print(options.root);
}

}  // namespace

void add_tree_command(CLI::App& lbctl, Context& context) {
    auto options = std::make_shared<TreeOptions>();
    CLI::App* const tree_command = add_command(
        lbctl, context, "tree",
        "A process or host with its members, children, "
        "machines, jobs and connections, level by level",
        [&context, options] { return tree(context, *options); }, Prints::kRows);
    tree_command
        ->add_option("PROCESS", options->root,
                     "id, its unique part, or a key; or the short or full name of a host")
        ->required();
    tree_command->add_flag("--past", options->shows_past,
                           "of a host also the machines that it carried before");
    tree_command->footer(
        "A job that names as its node what was the host name of a machine at that time is shown "
        "there,\n"
        "marked as inferred.\n\n"
        "Example: lbctl tree node1.example.org");
}

}  // namespace lb::cli
