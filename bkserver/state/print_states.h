// The tables as documentation: what `lb-bkserver --print-states`, `--print-graph` and tables.md
// show.
#pragma once

#include <string>

#include "bkserver/state/machine.h"

namespace lb::state {

// Markdown: claims, moves, what is ignored, and a Graphviz graph of the states that the rows move
// to.
std::string print_states(const Machine& machine);
// All types that have tables, behind a heading of the whole: bkserver/state/tables.md.
std::string print_all_states();
// The graph alone, as `dot` reads it; of all types that have tables one after the other.
std::string print_graph(const Machine& machine);
std::string print_all_graphs();

}  // namespace lb::state
