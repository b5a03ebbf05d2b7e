// A private directory with what lb-logd needs, and the events that tests log there.
#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "common/event/codec.h"
#include "common/event/event_id.h"
#include "common/frame/frame.h"
#include "lb/v1/envelope.pb.h"
#include "lb/v1/wire.pb.h"
#include "logd/daemon/options.h"

namespace lb::test {

struct LogdDirectory {
    LogdDirectory() {
        std::string made = "/tmp/lb-logd-XXXXXX";
        REQUIRE(mkdtemp(made.data()) != nullptr);
        path = made;
    }
    ~LogdDirectory() { std::filesystem::remove_all(path); }
    LogdDirectory(const LogdDirectory&) = delete;
    LogdDirectory& operator=(const LogdDirectory&) = delete;

    [[nodiscard]] logd::LogdOptions options() const {
        const std::vector<config::Override> overrides = {
            {"host", "node1.example.org"}, {"default_destination", "lb.example.org:9000"}};
        const auto config = config::Config::load(logd::option_table(), "", overrides);
        REQUIRE(config.ok());
        auto options = logd::options_of(*config, {path, path});
        REQUIRE(options.ok());
        options->spool.free_bytes_min = 0;
        return *options;
    }

    std::string path;
};

// A LOG frame: a machine that runs, with a reason of `reason_bytes`.
inline std::string log_frame(std::size_t reason_bytes = 10) {
    event::Event event;
    event.type = static_cast<std::uint16_t>(event::EventType::kVMStop);
    event.source = event::Source::kVmManager;
    event.time_us = 1'795'521'600'000'000;
    event.set_text("reason", std::string(reason_bytes, 'x'));
    v1::Envelope envelope;
    envelope.set_schema(1);
    envelope.set_event_id(event::new_event_id());
    envelope.set_subject("libvirt-uuid:/6b1a2a9e-3a0f-4c8e-9a51-0d7c4c1d9a01");
    envelope.set_event(event::encode(event));
    std::string frame;
    frame::append_frame(frame, v1::FRAME_TYPE_LOG, envelope.SerializeAsString());
    return frame;
}

}  // namespace lb::test
