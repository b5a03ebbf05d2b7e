// A map that forgets what was not used for longest when it is full.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>

namespace lb::book {

template <typename Key, typename Value>
class Lru {
  public:
    explicit Lru(std::size_t count_max) : count_max_(count_max) {}

    // The value, no longer in the map: whoever changes it puts it back, or not.
    std::optional<Value> take(const Key& key) {
        const auto found = places_.find(key);
        if (found == places_.end()) return std::nullopt;
        Value value = std::move(found->second->second);
        entries_.erase(found->second);
        places_.erase(found);
        return value;
    }

    void put(const Key& key, Value value) {
        take(key);
        entries_.emplace_front(key, std::move(value));
        places_[key] = entries_.begin();
        if (places_.size() <= count_max_) return;
        places_.erase(entries_.back().first);
        entries_.pop_back();
    }

    [[nodiscard]] std::size_t size() const { return places_.size(); }

  private:
    using Entries = std::list<std::pair<Key, Value>>;
    std::size_t count_max_;
    Entries entries_;  // newest first
    std::unordered_map<Key, typename Entries::iterator> places_;
};

}  // namespace lb::book
