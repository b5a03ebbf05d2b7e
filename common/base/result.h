// Result<T>: a value or an Error. Expected failures are Results; exceptions never cross a room.
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "common/base/assert.h"
#include "common/base/error.h"

namespace lb {

template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    T& value() & {
        LB_ASSERT(ok());
        return std::get<0>(state_);
    }
    const T& value() const& {
        LB_ASSERT(ok());
        return std::get<0>(state_);
    }
    T&& value() && {
        LB_ASSERT(ok());
        return std::get<0>(std::move(state_));
    }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }

    [[nodiscard]] const Error& error() const {
        LB_ASSERT(!ok());
        return std::get<1>(state_);
    }

  private:
    std::variant<T, Error> state_;
};

// Success, or why not.
class [[nodiscard]] Status {
  public:
    Status() = default;
    Status(Error error) : error_(std::move(error)) {}

    [[nodiscard]] bool ok() const { return !error_.has_value(); }
    explicit operator bool() const { return ok(); }
    [[nodiscard]] const Error& error() const {
        LB_ASSERT(!ok());
        return *error_;
    }

  private:
    std::optional<Error> error_;
};

}  // namespace lb

// Returns the error of `expression` (a Status or Result) from this function, if it has one.
#define LB_TRY(expression)                                                        \
    do {                                                                          \
        if (auto&& lb_try_ = (expression); !lb_try_.ok()) return lb_try_.error(); \
    } while (false)

// LB_TRY_ASSIGN(auto x, f()): x becomes the value of the Result, or its error is returned.
#define LB_TRY_ASSIGN(target, expression) LB_TRY_ASSIGN_(target, expression, __LINE__)
#define LB_TRY_ASSIGN_(target, expression, line) LB_TRY_ASSIGN__(target, expression, line)
#define LB_TRY_ASSIGN__(target, expression, line)          \
    auto lb_try_##line = (expression);                     \
    if (!lb_try_##line.ok()) return lb_try_##line.error(); \
    target = std::move(lb_try_##line).value()
