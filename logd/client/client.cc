// The C ABI over Producer: no exception, no C++ type crosses it.
#include "lb/client.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>

#include "common/base/ascii.h"
#include "common/base/limits.h"
#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/event/field_text.h"
#include "common/event/seqcode.h"
#include "logd/client/line.h"
#include "logd/client/producer.h"

namespace {

lb::client::ProducerOptions options_of_process() {
    lb::client::ProducerOptions options = lb::client::options_from_environment();
    options.open_remote = lb::client::open_remote_line;
    lb::client::take_logger_of_environment(options);
    return options;
}

}  // namespace

struct lb_context {
    std::mutex mutex;
    lb::client::ProducerOptions options = options_of_process();
    lb::event::Source source = lb::event::Source::kUndefined;
    std::string instance;
    std::string host;
    std::string sequence_code;  // of the next event; empty: events of this context have none
    std::unique_ptr<lb::client::Producer> producer;  // made by the first lb_log
};

struct lb_event {
    lb::event::Event event;
};

namespace {

thread_local std::string last_text;

lb_outcome outcome_of(lb::ErrorCode code) {
    switch (code) {
        case lb::ErrorCode::kOk:
            return LB_DURABLE;
        case lb::ErrorCode::kRetry:
        case lb::ErrorCode::kTimeout:
        case lb::ErrorCode::kNotFound:
        case lb::ErrorCode::kCorrupt:
            return LB_ERR_RETRY;
        case lb::ErrorCode::kReject:
        case lb::ErrorCode::kConflict:
        case lb::ErrorCode::kUnsupported:
            return LB_ERR_REJECT;
        case lb::ErrorCode::kDenied:
            return LB_ERR_DENIED;
        case lb::ErrorCode::kFull:
            return LB_ERR_FULL;
        case lb::ErrorCode::kBug:
            return LB_ERR_BUG;
    }
    return LB_ERR_BUG;
}

lb_outcome outcome_of(lb::client::Outcome outcome) {
    switch (outcome) {
        case lb::client::Outcome::kDurable:
            return LB_DURABLE;
        case lb::client::Outcome::kCommitted:
            return LB_COMMITTED;
        case lb::client::Outcome::kDropped:
            return LB_DROPPED;
    }
    return LB_ERR_BUG;
}

lb_outcome fail(const lb::Error& error) {
    last_text = error.text;
    return outcome_of(error.code);
}

lb_outcome reject(std::string text) {
    return fail({lb::ErrorCode::kReject, std::move(text)});
}

lb_outcome result_of(const lb::Status& status) {
    return status.ok() ? LB_DURABLE : fail(status.error());
}

// Runs `call`; an exception (there is no memory) becomes LB_ERR_BUG.
template <typename Call>
lb_outcome guarded(Call call) {
    try {
        return call();
    } catch (...) {
        return LB_ERR_BUG;
    }
}

lb_outcome set_source(lb_context& context, const char* value) {
    const auto source = lb::event::source_of_name(value);
    if (!source) return reject("there is no source \"" + std::string(value) + "\"");
    context.source = *source;
    return LB_DURABLE;
}

lb_outcome set_timeout(lb_context& context, const char* value) {
    const int timeout_ms = std::atoi(value);
    if (timeout_ms <= 0) return reject("the timeout must be a positive number of milliseconds");
    context.options.timeout_ms = timeout_ms;
    return LB_DURABLE;
}

lb_outcome set_logger(lb::client::ProducerOptions& options, const char* value) {
    const auto place = lb::client::parse_logger(value);
    if (!place.ok()) return fail(place.error());
    lb::client::set_logger(options, value);
    return LB_DURABLE;
}

// Where the text of such an option is kept.
std::string* place_of(lb::client::ProducerOptions& options, lb_option option) {
    if (option == LB_OPTION_SOCKET) return &options.socket_path;
    if (option == LB_OPTION_DROP_DIR) return &options.drop_directory;
    if (option == LB_OPTION_CERTIFICATE) return &options.certificate;
    return option == LB_OPTION_KEY ? &options.key : &options.authorities;
}

lb_outcome set_connection_option(lb_context& context, lb_option option, const char* value) {
    if (context.producer) return reject("this option must be set before the first event is logged");
    lb::client::ProducerOptions& options = context.options;
    if (option == LB_OPTION_TIMEOUT_MS) return set_timeout(context, value);
    if (option == LB_OPTION_LOGGER) return set_logger(options, value);
    if (option == LB_OPTION_SOCKET) options.logger.clear();
    *place_of(options, option) = value;
    return LB_DURABLE;
}

lb_outcome set_sequence_code(lb_context& context, std::string_view value) {
    if (context.source == lb::event::Source::kUndefined)
        return reject("set LB_OPTION_SOURCE before the sequence code: whose counter is it?");
    std::string code = lb::event::next_code(value, context.source);
    if (code.size() >= LB_SEQUENCE_CODE_TEXT) return reject("the sequence code is too long");
    context.sequence_code = std::move(code);
    return LB_DURABLE;
}

lb_outcome set_option(lb_context& context, lb_option option, const char* value) {
    const std::lock_guard lock(context.mutex);
    switch (option) {
        case LB_OPTION_SOCKET:
        case LB_OPTION_DROP_DIR:
        case LB_OPTION_TIMEOUT_MS:
        case LB_OPTION_LOGGER:
        case LB_OPTION_CERTIFICATE:
        case LB_OPTION_KEY:
        case LB_OPTION_AUTHORITIES:
            return set_connection_option(context, option, value);
        case LB_OPTION_SOURCE:
            return set_source(context, value);
        case LB_OPTION_INSTANCE:
            context.instance = value;
            return LB_DURABLE;
        case LB_OPTION_HOST:
            context.host = value;
            return LB_DURABLE;
        case LB_OPTION_SEQUENCE_CODE:
            return set_sequence_code(context, value);
    }
    return reject("there is no such option");
}

lb_outcome set_level(lb::event::Event& event, const char* value) {
    const auto names = lb::event::level_names();
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!lb::equal_ignoring_case(names[i], value)) continue;
        event.level = static_cast<std::uint8_t>(i);
        return LB_DURABLE;
    }
    return reject("there is no level \"" + std::string(value) + "\"");
}

