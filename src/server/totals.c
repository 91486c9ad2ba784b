#include "server/totals.h"

#include <apr_atomic.h>
#include <apr_optional_hooks.h>
#include <apr_shm.h>
#include <http_log.h>
#include <http_protocol.h>
#include <mod_status.h>

#include "config/config.h"

APLOG_USE_MODULE(dav_multistatus);

#define COUNTERS (sizeof(dms_totals_t) / sizeof(apr_uint64_t))

/* Set by the parent process, by one thread; its children inherit the memory. */
static dms_totals_t *totals;

void dms_totals_prepare(server_rec *server)
{
    static const char key[] = "dav-multistatus-totals";
    apr_pool_t *pool = server->process->pool;
    apr_shm_t *shm;
    apr_status_t rv;
    void *kept;

    apr_pool_userdata_get(&kept, key, pool);
    totals = kept;
    if (totals) {
        return;
    }
    rv = apr_shm_create(&shm, sizeof(*totals), NULL, pool);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, server,
                     "no memory to count 207s in: server-status will not show them");
        return;
    }
    totals = apr_shm_baseaddr_get(shm);
    memset(totals, 0, sizeof(*totals));
    apr_pool_userdata_set(totals, key, NULL, pool); /* the key is copied: the module may go */
}

void dms_totals_add(const dms_totals_t *one)
{
    volatile apr_uint64_t *sums = (volatile apr_uint64_t *)totals;
    const apr_uint64_t *values = (const apr_uint64_t *)one;
    apr_size_t i;

    for (i = 0; totals && i < COUNTERS; i++) {
        apr_atomic_add64(&sums[i], values[i]);
    }
}

static double mean_ms(apr_uint64_t microseconds, apr_uint64_t answers)
{
    return answers ? (double)microseconds / (double)answers / 1000 : 0;
}

static void show_short(request_rec *r, const dms_totals_t *sum)
{
    ap_rprintf(r,
               "DavMultistatusAnswers: %" APR_UINT64_T_FMT "\n"
               "DavMultistatusResponses: %" APR_UINT64_T_FMT "\n"
               "DavMultistatusFailures: %" APR_UINT64_T_FMT "\n"
               "DavMultistatusBytes: %" APR_UINT64_T_FMT "\n"
               "DavMultistatusBroken: %" APR_UINT64_T_FMT "\n"
               "DavMultistatusFirstByteMicroseconds: %" APR_UINT64_T_FMT "\n"
               "DavMultistatusDurationMicroseconds: %" APR_UINT64_T_FMT "\n",
               sum->answers, sum->responses, sum->failures, sum->bytes, sum->broken,
               sum->first_byte, sum->duration);
}

static void show_page(request_rec *r, const dms_totals_t *sum)
{
    ap_rprintf(r,
               "<hr />\n<h2>WebDAV multistatus</h2>\n<dl>"
               "<dt>207 answers: %" APR_UINT64_T_FMT ", of which incomplete (mostly, the client "
               "left): %" APR_UINT64_T_FMT "</dt>\n"
               "<dt>Responses in them: %" APR_UINT64_T_FMT ", of which failures: %" APR_UINT64_T_FMT
               "</dt>\n"
               "<dt>Bytes: %" APR_UINT64_T_FMT "</dt>\n"
               "<dt>Mean time to the first byte: %.3f ms, to the last: %.3f ms</dt>\n</dl>\n",
               sum->answers, sum->broken, sum->responses, sum->failures, sum->bytes,
               mean_ms(sum->first_byte, sum->answers), mean_ms(sum->duration, sum->answers));
}

static int show(request_rec *r, int flags)
{
    dms_totals_t sum;
    volatile apr_uint64_t *sums = (volatile apr_uint64_t *)totals;
    apr_uint64_t *values = (apr_uint64_t *)&sum;
    apr_size_t i;

    if (!totals) {
        return DECLINED;
    }
    for (i = 0; i < COUNTERS; i++) {
        values[i] = apr_atomic_read64(&sums[i]);
    }
    (flags & AP_STATUS_SHORT ? show_short : show_page)(r, &sum);
    return OK;
}

void dms_totals_register(void)
{
    APR_OPTIONAL_HOOK(ap, status_hook, show, NULL, NULL, APR_HOOK_MIDDLE);
}
