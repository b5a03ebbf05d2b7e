// A map that forgets what was not used for longest when it is full: of entries, or of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>

namespace lb::book {

template <typename Key, typename Value>
class Lru {
  public:
    explicit Lru(std::size_t count_max, std::size_t bytes_max = SIZE_MAX)
        : count_max_(count_max), bytes_max_(bytes_max) {}

    // The value, no longer in the map: whoever changes it puts it back, or not.
    std::optional<Value> take(const Key& key) {
        const auto found = places_.find(key);
        if (found == places_.end()) return std::nullopt;
        Value value = std::move(found->second->value);
        bytes_ -= found->second->bytes;
        entries_.erase(found->second);
        places_.erase(found);
        return value;
    }

    // `bytes`: what the value is counted as. One that is larger than all may be is not kept.
    void put(const Key& key, Value value, std::size_t bytes = 0) {
        take(key);
        entries_.push_front({key, std::move(value), bytes});
        places_[key] = entries_.begin();
        bytes_ += bytes;
        while (places_.size() > count_max_ || bytes_ > bytes_max_) {
            bytes_ -= entries_.back().bytes;
            places_.erase(entries_.back().key);
            entries_.pop_back();
        }
    }

    [[nodiscard]] std::size_t size() const { return places_.size(); }

  private:
    struct Entry {
        Key key;
        Value value;
        std::size_t bytes = 0;
    };
    using Entries = std::list<Entry>;
    std::size_t count_max_;
    std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    Entries entries_;  // newest first
    std::unordered_map<Key, typename Entries::iterator> places_;
};

}  // namespace lb::book
