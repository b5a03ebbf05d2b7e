// How many connections may be in the making at once: thousands of servers that do not answer take
// neither memory nor descriptors without end. Who gets no slot asks again.
#pragma once

#include <cstddef>

namespace lb::interlogd {

class DialSlots {
  public:
    explicit DialSlots(std::size_t most) : left_(most) {}

    // False: all are taken.
    [[nodiscard]] bool take() {
        if (left_ == 0) return false;
        --left_;
        return true;
    }
    void give_back() { ++left_; }

  private:
    std::size_t left_;
};

}  // namespace lb::interlogd
