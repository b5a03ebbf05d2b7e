// `lbctl replay`: folds events from a file without a server and shows what the states become.
#pragma once

#include <CLI/CLI.hpp>
#include <iosfwd>
#include <string>

#include "bkserver/cli/replay_input.h"

namespace lb::cli {

struct ReplayOptions {
    std::string file;  // "-": standard input
    ReplayForm form = ReplayForm::kDetect;
    bool is_json = false;
    bool is_final = false;
};

// Exit codes: 0 all well, 1 some event was malformed (the others were folded), 2 the input could
// not be read.
inline constexpr int kReplayMalformed = 1;
inline constexpr int kReplayUnreadable = 2;

// Results to `out`, complaints to `err`; returns the exit code.
int replay(const ReplayOptions& options, std::ostream& out, std::ostream& err);

// Adds the subcommand `replay` to lbctl; when it is chosen, its exit code is stored in `exit_code`,
// which must outlive the parsing.
void add_replay_command(CLI::App& lbctl, int& exit_code);

}  // namespace lb::cli
