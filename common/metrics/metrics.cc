#include "common/metrics/metrics.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/assert.h"

namespace lb::metrics {

namespace {

constexpr std::int64_t kLeastBucketUs = 250;

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out;
}

// {a="x",b="y"} or nothing.
std::string label_text(const Labels& labels) {
    std::string out;
    for (const auto& [name, value] : labels)
        out += fmt::format("{}{}=\"{}\"", out.empty() ? "{" : ",", name, escaped(value));
    return out.empty() ? out : out + "}";
}

// The labels with one more.
std::string with_bucket(const std::string& labels, const std::string& bound) {
    const std::string le = fmt::format("le=\"{}\"", bound);
    return labels.empty() ? "{" + le + "}" : labels.substr(0, labels.size() - 1) + "," + le + "}";
}

template <typename Metric>
Metric& find_or_make(std::map<std::string, std::unique_ptr<Metric>>& metrics,
                     const Labels& labels) {
    std::unique_ptr<Metric>& metric = metrics[label_text(labels)];
    if (!metric) metric = std::make_unique<Metric>();
    return *metric;
}

}  // namespace

void Histogram::observe_us(std::int64_t duration_us) {
    std::size_t bucket = 0;
    while (bucket < kBuckets && duration_us > (kLeastBucketUs << bucket)) ++bucket;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(static_cast<std::uint64_t>(std::max<std::int64_t>(duration_us, 0)),
                      std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const {
    std::uint64_t sum = 0;
    for (const auto& count : counts_) sum += count.load(std::memory_order_relaxed);
    return sum;
}

Registry& Registry::global() {
    static Registry registry;
    return registry;
}

Registry::Family& Registry::family(std::string_view name, std::string_view help, Kind kind) {
    const auto found = families_.find(name);
    if (found != families_.end()) {
        LB_ASSERT(found->second.kind == kind);
        return found->second;
    }
    Family& made = families_[std::string(name)];
    made.kind = kind;
    made.help = help;
    return made;
}

Counter& Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    return find_or_make(family(name, help, Kind::kCounter).counters, labels);
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    return find_or_make(family(name, help, Kind::kGauge).gauges, labels);
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    return find_or_make(family(name, help, Kind::kHistogram).histograms, labels);
}

std::string Registry::exposition() const {
    const std::lock_guard lock(mutex_);
    std::string out;
    for (const auto& [name, family] : families_) {
        constexpr std::array<std::string_view, 3> kKinds = {"counter", "gauge", "histogram"};
        out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escaped(family.help), name,
                           kKinds[static_cast<std::size_t>(family.kind)]);
        for (const auto& [labels, metric] : family.counters)
            out += fmt::format("{}{} {}\n", name, labels, metric->value());
        for (const auto& [labels, metric] : family.gauges)
            out += fmt::format("{}{} {}\n", name, labels, metric->value());
        for (const auto& [labels, metric] : family.histograms) {
            std::uint64_t below = 0;
            for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
                below += metric->counts_[i].load(std::memory_order_relaxed);
                const double bound = static_cast<double>(kLeastBucketUs << i) / 1e6;
                out += fmt::format("{}_bucket{} {}\n", name,
                                   with_bucket(labels, fmt::format("{}", bound)), below);
            }
            const std::uint64_t all = metric->count();
            out +=
                fmt::format("{}_bucket{} {}\n{}_sum{} {}\n{}_count{} {}\n", name,
                            with_bucket(labels, "+Inf"), all, name, labels,
                            static_cast<double>(metric->sum_us_.load()) / 1e6, name, labels, all);
        }
    }
    return out;
}

}  // namespace lb::metrics
