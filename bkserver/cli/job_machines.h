// Which job ran on which virtual machine when nobody said so: the job's node is the host name that
// the machine had while the job ran. From statuses in their JSON form. A guess by name, and to be
// shown as one: what ConnectJob says is certain.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bkserver/cli/command_line.h"

namespace lb::cli {

// Members of a job's status that name where it ran.
inline constexpr std::string_view kNodeMembers[] = {"ce_node", "cream_node", "pbs_dest_host",
                                                    "condor_dest_host"};

// Members of a status that the guess needs.
std::vector<std::string> members_of_guess();

// The host names that a machine has or had; none for other processes.
std::vector<std::string> host_names_of(const Json& machine);
// The names of where a job ran; none for other processes and for one that has not run.
std::vector<std::string> nodes_of(const Json& job);

// Whether the machine had one of the job's nodes as its name at a time at which the job ran there.
bool has_run_on(const Json& job, const Json& machine);

}  // namespace lb::cli
