// Metrics in Prometheus' manner: counters, gauges and histograms in one registry, cheap to move
// (atomics), printed as text. Names are lb_<room>_<noun>_<unit>[_total]; labels come from bounded
// sets.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lb::metrics {

class Counter {
  public:
    void add(std::uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

class Gauge {
  public:
    void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
    void add(std::int64_t difference) { value_.fetch_add(difference, std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::int64_t> value_{0};
};

// Durations in seconds, in buckets of powers of two from 0.25 ms to 64 s.
class Histogram {
  public:
    static constexpr std::size_t kBuckets = 19;
    void observe_us(std::int64_t duration_us);
    [[nodiscard]] std::uint64_t count() const;

  private:
    friend class Registry;
    std::array<std::atomic<std::uint64_t>, kBuckets + 1> counts_{};
    std::atomic<std::uint64_t> sum_us_{0};
};

using Labels = std::vector<std::pair<std::string, std::string>>;

// Metrics live as long as the registry; asking again for the same name and labels gives the same
// one. One name has one kind: asking for another is a broken promise.
class Registry {
  public:
    // The process' own. Tests may make others.
    static Registry& global();

    Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
    Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
    Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels = {});

    // Everything, in the Prometheus text format 0.0.4, sorted by name.
    [[nodiscard]] std::string exposition() const;

  private:
    enum class Kind : std::uint8_t { kCounter, kGauge, kHistogram };
    struct Family {
        Kind kind = Kind::kCounter;
        std::string help;
        std::map<std::string, std::unique_ptr<Counter>> counters;  // by label text
        std::map<std::string, std::unique_ptr<Gauge>> gauges;
        std::map<std::string, std::unique_ptr<Histogram>> histograms;
    };
    Family& family(std::string_view name, std::string_view help, Kind kind);

    mutable std::mutex mutex_;
    std::map<std::string, Family, std::less<>> families_;
};

}  // namespace lb::metrics
