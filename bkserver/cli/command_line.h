// What every command of lbctl shares: where the server is, how to print, how to fail.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <iosfwd>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "bkserver/cli/exit_code.h"
#include "common/base/result.h"

namespace lb::cli {

using Json = nlohmann::ordered_json;
using OnRow = std::function<void(const Json&)>;

struct Settings {
    std::string server;       // host:port, or the path of the server's local socket
    std::string certificate;  // PEM files, for host:port
    std::string key;
    std::string authorities;
    std::string server_name;  // in the server's certificate, when it is not the host
    int timeout_seconds = 30;
    bool is_json = false;
    std::string output = "table";  // or json, csv, id: how rows are printed
};

// What standard output is.
struct Terminal {
    std::size_t width = 0;  // columns; 0: no terminal, nothing is cut
    bool has_colours = false;

    // No colours where NO_COLOR is set or TERM is dumb.
    static Terminal of_output();
};

// The program while one command runs. Output and complaints go through it.
struct Context {
    Settings settings;
    std::ostream& out;
    std::ostream& err;
    int exit_code = kDone;
    Terminal terminal = {};
    bool is_unreachable = false;  // no server was met

    // "lbctl: <text>" on the error stream; the exit code that fits.
    void fail(const Error& error);
    // One line of JSON.
    void print_json(const Json& row);
};

// Options of all commands, with their environment variables LB_SERVER, LB_CERT, LB_KEY, LB_CA.
void add_settings(CLI::App& lbctl, Settings& settings);

// What a command prints: rows, in any form that --output names, or words for people and JSON alone.
enum class Prints : std::uint8_t { kWords, kRows };

// Adds a subcommand whose `run` says how it went; a failure becomes message and exit code. A form
// of output that it does not have is refused before it does anything.
CLI::App* add_command(CLI::App& parent, Context& context, const std::string& name,
                      const std::string& help, std::function<Status()> run,
                      Prints prints = Prints::kWords);

}  // namespace lb::cli
