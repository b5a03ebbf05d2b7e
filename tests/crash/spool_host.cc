#include "tests/crash/spool_host.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace lb::test {

namespace {

constexpr char kRoot[] = "/spool";
constexpr std::uint64_t kSegmentBytes = 4096;
constexpr std::uint64_t kSecondUs = 1'000'000;
// Damage in the newest segment is believed only after a while, so quiet must last.
constexpr int kQuietRounds = 4;

const std::array<spool::LaneId, SpoolHost::kLaneCount> kLanes = {{
    {{"lb.example.org", 9000}, spool::Lane::kBulk},
    {{"lb.example.org", 9000}, spool::Lane::kSync},
    {{"other.example.org", 9000}, spool::Lane::kBulk},
}};

std::string payload_of(std::uint64_t number, std::size_t bytes) {
    std::string payload = std::to_string(number) + "|";
    payload.append(std::max(bytes, payload.size()) - payload.size(),
                   static_cast<char>('a' + number % 26));
    return payload;
}

}  // namespace

SpoolHost::SpoolHost(std::uint64_t seed) : disk(seed) {
    start(Program::kWriter);
    start(Program::kReader);
}

SpoolHost::~SpoolHost() = default;

void SpoolHost::complain(const std::string& what) {
    if (!complaint_) complaint_ = what;
}

bool SpoolHost::is_dead(Program program) const {
    const auto found = envs_.find(program);
    return found == envs_.end() || found->second->is_dead();
}

void SpoolHost::start(Program program) {
    kill(program);
    auto env = std::make_unique<SimEnv>(disk, clock);
    const std::uint64_t before = calls_before_[program];
    if (const std::uint64_t number = dies_in_call_[program]; number > before)
        env->die_in_call(number - before);
    envs_[program] = std::move(env);
}

std::uint64_t SpoolHost::calls(Program program) const {
    const auto before = calls_before_.find(program);
    const auto life = envs_.find(program);
    return (before == calls_before_.end() ? 0 : before->second) +
           (life == envs_.end() ? 0 : life->second->calls());
}

void SpoolHost::die_in_call(Program program, std::uint64_t number) {
    dies_in_call_[program] = number;
    start(program);
}

void SpoolHost::stop(Program program) {
    if (program == Program::kWriter && writer_) (void)writer_->close();
    if (program == Program::kReader)
        for (auto& [lane, reading] : readings_) (void)reading.reader->sync_ledger();
    kill(program);
}

void SpoolHost::kill(Program program) {
    if (program == Program::kWriter) writer_.reset();
    if (program == Program::kReader) readings_.clear();
    calls_before_[program] = calls(program);
    envs_.erase(program);
}

void SpoolHost::lose_power(Loss loss) {
    kill(Program::kWriter);
    kill(Program::kReader);
    disk.lose_power(loss);
    may_be_damaged = may_be_damaged || loss == Loss::kSome;
}

void SpoolHost::append(const std::vector<Batch>& batches) {
    if (is_dead(Program::kWriter)) return;
    SimEnv& env = *envs_.at(Program::kWriter);
    std::vector<spool::AppendItem> items;
    std::vector<std::uint64_t> numbers;
    for (const Batch& batch : batches)
        for (std::size_t i = 0; i < batch.events; ++i) {
            const std::uint64_t number = attempts_.size() + 1;
            Attempt& attempt = attempts_[number];
            attempt.lane = batch.lane;
            attempt.payload = payload_of(number, batch.bytes);
            numbers.push_back(number);
            items.push_back(
                {&kLanes[batch.lane].destination, kLanes[batch.lane].lane, attempt.payload, {}});
        }
    if (writer_ == nullptr) {
        spool::SpoolWriterOptions options;
        options.root = kRoot;
        options.segment_bytes_min = kSegmentBytes;
        options.segment_bytes_max = 4 * kSegmentBytes;
        options.free_bytes_min = 0;
        auto opened = spool::SpoolWriter::open(env, options);
        if (!opened.ok()) {
            if (!env.is_dead() && !may_refuse) complain(opened.error().text);
            return;
        }
        writer_ = std::move(*opened);
    }
    writer_->append(items);
    if (env.is_dead()) return;
    for (std::size_t i = 0; i < items.size(); ++i) {
        attempts_[numbers[i]].is_acknowledged = items[i].status.ok();
        if (!items[i].status.ok() && !may_refuse)
            complain("refused without reason: " + items[i].status.error().text);
    }
}

