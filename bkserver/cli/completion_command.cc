#include "bkserver/cli/completion_command.h"

#include <ostream>

namespace lb::cli {

namespace {

void add_words(const CLI::App& command, std::string& words) {
    for (const CLI::App* sub : command.get_subcommands({})) words += " " + sub->get_name();
    for (const CLI::Option* option : command.get_options())
        for (const std::string& name : option->get_lnames()) words += " --" + name;
}

// One case of the shell's switch for each command and those below it.
void add_cases(const CLI::App& command, const std::string& path, const std::string& shared,
               std::string& cases) {
    std::string words;
    add_words(command, words);
    cases += "        \"" + path + "\") words=\"" + words + shared + "\" ;;\n";
    for (const CLI::App* sub : command.get_subcommands({}))
        add_cases(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), shared,
                  cases);
}

std::string bash_completion(const CLI::App& lbctl) {
    std::string shared;
    for (const CLI::Option* option : lbctl.get_options())
        for (const std::string& name : option->get_lnames()) shared += " --" + name;
    std::string cases;
    add_cases(lbctl, "", shared, cases);
    return "# Completion of lbctl for bash: eval \"$(lbctl completion bash)\"\n"
           "_lbctl() {\n"
           "    local current=\"${COMP_WORDS[COMP_CWORD]}\" path=\"\" words=\"\" word\n"
           "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
           "        case \"$word\" in -*) ;; *) path=\"${path:+$path }$word\" ;; esac\n"
           "    done\n"
           "    case \"$path\" in\n" +
           cases +
           "    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
           "}\n"
           "complete -o default -F _lbctl lbctl\n";
}

}  // namespace

void add_completion_command(CLI::App& lbctl, Context& context) {
    CLI::App* const parent = lbctl.add_subcommand("completion", "Completion for a shell");
    parent->require_subcommand(1)->fallthrough();
    add_command(*parent, context, "bash", "Prints what bash evaluates", [&lbctl, &context] {
        context.out << bash_completion(lbctl);
        return Status();
    })->footer("Example: eval \"$(lbctl completion bash)\"");
}

}  // namespace lb::cli
