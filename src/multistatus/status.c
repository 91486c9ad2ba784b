#include "multistatus/status.h"

#include <stddef.h>
#include <string.h>

#include <apr_lib.h>

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {208, "Already Reported"}, /* RFC 5842 */
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"}, /* RFC 5842 */
};

const char *dms_status_reason(int status)
{
    size_t i;

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "";
}

int dms_status_is_recordable(int status)
{
    return status >= 200 && status <= 599;
}

static const char *after_digits(const char *s)
{
    while (apr_isdigit(*s)) {
        s++;
    }
    return s;
}

int dms_status_parse(const char *line)
{
    const char *s;
    int status;

    if (strncmp(line, "HTTP/", 5) || !apr_isdigit(line[5])) {
        return 0;
    }
    s = after_digits(line + 5);
    if (*s == '.') {
        s = after_digits(s + 1);
    }
    if (!apr_isspace(*s)) {
        return 0;
    }
    while (apr_isspace(*s)) {
        s++;
    }
    if (after_digits(s) != s + 3 || (s[3] && !apr_isspace(s[3]))) {
        return 0;
    }
    status = (s[0] - '0') * 100 + (s[1] - '0') * 10 + s[2] - '0';
    return dms_status_is_recordable(status) ? status : 0;
}
