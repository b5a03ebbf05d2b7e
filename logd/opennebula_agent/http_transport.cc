#include "logd/opennebula_agent/http_transport.h"

#include <curl/curl.h>

#include <memory>

namespace lb::opennebula_agent {

namespace {

struct EasyDeleter {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// One connection that is kept between calls.
class HttpClient {
  public:
    HttpClient(std::string url, std::chrono::seconds timeout, std::stop_token stop)
        : url_(std::move(url)),
          stop_(std::move(stop)),
          handle_(curl_easy_init()),
          headers_(curl_slist_append(nullptr, "Content-Type: text/xml")) {
        CURL* const handle = handle_.get();
        curl_easy_setopt(handle, CURLOPT_URL, url_.c_str());
        curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers_.get());
        curl_easy_setopt(handle, CURLOPT_USERAGENT, "lb-agent-opennebula/" LB_VERSION);
        curl_easy_setopt(handle, CURLOPT_TIMEOUT, static_cast<long>(timeout.count()));
        curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(handle, CURLOPT_XFERINFODATA, this);
        curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &HttpClient::is_to_stop);
        curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
        curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &HttpClient::take);
    }

    Result<std::string> post(const std::string& body) {
        CURL* const handle = handle_.get();
        answer_.clear();
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body.data());
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
        const CURLcode code = curl_easy_perform(handle);
        if (code != CURLE_OK)
            return Error{code == CURLE_OPERATION_TIMEDOUT ? ErrorCode::kTimeout : ErrorCode::kRetry,
                         url_ + ": " + curl_easy_strerror(code)};
        long status = 0;
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
        if (status != kOk)
            return Error{ErrorCode::kRetry,
                         url_ + " answers with the HTTP status " + std::to_string(status)};
        return std::move(answer_);
    }

  private:
    static constexpr long kOk = 200;

    static int is_to_stop(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        return static_cast<HttpClient*>(self)->stop_.stop_requested() ? 1 : 0;
    }
    // Another number than `count` ends the transfer.
    static std::size_t take(char* bytes, std::size_t, std::size_t count, void* self) {
        std::string& answer = static_cast<HttpClient*>(self)->answer_;
        if (answer.size() + count > kAnswerBytesMax) return 0;
        answer.append(bytes, count);
        return count;
    }

    const std::string url_;
    const std::stop_token stop_;
    const std::unique_ptr<CURL, EasyDeleter> handle_;
    const std::unique_ptr<curl_slist, ListDeleter> headers_;
    std::string answer_;
};

}  // namespace

Transport http_transport(const std::string& url, std::chrono::seconds timeout,
                         std::stop_token stop) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const auto client = std::make_shared<HttpClient>(url, timeout, std::move(stop));
    return [client](const std::string& body) { return client->post(body); };
}

}  // namespace lb::opennebula_agent
