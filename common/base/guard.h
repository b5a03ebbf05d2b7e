// Where a thread begins: an exception that nobody expected becomes an Error like any other, so that
// the thread can say so and go on.
#pragma once

#include <exception>
#include <new>
#include <type_traits>

#include "common/base/result.h"

namespace lb {

// Runs the task, which returns nothing or a Status. What it throws is kRetry when memory was
// missing, else `defect`.
template <typename Task>
Status guarded(Task&& task, ErrorCode defect = ErrorCode::kBug) {
    try {
        if constexpr (std::is_void_v<std::invoke_result_t<Task>>) {
            task();
            return {};
        } else {
            return task();
        }
    } catch (const std::bad_alloc&) {
        return Error{ErrorCode::kRetry, "out of memory"};
    } catch (const std::exception& exception) {
        return Error{defect, exception.what()};
    }
}

}  // namespace lb