lb_outcome set_field(lb::event::Event& event, std::string_view field, const char* value) {
    if (field == "level") return set_level(event, value);
    if (field == "sequence_code" || field == "user") {
        (field == "user" ? event.user : event.sequence_code) = value;
        return LB_DURABLE;
    }
    return result_of(lb::event::set_field_from_text(event, field, value));
}

// The event as it is logged: with the context's defaults. Makes the producer on the first call.
lb::event::Event with_defaults(lb_context& context, const lb::event::Event& event) {
    const std::lock_guard lock(context.mutex);
    if (!context.producer)
        context.producer = std::make_unique<lb::client::Producer>(context.options);
    lb::event::Event whole = event;
    whole.source = context.source;
    whole.source_instance = context.instance;
    whole.host = context.host;
    if (whole.sequence_code.empty() && !context.sequence_code.empty()) {
        whole.sequence_code = context.sequence_code;
        context.sequence_code = lb::event::next_code(context.sequence_code, context.source);
    }
    lb::client::complete(whole);
    return whole;
}

lb_outcome log_event(lb_context& context, const char* subject, const lb_event& event, bool is_sync,
                     char* event_id) {
    const lb::event::Event whole = with_defaults(context, event.event);
    if (whole.source == lb::event::Source::kUndefined)
        return reject("set LB_OPTION_SOURCE before logging: who speaks?");
    const auto logged = context.producer->log(subject, whole, is_sync);
    if (!logged.ok()) return fail(logged.error());
    last_text = logged->text;
    if (event_id != nullptr) {
        const std::string text = lb::event::event_id_to_text(logged->event_id);
        std::memcpy(event_id, text.c_str(), text.size() + 1);
    }
    return outcome_of(logged->outcome);
}

}  // namespace

extern "C" {

lb_context* lb_context_new(void) {
    try {
        return new lb_context;
    } catch (...) {
        return nullptr;
    }
}

void lb_context_free(lb_context* context) {
    delete context;
}

lb_outcome lb_context_set(lb_context* context, lb_option option, const char* value) {
    if (context == nullptr || value == nullptr) return LB_ERR_REJECT;
    return guarded([&] { return set_option(*context, option, value); });
}

lb_event* lb_event_new(const char* type) {
    const lb::event::TypeInfo* info = type == nullptr ? nullptr : lb::event::find_type(type);
    if (info == nullptr) return nullptr;
    try {
        auto event = std::make_unique<lb_event>();
        event->event.type = info->code;
        return event.release();
    } catch (...) {
        return nullptr;
    }
}

void lb_event_free(lb_event* event) {
    delete event;
}

lb_outcome lb_event_set(lb_event* event, const char* field, const char* value) {
    if (event == nullptr || field == nullptr || value == nullptr) return LB_ERR_REJECT;
    return guarded([&] { return set_field(event->event, field, value); });
}

lb_outcome lb_event_set_time_us(lb_event* event, int64_t time_us) {
    if (event == nullptr || time_us <= 0) return LB_ERR_REJECT;
    event->event.time_us = time_us;
    return LB_DURABLE;
}

lb_outcome lb_event_set_resync(lb_event* event, int is_resync) {
    if (event == nullptr) return LB_ERR_REJECT;
    event->event.is_resync = is_resync != 0;
    return LB_DURABLE;
}

lb_outcome lb_event_set_attribute(lb_event* event, const char* name, const char* value) {
    if (event == nullptr || name == nullptr || value == nullptr) return LB_ERR_REJECT;
    return guarded([&] {
        auto& attributes = event->event.attributes;
        if (attributes.size() >= lb::limits::kAttributesMax && !attributes.contains(name))
            return reject("an event has at most " + std::to_string(lb::limits::kAttributesMax) +
                          " attributes");
        attributes[name] = value;
        return LB_DURABLE;
    });
}

lb_outcome lb_log(lb_context* context, const char* subject, const lb_event* event, int sync,
                  char event_id[LB_EVENT_ID_TEXT]) {
    if (context == nullptr || subject == nullptr || event == nullptr) return LB_ERR_REJECT;
    return guarded([&] { return log_event(*context, subject, *event, sync != 0, event_id); });
}

lb_outcome lb_sequence_code(lb_context* context, char code[LB_SEQUENCE_CODE_TEXT]) {
    if (context == nullptr || code == nullptr) return LB_ERR_REJECT;
    return guarded([&] {
        const std::lock_guard lock(context->mutex);
        if (context->sequence_code.empty())
            return reject("this context has no sequence code; set LB_OPTION_SEQUENCE_CODE");
        std::memcpy(code, context->sequence_code.c_str(), context->sequence_code.size() + 1);
        return LB_DURABLE;
    });
}

const char* lb_last_text(void) {
    return last_text.c_str();
}

}  // extern "C"
