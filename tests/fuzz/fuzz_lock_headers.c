/*
 * Timeout and Lock-Token: any value gives a time within bounds, and a token that is one.
 */
#include "request/lock_headers.h"

#include "fuzz.h"

#include "request/if_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_pool();
    char *value = fuzz_string(data, size);
    apr_int64_t bounded = dms_timeout_parse(value, 600, 86400);
    apr_int64_t unbounded = dms_timeout_parse(value, 600, 0);
    const char *token = dms_lock_token_parse(pool, value);

    fuzz_check(bounded >= 1 && bounded <= 86400);
    fuzz_check(unbounded >= 0 && unbounded <= DMS_TIMEOUT_LARGEST);
    fuzz_check(bounded == unbounded || bounded == 86400);
    fuzz_check(!token || dms_absolute_uri_length(token) == strlen(token));
    fuzz_check(!token || strstr(value, token));
    free(value);
    apr_pool_destroy(pool);
    return 0;
}
