// A store on the private mariadbd of the test binary, in a database of its own.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>

#include "bkserver/store/mariadb/database.h"
#include "bkserver/store/store.h"
#include "common/event/codec.h"
#include "common/event/event.h"
#include "common/event/order_key.h"
#include "tests/support/private_mariadb.h"

namespace lb::test {

struct StoreBench {
    StoreBench() : StoreBench(PrivateMariadb::shared().fresh_dsn()) {}
    explicit StoreBench(store::mariadb::Dsn address) : dsn(std::move(address)) {
        database = open("server-one");
        writer = database->open_writer(0).value();
        reader = database->open_reader().value();
    }
    [[nodiscard]] std::unique_ptr<store::mariadb::MariadbDatabase> open(
        const std::string& instance) const {
        auto opened = store::mariadb::MariadbDatabase::open({dsn, instance, "lb.example.org:9000"});
        INFO((opened.ok() ? "" : opened.error().text));
        REQUIRE(opened.ok());
        return std::move(*opened);
    }
    // A committed process named `id`.
    store::ProcessNumber found(const std::string& id, const std::string& state = "Submitted") {
        store::Process process;
        process.type = 11;
        process.state = state;
        process.owner = "certificate:/DC=org/CN=alice";
        process.registers = "registers of " + id;
        return found(id, std::move(process));
    }
    store::ProcessNumber found(const std::string& id, store::Process process) {
        REQUIRE(writer->begin().ok());
        process.number = writer->take_subject_numbers(1).value();
        process.revision = 1;
        const store::Subject subject = {process.number, id, process.number};
        REQUIRE(writer->add_subjects(std::span(&subject, 1)).ok());
        REQUIRE(writer->add_processes(std::span(&process, 1)).ok());
        REQUIRE(writer->commit().ok());
        return process.number;
    }
    store::Event event(const store::Subject& subject, std::int64_t time_us,
                       const std::string& name) {
        lb::event::Event content;
        content.type = static_cast<std::uint16_t>(lb::event::EventType::kVMRunning);
        content.time_us = time_us;
        content.host = "node1.example.org";
        lb::v1::Envelope envelope;
        envelope.set_schema(1);
        std::string id = name;
        id.resize(16, '.');
        envelope.set_event_id(id);
        envelope.set_subject(subject.text);
        auto* acceptance = envelope.mutable_acceptance();
        acceptance->set_origin(std::string(16, 'o'));
        acceptance->set_counter(++counter);
        acceptance->set_host("node1.example.org");
        acceptance->set_accepted_at_us(time_us + 10);
        acceptance->mutable_identity()->set_kind(lb::v1::IDENTITY_KIND_UID);
        acceptance->mutable_identity()->set_name("0");
        envelope.set_event(lb::event::encode(content));
        store::Event event;
        event.arrival = writer->take_arrival_numbers(1).value();
        event.subject = subject.number;
        event.event_id = id;
        event.type = content.type;
        event.verdict = lb::v1::VERDICT_ACCEPTED;
        event.forwarder.set_kind(lb::v1::IDENTITY_KIND_CERTIFICATE);
        event.forwarder.set_name("/CN=node1");
        event.arrived_us = time_us + 20;
        event.envelope = envelope.SerializeAsString();
        event.order_key = lb::event::order_key(
            content, {acceptance->origin(), counter, time_us + 10, envelope.event_id()},
            lb::event::ClockFamily::kNone);
        return event;
    }

    store::mariadb::Dsn dsn;
    std::unique_ptr<store::mariadb::MariadbDatabase> database;
    std::unique_ptr<store::Writer> writer;
    std::unique_ptr<store::Reader> reader;
    std::uint64_t counter = 0;
};

}  // namespace lb::test
