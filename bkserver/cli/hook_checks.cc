#include "bkserver/cli/hook_checks.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "bkserver/cli/child_output.h"

namespace lb::cli {

namespace {

namespace fs = std::filesystem;

bool exists(const std::string& path) {
    std::error_code error;
    return fs::exists(path, error);
}

// Of a plain file that is not absurdly long; else empty.
std::string content_of(const std::string& path) {
    constexpr std::uintmax_t kBytesMax = 16 * 1024 * 1024;
    std::error_code error;
    if (!fs::is_regular_file(path, error) || fs::file_size(path, error) > kBytesMax) return {};
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Whether it is the hook of that name, or a script that calls it: others have hooks there, too.
bool names_hook(const std::string& path, std::string_view hook) {
    return content_of(path).find(hook) != std::string::npos;
}

// What the program's events tell; without any, `otherwise`.
Finding judge_program(const HookCheck& check, std::string_view name, std::string_view program,
                      Finding otherwise) {
    otherwise.check = name;
    if (!check.programs)
        return {Grade::kSkipped, std::string(name), "lb-logd could not be asked",
                "as root, with lb-logd up and of this version: lbctl doctor"};
    return judge_calls(name, program, *check.programs, check.now_us).value_or(otherwise);
}

const Finding kNotYet = {Grade::kSkipped, {}, "not since lb-logd started", {}};

// ---- libvirt

// The hook as libvirt would run it, with an operation that means nothing: it must end well and
// print nothing.
Finding try_libvirt_hook(const std::string& path) {
    const std::string check = "libvirt hook " + path;
    if (::access(path.c_str(), X_OK) != 0)
        return {Grade::kProblem, check, "cannot be executed", "chmod 755 " + path};
    const auto output = output_of({path, "lb-doctor", "attach", "begin", "-"});
    if (!output.ok() || !output->empty())
        return {Grade::kProblem, check,
                output.ok() ? "prints something, which spoils migrations" : output.error().text,
                "install it again from the package"};
    return {Grade::kOk, check, "installed, runs", {}};
}

// libvirt looks for hooks when it starts: one that is younger than that is never called, unless
// there was another one before.
Finding judge_hook_age(const std::string& root, const std::string& path) {
    std::error_code no_hook;
    std::error_code no_daemon;
    const auto hook = fs::last_write_time(fs::path(path).parent_path(), no_hook);
    fs::file_time_type daemon;
    for (const char* pid_file : {"/run/libvirtd.pid", "/run/virtqemud.pid", "/run/virtxend.pid"}) {
        daemon = fs::last_write_time(root + pid_file, no_daemon);
        if (!no_daemon) break;
    }
    if (no_hook || no_daemon) return {Grade::kSkipped, {}, "libvirtd does not run here", {}};
    if (hook <= daemon)
        return {Grade::kOk,
                {},
                "not since lb-logd started; the hook was there when libvirtd started",
                {}};
    return {Grade::kWarning,
            {},
            "it was installed after libvirtd had started",
            "systemctl restart libvirtd (guests run on); then: lbctl adopt"};
}

// On a host of Xen the driver is libxl.
void check_libvirt(const HookCheck& check, Findings& findings) {
    if (!exists(check.root + "/etc/libvirt")) {
        findings.push_back({Grade::kSkipped, "libvirt hook", "no libvirt on this host", {}});
        return;
    }
    const std::string driver = exists(check.root + "/proc/xen/capabilities") ? "libxl" : "qemu";
    const std::string hooks = check.root + "/etc/libvirt/hooks/" + driver;
    for (const std::string& path : {hooks + ".d/50-lb", hooks}) {
        if (!names_hook(path, "lb-hook-libvirt")) continue;
        findings.push_back(try_libvirt_hook(path));
        findings.push_back(judge_program(check, "libvirt calls the hook", "lb-hook-libvirt",
                                         judge_hook_age(check.root, path)));
        return;
    }
    findings.push_back({Grade::kProblem, "libvirt hook", "not installed",
                        "install lb-hook-libvirt as " + hooks + ".d/50-lb and restart libvirtd"});
}

// ---- Proxmox VE

// The settings of a machine itself stand before those of its snapshots, which begin with a "[".
bool has_proxmox_hook(const std::string& configuration) {
    const std::string content = content_of(configuration);
    const std::string current = content.substr(0, content.find("\n["));
    const std::size_t line = ("\n" + current).find("\nhookscript:");
    return line != std::string::npos &&
           current.substr(line, current.find('\n', line) - line).find("lb-hook-proxmox") !=
               std::string::npos;
}

void check_proxmox(const HookCheck& check, Findings& findings) {
    const std::string machines = check.root + "/etc/pve/qemu-server";
    if (!exists(machines)) return;
    std::size_t all = 0;
    std::string without;
    std::error_code error;
    for (fs::directory_iterator file(machines, error), end; !error && file != end;
         file.increment(error)) {
        if (file->path().extension() != ".conf") continue;
        ++all;
        if (!has_proxmox_hook(file->path())) without += " " + file->path().stem().string();
    }
    Finding finding{
        Grade::kOk, "Proxmox hookscript", "all " + std::to_string(all) + " machines have it", {}};
    if (error)
        finding = {Grade::kSkipped, finding.check, machines + ": " + error.message(),
                   "run as root"};
    if (!without.empty())
        finding = {Grade::kProblem, finding.check, "machines without it:" + without,
                   "qm set VMID --hookscript local:snippets/lb-hook-proxmox"};
    findings.push_back(finding);
    findings.push_back(
        judge_program(check, "Proxmox calls the hookscript", "lb-hook-proxmox", kNotYet));
}

// ---- XAPI

void check_xapi(const HookCheck& check, Findings& findings) {
    const std::string events = check.root + "/etc/xapi.d";
    if (!exists(events)) return;
    std::string missing;
    for (const char* event : {"vm-pre-start", "vm-pre-resume", "vm-post-resume", "vm-pre-shutdown",
                              "vm-pre-reboot", "vm-post-destroy", "vm-post-migrate"}) {
        const std::string path = events + "/" + event + "/50-lb";
        const bool is_there = names_hook(path, "lb-hook-xapi") && ::access(path.c_str(), X_OK) == 0;
        if (!is_there) missing += " " + std::string(event);
    }
    Finding finding{Grade::kOk, "XAPI hooks", "installed", {}};
    if (!missing.empty())
        finding = {
            Grade::kProblem, finding.check, "not installed, or not executable, for" + missing,
            "ln -s /usr/libexec/lb/lb-hook-xapi " + events + "/EVENT/50-lb for each of them"};
    findings.push_back(finding);
    findings.push_back(judge_program(check, "XAPI calls the hooks", "lb-hook-xapi", kNotYet));
}

// ---- OpenNebula

// Which hooks are registered OpenNebula tells its administrator alone; here counts who speaks.
void check_opennebula(const HookCheck& check, Findings& findings) {
    if (!exists(check.root + "/etc/one/oned.conf")) return;
    Finding otherwise = {Grade::kWarning,
                         {},
                         "not since lb-logd started, and no agent runs",
                         "systemctl enable --now lb-agent-opennebula; or, as OpenNebula's "
                         "administrator: lbctl setup opennebula --register, with a rule of sources "
                         "for that user in logd.toml"};
    if (exists(check.agents_runtime + "/lb-agent-opennebula"))
        otherwise = {Grade::kSkipped, {}, "not since lb-logd started; the agent runs", {}};
    findings.push_back(
        judge_program(check, "OpenNebula calls the hook", "lb-hook-opennebula", otherwise));
}

// ---- the machine itself

void check_machine(const HookCheck& check, Findings& findings) {
    constexpr char kCheck[] = "this machine tells of itself";
    if (!exists(check.root + "/etc/systemd/system/multi-user.target.wants/lb-machine.service"))
        return findings.push_back({Grade::kSkipped, kCheck, "lb-machine is not enabled",
                                   "on a physical machine: systemctl enable --now lb-machine"});
    findings.push_back(judge_program(check, kCheck, "lb-machine",
                                     {Grade::kWarning,
                                      {},
                                      "not since lb-logd started",
                                      "systemctl status lb-machine lb-machine-heartbeat.timer; "
                                      "they do not run on a virtual machine"}));
}

}  // namespace

void check_hooks(const HookCheck& check, Findings& findings) {
    check_libvirt(check, findings);
    check_proxmox(check, findings);
    check_xapi(check, findings);
    check_opennebula(check, findings);
    check_machine(check, findings);
}

}  // namespace lb::cli
