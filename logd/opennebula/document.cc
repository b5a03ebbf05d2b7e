#include "logd/opennebula/document.h"

#include <charconv>
#include <pugixml.hpp>

namespace lb::opennebula {

namespace {

template <typename Number>
std::optional<Number> number_of(const pugi::xml_node& node, const char* name) {
    const std::string_view text = node.child(name).text().as_string();
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::int64_t seconds_of(const pugi::xml_node& node, const char* name) {
    const auto seconds = number_of<std::int64_t>(node, name);
    return seconds && *seconds > 0 && *seconds < INT64_MAX / 1'000'000 ? *seconds : 0;
}

Stay stay_of(const pugi::xml_node& history) {
    Stay stay;
    stay.hostname = history.child("HOSTNAME").text().as_string();
    stay.sequence = number_of<int>(history, "SEQ").value_or(0);
    stay.action = number_of<int>(history, "ACTION").value_or(0);
    stay.prolog_begin = seconds_of(history, "PSTIME");
    stay.prolog_end = seconds_of(history, "PETIME");
    stay.run_begin = seconds_of(history, "RSTIME");
    stay.run_end = seconds_of(history, "RETIME");
    stay.epilog_begin = seconds_of(history, "ESTIME");
    stay.epilog_end = seconds_of(history, "EETIME");
    return stay;
}

void read_stays(const pugi::xml_node& vm, VmDocument& document) {
    for (const pugi::xml_node& history : vm.child("HISTORY_RECORDS").children("HISTORY")) {
        Stay stay = stay_of(history);
        if (document.stay && document.stay->sequence > stay.sequence) continue;
        if (document.stay) document.previous_host = document.stay->hostname;
        document.stay = std::move(stay);
    }
}

void read_template(const pugi::xml_node& vm, VmDocument& document) {
    const pugi::xml_node shown = vm.child("TEMPLATE");
    document.uuid = shown.child("OS").child("UUID").text().as_string();
    document.cpu = shown.child("CPU").text().as_string();
    document.memory = shown.child("MEMORY").text().as_string();
    document.image = shown.child("DISK").child("IMAGE").text().as_string();
    for (const pugi::xml_node& nic : shown.children("NIC")) {
        if (document.nics.size() == kNicsMax) return;
        document.nics.push_back(
            {nic.child("IP").text().as_string(), nic.child("MAC").text().as_string()});
    }
}

Error missing(std::string_view what, const pugi::xml_node& node) {
    return {ErrorCode::kReject, "a " + std::string(node.name()) + " of OpenNebula has no number " +
                                    std::string(what) + "; is the argument $TEMPLATE?"};
}

Result<VmDocument> vm_of(const pugi::xml_node& vm) {
    VmDocument document;
    const auto id = number_of<int>(vm, "ID");
    const auto state = number_of<int>(vm, "STATE");
    if (!id || *id < 0) return missing("ID", vm);
    if (!state) return missing("STATE", vm);
    document.id = *id;
    document.state = *state;
    document.lcm_state = number_of<int>(vm, "LCM_STATE").value_or(0);
    document.previous_state = number_of<int>(vm, "PREV_STATE").value_or(document.state);
    document.previous_lcm_state = number_of<int>(vm, "PREV_LCM_STATE").value_or(document.lcm_state);
    document.name = vm.child("NAME").text().as_string();
    document.user = vm.child("UNAME").text().as_string();
    document.begin = seconds_of(vm, "STIME");
    document.end = seconds_of(vm, "ETIME");
    read_template(vm, document);
    read_stays(vm, document);
    return document;
}

Result<HostDocument> host_of(const pugi::xml_node& host) {
    const auto id = number_of<int>(host, "ID");
    const auto state = number_of<int>(host, "STATE");
    if (!id || *id < 0) return missing("ID", host);
    if (!state) return missing("STATE", host);
    return HostDocument{*id, host.child("NAME").text().as_string(), *state};
}

template <typename Document>
void take(Result<Document> document, std::vector<Document>& into, std::vector<Error>& refused) {
    if (document.ok())
        into.push_back(std::move(*document));
    else
        refused.push_back(document.error());
}

// Children of `parent` that are machines or hosts.
void read_children(const pugi::xml_node& parent, Documents& documents) {
    for (const pugi::xml_node& vm : parent.children("VM"))
        take(vm_of(vm), documents.vms, documents.refused);
    for (const pugi::xml_node& host : parent.children("HOST"))
        take(host_of(host), documents.hosts, documents.refused);
}

}  // namespace

Result<Documents> parse_documents(std::string_view xml) {
    if (xml.size() > kDocumentBytesMax)
        return Error{ErrorCode::kReject,
                     "the XML is larger than " + std::to_string(kDocumentBytesMax) + " bytes"};
    pugi::xml_document parsed;
    const pugi::xml_parse_result result = parsed.load_buffer(xml.data(), xml.size());
    if (!result)
        return Error{ErrorCode::kReject,
                     "this is no XML of OpenNebula: " + std::string(result.description()) +
                         " at byte " + std::to_string(result.offset)};
    Documents documents;
    read_children(parsed, documents);
    read_children(parsed.document_element(), documents);
    if (!documents.vms.empty() || !documents.hosts.empty()) return documents;
    if (!documents.refused.empty()) return documents.refused.front();
    if (!std::string_view(parsed.document_element().name()).ends_with("_POOL"))
        return Error{ErrorCode::kReject, "there is neither VM nor HOST in <" +
                                             std::string(parsed.document_element().name()) + ">"};
    return documents;
}

}  // namespace lb::opennebula