SpoolHost::Reading* SpoolHost::reading(std::size_t lane) {
    Reading& found = readings_[lane];
    if (found.reader) return &found;
    SimEnv& env = *envs_.at(Program::kReader);
    spool::LaneReaderOptions options;
    options.root = kRoot;
    options.id = kLanes[lane];
    options.on_damage = [this](const spool::Damage& damage, const std::string&) {
        if (!may_be_damaged) complain("damage in order: " + damage.reason);
    };
    auto opened = spool::LaneReader::open(env, options);
    if (opened.ok()) {
        found.reader = std::move(*opened);
        return &found;
    }
    readings_.erase(lane);
    if (!env.is_dead() && !may_refuse) complain(opened.error().text);
    return nullptr;
}

// A record as the server sees it: the number of the attempt that wrote it.
std::optional<std::uint64_t> SpoolHost::receive(std::size_t lane, const spool::Record& record) {
    std::uint64_t number = 0;
    const char* const end = record.payload.data() + record.payload.size();
    (void)std::from_chars(record.payload.data(), end, number);
    const auto attempt = attempts_.find(number);
    if (attempt == attempts_.end() || attempt->second.payload != record.payload ||
        attempt->second.lane != lane) {
        complain("an event was invented: " + record.payload.substr(0, 40));
        return std::nullopt;
    }
    if (number <= readings_[lane].last_number)
        complain("lane " + std::to_string(lane) + ": event " + std::to_string(number) +
                 " comes after " + std::to_string(readings_[lane].last_number));
    readings_[lane].last_number = number;
    return number;
}

void SpoolHost::forward(std::size_t lane, std::size_t read, std::size_t settled) {
    if (is_dead(Program::kReader)) return;
    Reading* const from = reading(lane);
    if (from == nullptr) return;
    SimEnv& env = *envs_.at(Program::kReader);
    const auto records = from->reader->read({.events_max = read, .bytes_max = 1 << 20});
    if (env.is_dead()) return;
    if (!records.ok()) {
        if (!may_refuse) complain(records.error().text);
        return;
    }
    std::vector<std::uint64_t> numbers;
    for (const spool::Record& record : *records) {
        const auto number = receive(lane, record);
        if (!number) return;
        numbers.push_back(*number);
    }
    settled = std::min(settled, numbers.size());
    for (std::size_t i = 0; i < settled; ++i) attempts_[numbers[i]].is_received = true;
    if (settled > 0) {
        const Status status = from->reader->settle((*records)[settled - 1].end);
        if (!status.ok() && !env.is_dead() && !may_refuse) complain(status.error().text);
    }
    if (settled == numbers.size()) return;
    // The connection was lost: what is not settled is read again.
    from->reader->rewind(from->reader->settled());
    from->last_number = 0;
}

void SpoolHost::tidy(std::size_t lane) {
    if (is_dead(Program::kReader)) return;
    Reading* const of = reading(lane);
    if (of == nullptr) return;
    const auto removed = of->reader->remove_settled();
    const Status synced = of->reader->sync_ledger();
    if (env(Program::kReader).is_dead() || may_refuse) return;
    if (!removed.ok()) complain(removed.error().text);
    if (!synced.ok()) complain(synced.error().text);
}

void SpoolHost::drain(std::size_t lane) {
    for (int quiet = 0; quiet < kQuietRounds && !complaint_; ++quiet) {
        const std::uint64_t before = readings_[lane].last_number;
        forward(lane, 7, 7);
        if (readings_[lane].last_number != before) quiet = 0;
        clock.pass_us(2 * kSecondUs);
    }
}

void SpoolHost::check_left_over(std::size_t lane) {
    tidy(lane);
    Reading* const of = reading(lane);
    if (of == nullptr) return;
    const auto tail = of->reader->tail();
    if (!tail.ok()) return complain(tail.error().text);
    if (tail->events != 0) complain(std::to_string(tail->events) + " events stay unsettled");
    const auto segments = spool::list_segments(
        env(Program::kReader),
        spool::lane_directory(kRoot, kLanes[lane].destination, kLanes[lane].lane));
    if (segments.ok() && segments->size() > 1)
        complain(std::to_string(segments->size()) + " segments stay, all settled");
}

std::optional<std::string> SpoolHost::recover_and_check() {
    may_refuse = false;
    disk.capacity_bytes = SimDisk::kUnlimited;
    start(Program::kWriter);
    start(Program::kReader);
    for (std::size_t lane = 0; lane < kLaneCount; ++lane) append({{lane, 1, 50}});
    for (std::size_t lane = 0; lane < kLaneCount; ++lane) drain(lane);
    for (const auto& [number, attempt] : attempts_)
        if (attempt.is_acknowledged && !attempt.is_received)
            complain("event " + std::to_string(number) + " of lane " +
                     std::to_string(attempt.lane) + " was acknowledged and is lost");
    for (std::size_t lane = 0; lane < kLaneCount; ++lane) check_left_over(lane);
    return complaint_;
}

}  // namespace lb::test
