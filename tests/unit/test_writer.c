#include "multistatus/writer.h"

#include <apr_strings.h>

#include "unit.h"

#define KIB 1024

static unit_sink_t *sink;
static dms_writer_t *writer;

static void setup(void)
{
    sink = unit_sink_create();
    writer = dms_writer_create(unit_pool, unit_alloc, unit_sink, sink);
}

/* An element in the pool of the response, as a method would make it. */
static dms_element_t *property(const dms_name_t *name, const char *text)
{
    dms_element_t *element = apr_pcalloc(dms_writer_pool(writer), sizeof(*element));

    element->name = name;
    element->text = text;
    return element;
}

static dms_response_t *with_status(const char *uri, int status)
{
    dms_response_t *response = dms_response_create(dms_writer_pool(writer), uri);

    ck_assert_int_eq(dms_response_set_status(response, status), APR_SUCCESS);
    return response;
}

/* A response with three properties and its own number. */
static dms_response_t *member(int number)
{
    static const dms_name_t displayname = DMS_NAME(DMS_NS_DAV, "displayname"),
                            length = DMS_NAME(DMS_NS_DAV, "getcontentlength"),
                            executable = DMS_NAME(DMS_NS_APACHE, "executable");
    apr_pool_t *pool = dms_writer_pool(writer);
    char *name = apr_psprintf(pool, "/folder/member-%07d", number);
    dms_response_t *response = dms_response_create(pool, name);
    dms_propstat_t *found = dms_response_propstat(response, 200);

    dms_propstat_add(found, property(&displayname, name + 8));
    dms_propstat_add(found, property(&length, apr_itoa(pool, number)));
    dms_propstat_add(dms_response_propstat(response, 404), property(&executable, NULL));
    return response;
}

static void write_members(int from, int to)
{
    for (; from < to; from++) {
        ck_assert_int_eq(dms_writer_response(writer, member(from)), APR_SUCCESS);
    }
}

/* --- phases --- */

START_TEST(open_until_the_first_response)
{
    ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_OPEN);
    ck_assert_uint_eq(dms_writer_responses(writer), 0);
    ck_assert_uint_eq(dms_writer_failures(writer), 0);
    with_status("/a", 404);
    ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_OPEN);
    ck_assert_int_eq(dms_writer_response(writer, member(1)), APR_SUCCESS);
    ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_COMMITTED);
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_ENDED);
}
END_TEST

START_TEST(document_without_a_response)
{
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_ENDED);
    unit_assert_same_xml(sink->bytes, "<multistatus xmlns='DAV:'/>", UNIT_LOOSE_SPACE);
}
END_TEST

START_TEST(document_with_only_a_description)
{
    ck_assert_int_eq(dms_writer_end(writer, "<nothing & \x01>"), APR_SUCCESS);
    unit_assert_same_xml(sink->bytes,
                         "<multistatus xmlns='DAV:'><responsedescription>&lt;nothing &amp; "
                         "\xEF\xBF\xBD></responsedescription></multistatus>",
                         UNIT_LOOSE_SPACE);
}
END_TEST

START_TEST(nothing_is_written_after_the_end)
{
    apr_size_t length;
    int calls;

    write_members(0, 2);
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    length = sink->length;
    calls = sink->calls;
    ck_assert_int_ne(dms_writer_response(writer, member(3)), APR_SUCCESS);
    ck_assert_int_ne(dms_writer_end(writer, "again"), APR_SUCCESS);
    ck_assert_uint_eq(sink->length, length);
    ck_assert_int_eq(sink->calls, calls);
    ck_assert_uint_eq(dms_writer_responses(writer), 2);
}
END_TEST

START_TEST(broken_while_open)
{
    dms_writer_break(writer);
    ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_BROKEN);
    ck_assert_int_ne(dms_writer_response(writer, member(1)), APR_SUCCESS);
    ck_assert_int_ne(dms_writer_end(writer, NULL), APR_SUCCESS);
    ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_BROKEN);
    ck_assert_int_eq(sink->calls, 0);
}
END_TEST

START_TEST(broken_while_committed)
{
    apr_size_t length;
    int calls;

    write_members(0, 6); /* four of them have gone */
    length = sink->length;
    calls = sink->calls;
    ck_assert_uint_gt(length, 0);
    dms_writer_break(writer);
    ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_BROKEN);
    ck_assert_int_ne(dms_writer_response(writer, member(7)), APR_SUCCESS);
    ck_assert_int_ne(dms_writer_end(writer, NULL), APR_SUCCESS);
    ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_BROKEN);
    ck_assert_uint_eq(sink->length, length);
    ck_assert_int_eq(sink->calls, calls);
    ck_assert_int_eq(unit_count(sink->bytes, "</D:response>"), 4);
    ck_assert_int_eq(unit_count(sink->bytes, "</D:multistatus>"), 0);
    ck_assert_uint_eq(dms_writer_responses(writer), 6);
}
END_TEST

START_TEST(break_has_one_status)
{
    apr_status_t status;

    write_members(0, 1);
    dms_writer_break(writer);
    status = dms_writer_response(writer, member(1));
    ck_assert_int_ne(status, APR_SUCCESS);
    ck_assert_int_ne(status, APR_EINVAL);
    ck_assert_int_eq(dms_writer_end(writer, NULL), status);
    dms_writer_break(writer);
    ck_assert_int_eq(dms_writer_response(writer, member(2)), status);
}
END_TEST

/* --- the grammar of DAV:response (section 14.24) --- */

static dms_response_t *ungrammatical(int kind)
{
    dms_response_t *response = dms_response_create(dms_writer_pool(writer), "/refused");

    switch (kind) {
    case 0: /* neither */
        break;
    case 1: /* neither, but all the rest */
        response->error = unit_element("DAV:", "x", NULL, NULL);
        response->description = "refused";
        response->location = "/refused";
        break;
    case 2: /* both, past the functions that would not have it */
        response = member(1);
        response->status = 200;
        break;
    case 3: /* several hrefs with propstats */
        response = member(1);
        dms_response_add_href(response, "/refused");
        break;
    default: /* several hrefs and nothing else */
        dms_response_add_href(response, "/refused");
    }
    return response;
}
#define UNGRAMMATICAL 5

static void check_ungrammatical_response_leaves_the_document_open(int number)
{
    ck_assert_int_eq(dms_writer_response(writer, ungrammatical(number)), APR_EINVAL);
    ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_OPEN);
    ck_assert_uint_eq(dms_writer_responses(writer), 0);
    ck_assert_uint_eq(dms_writer_failures(writer), 0);
    dms_writer_declare(writer, "urn:still"); /* possible: nothing has been written */
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    unit_assert_same_xml(sink->bytes, "<multistatus xmlns='DAV:'/>", UNIT_LOOSE_SPACE);
    ck_assert_int_eq(unit_count(sink->bytes, "urn:still"), 1);
}

START_TEST(ungrammatical_response_leaves_the_document_open)
{
    int number;

    for (number = 0; number < UNGRAMMATICAL; number++) {
        setup();
        check_ungrammatical_response_leaves_the_document_open(number);
    }
}
END_TEST

static void check_ungrammatical_response_leaves_no_trace(int number)
{
    const char *without;

    write_members(0, 10);
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    without = sink->bytes;

    setup();
    write_members(0, 5);
    ck_assert_int_eq(dms_writer_response(writer, ungrammatical(number)), APR_EINVAL);
    ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_COMMITTED);
    ck_assert_uint_eq(dms_writer_responses(writer), 5);
    write_members(5, 10);
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    ck_assert_str_eq(sink->bytes, without);
}

START_TEST(ungrammatical_response_leaves_no_trace)
{
    int number;

    for (number = 0; number < UNGRAMMATICAL; number++) {
        setup();
        check_ungrammatical_response_leaves_no_trace(number);
    }
}
END_TEST

START_TEST(several_hrefs_with_a_status)
{
    dms_response_t *response = with_status("/1", 424);

    dms_response_add_href(response, "/2 &");
    dms_response_add_href(response, "/3");
    ck_assert_int_eq(dms_writer_response(writer, response), APR_SUCCESS);
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    unit_assert_same_xml(
        sink->bytes,
        "<multistatus xmlns='DAV:'><response><href>/1</href><href>/2%20&amp;</href>"
        "<href>/3</href><status>HTTP/1.1 424 Failed Dependency</status></response>"
        "</multistatus>",
        UNIT_LOOSE_SPACE);
}
END_TEST

/* Section 14.22: a propstat has one prop, which may be empty. */
START_TEST(propstat_without_properties)
{
    dms_response_t *response = dms_response_create(dms_writer_pool(writer), "/");

    ck_assert_ptr_nonnull(dms_response_propstat(response, 200));
    ck_assert_int_eq(dms_writer_response(writer, response), APR_SUCCESS);
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    unit_assert_same_xml(sink->bytes,
                         "<multistatus xmlns='DAV:'><response><href>/</href><propstat><prop/>"
                         "<status>HTTP/1.1 200 OK</status></propstat></response></multistatus>",
                         UNIT_LOOSE_SPACE);
}
END_TEST

/* Whatever a response and its propstats can carry, in the order that the grammar gives it. */
START_TEST(all_parts_of_a_response_with_propstats)
{
    dms_response_t *response = member(1);
    dms_propstat_t *propstat = dms_response_propstat(response, 404);

    propstat->error = unit_list(unit_element("DAV:", "cannot-modify-protected-property", NULL,
                                             NULL),
                                unit_element("urn:x", "e", "t", NULL), NULL);
    propstat->description = "not <here>";
    response->error = unit_element("DAV:", "no-external-entities", NULL, NULL);
    response->description = "in parts & pieces";
    response->location = "http://example.com/a b?c&d";
    ck_assert_int_eq(dms_writer_response(writer, response), APR_SUCCESS);
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    unit_assert_same_xml(
        sink->bytes,
        "<multistatus xmlns='DAV:'><response><href>/folder/member-0000001</href>"
        "<propstat><prop><displayname>member-0000001</displayname>"
        "<getcontentlength>1</getcontentlength></prop><status>HTTP/1.1 200 OK</status></propstat>"
        "<propstat><prop><executable xmlns='http://apache.org/dav/props/'/></prop>"
        "<status>HTTP/1.1 404 Not Found</status>"
        "<error><cannot-modify-protected-property/><e xmlns='urn:x'>t</e></error>"
        "<responsedescription>not &lt;here></responsedescription></propstat>"
        "<error><no-external-entities/></error>"
        "<responsedescription>in parts &amp; pieces</responsedescription>"
        "<location><href>http://example.com/a%20b?c&amp;d</href></location>"
        "</response></multistatus>",
        UNIT_LOOSE_SPACE);
}
END_TEST

/* Section 13.2: a redirect with its location. */
START_TEST(all_parts_of_a_response_with_a_status)
{
    dms_response_t *response = with_status("/old", 301);

    response->error = unit_element("DAV:", "e", NULL, NULL);
    response->description = "It has moved.";
    response->location = "http://example.com/new";
    ck_assert_int_eq(dms_writer_response(writer, response), APR_SUCCESS);
    ck_assert_int_eq(dms_writer_end(writer, "All told."), APR_SUCCESS);
    unit_assert_same_xml(sink->bytes,
                         "<multistatus xmlns='DAV:'><response><href>/old</href>"
                         "<status>HTTP/1.1 301 Moved Permanently</status><error><e/></error>"
                         "<responsedescription>It has moved.</responsedescription>"
                         "<location><href>http://example.com/new</href></location></response>"
                         "<responsedescription>All told.</responsedescription></multistatus>",
                         UNIT_LOOSE_SPACE);
    ck_assert_uint_eq(dms_writer_failures(writer), 0);
}
END_TEST

/* Section 14.28: the status is a status line; of those without a reason, too. */
START_TEST(every_status_is_a_status_line)
{
    int status, responses = 0;

    for (status = 200; status < 600; status++, responses++) {
        ck_assert_int_eq(dms_writer_response(writer, with_status("/", status)), APR_SUCCESS);
    }
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    ck_assert_ptr_nonnull(unit_canonical(sink->bytes, sink->length, UNIT_EXACT));
    for (status = 200; status < 600; status++) {
        const char *line = apr_psprintf(unit_pool, "<D:status>HTTP/1.1 %d ", status);
        ck_assert_int_eq(unit_count(sink->bytes, line), 1);
    }
    ck_assert_int_eq(unit_count(sink->bytes, "</D:status>"), responses);
    ck_assert_ptr_nonnull(strstr(sink->bytes, ">HTTP/1.1 507 Insufficient Storage<"));
    ck_assert_uint_eq(dms_writer_responses(writer), 400);
    ck_assert_uint_eq(dms_writer_failures(writer), 200);
}
END_TEST

START_TEST(failures_are_counted)
{
    dms_response_t *response;

    write_members(0, 3); /* their 404s only tell of properties that are not there */
    ck_assert_uint_eq(dms_writer_failures(writer), 0);
    response = member(3);
    dms_response_propstat(response, 403);
    ck_assert_int_eq(dms_writer_response(writer, response), APR_SUCCESS);
    ck_assert_int_eq(dms_writer_response(writer, with_status("/a", 404)), APR_SUCCESS);
    ck_assert_int_eq(dms_writer_response(writer, with_status("/a", 204)), APR_SUCCESS);
    ck_assert_uint_eq(dms_writer_failures(writer), 2);
    ck_assert_uint_eq(dms_writer_responses(writer), 6);
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
}
END_TEST

START_TEST(every_byte_everywhere_is_well_formed)
{
    int byte;

    for (byte = 1; byte < 256; byte++) {
        char s[4] = {'a', (char)byte, 'z', '\0'};
        dms_response_t *response = dms_response_create(dms_writer_pool(writer), s);
        dms_propstat_t *propstat = dms_response_propstat(response, 200);

        dms_propstat_add(propstat, unit_element("urn:x", "e", s, NULL));
        propstat->description = s;
        propstat->error = unit_element("urn:x", "f", s, NULL);
        response->error = unit_element("urn:x", "f", s, NULL);
        response->description = s;
        response->location = s;
        ck_assert_int_eq(dms_writer_response(writer, response), APR_SUCCESS);
        response = with_status(s, 403);
        dms_response_add_href(response, s);
        ck_assert_int_eq(dms_writer_response(writer, response), APR_SUCCESS);
        ck_assert_int_eq(dms_writer_end(writer, s), APR_SUCCESS);
        ck_assert_msg(unit_canonical(sink->bytes, sink->length, UNIT_EXACT) != NULL, "%s: %s",
                      unit_problem(), sink->bytes);
        setup();
    }
}
END_TEST

/* --- namespaces --- */

START_TEST(declared_namespaces_stand_on_the_root)
{
    dms_writer_declare(writer, DMS_NS_APACHE);
    dms_writer_declare(writer, "urn:<odd>&\"'");
    dms_writer_declare(writer, DMS_NS_APACHE);
    dms_writer_declare(writer, "DAV:");
    write_members(0, 3);
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    ck_assert_int_eq(unit_count(sink->bytes, DMS_NS_APACHE), 1);
    ck_assert_int_eq(unit_count(sink->bytes, "DAV:"), 1);
    ck_assert_int_eq(unit_count(sink->bytes, "xmlns"), 3);
    ck_assert_ptr_nonnull(unit_canonical(sink->bytes, sink->length, UNIT_EXACT));
}
END_TEST

START_TEST(only_the_first_eight_namespaces_are_declared)
{
    int i;

    for (i = 0; i < 12; i++) {
        dms_writer_declare(writer, apr_psprintf(unit_pool, "urn:%c", 'a' + i));
    }
    for (i = 0; i < 12; i++) {
        const char *ns = apr_psprintf(unit_pool, "urn:%c", 'a' + i);
        dms_response_t *response = dms_response_create(dms_writer_pool(writer), "/");

        dms_propstat_add(dms_response_propstat(response, 200), unit_element(ns, "p", NULL, NULL));
        ck_assert_int_eq(dms_writer_response(writer, response), APR_SUCCESS);
    }
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    for (i = 0; i < 12; i++) {
        const char *ns = apr_psprintf(unit_pool, "\"urn:%c\"", 'a' + i);
        const char *declared = strstr(sink->bytes, ns);

        ck_assert_int_eq(unit_count(sink->bytes, ns), 1);
        ck_assert_int_eq(declared < strstr(sink->bytes, "<D:response"), i < 8);
        ck_assert_ptr_nonnull(strstr(unit_canonical(sink->bytes, sink->length, UNIT_EXACT),
                                     apr_psprintf(unit_pool, "<{urn:%c}p>", 'a' + i)));
    }
}
END_TEST

START_TEST(declaring_too_late_does_nothing)
{
    write_members(0, 1);
    dms_writer_declare(writer, DMS_NS_APACHE);
    write_members(1, 2);
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    ck_assert_int_eq(unit_count(sink->bytes, DMS_NS_APACHE), 2); /* on each property as before */
    ck_assert_ptr_nonnull(unit_canonical(sink->bytes, sink->length, UNIT_EXACT));
}
END_TEST

/* --- the stream --- */

START_TEST(flushes_grow)
{
    int early = 0, i;

    for (i = 1; i <= 2000; i++) {
        write_members(i, i + 1);
        early += i == 4 || i == 16 || i == 64 || i == 256;
        ck_assert_int_eq(sink->flushes, early);
        if (i == 4 || i == 16 || i == 64 || i == 256) {
            ck_assert_int_eq(sink->flush[sink->calls - 1], 1);
            ck_assert_int_eq(unit_count(sink->bytes, "</D:response>"), i);
        }
        if (i < 4) {
            ck_assert_int_eq(sink->calls, 0);
        }
    }
    ck_assert_uint_lt(sink->length, sink->at[sink->calls - 1] + 1);
    ck_assert_int_lt(unit_count(sink->bytes, "</D:response>"), 2000);
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    ck_assert_int_eq(sink->flushes, 4);
    ck_assert_int_eq(unit_count(sink->bytes, "</D:response>"), 2000);
    ck_assert_int_eq(unit_count(sink->bytes, "</D:multistatus>"), 1);
}
END_TEST

START_TEST(refused_responses_count_for_no_flush)
{
    write_members(0, 3);
    ck_assert_int_eq(dms_writer_response(writer, ungrammatical(0)), APR_EINVAL);
    ck_assert_int_eq(sink->calls, 0);
    write_members(3, 4);
    ck_assert_int_eq(sink->flushes, 1);
}
END_TEST

/* Each response comes once and in order, and all of the document is what it should be. */
START_TEST(large_document_is_whole)
{
    const int members = 5000;
    const char *canonical, *at;
    int i;

    write_members(0, members);
    ck_assert_int_eq(dms_writer_end(writer, "the end"), APR_SUCCESS);
    ck_assert_int_eq(sink->odd_buckets, 0);
    ck_assert_uint_le(sink->largest, 32 * KIB);
    canonical = unit_canonical(sink->bytes, sink->length, UNIT_LOOSE_SPACE);
    ck_assert_msg(canonical != NULL, "%s", unit_problem());
    for (i = 0, at = canonical; i < members; i++) {
        const char *expected = apr_psprintf(
            unit_pool,
            "<{DAV:}response><{DAV:}href>/folder/member-%07d</><{DAV:}propstat><{DAV:}prop>"
            "<{DAV:}displayname>member-%07d</><{DAV:}getcontentlength>%d</></>"
            "<{DAV:}status>HTTP/1.1 200 OK</></><{DAV:}propstat><{DAV:}prop>"
            "<{" DMS_NS_APACHE "}executable></></><{DAV:}status>HTTP/1.1 404 Not Found</></></>",
            i, i, i);

        at = strstr(at, "<{DAV:}response>");
        ck_assert_ptr_nonnull(at);
        ck_assert_msg(!strncmp(at, expected, strlen(expected)), "%d: %.400s", i, at);
        at += strlen(expected);
    }
    ck_assert_str_eq(at, "<{DAV:}responsedescription>the end</></>");
}
END_TEST

/* A response that is longer than a bucket, at the place of an early flush, too. */
START_TEST(long_responses)
{
    char *text = apr_palloc(unit_pool, 100 * KIB + 1);
    int i;

    memset(text, '<', 100 * KIB);
    text[100 * KIB] = '\0';
    for (i = 0; i < 20; i++) {
        dms_response_t *response = with_status("/", 403);
        response->description = text;
        ck_assert_int_eq(dms_writer_response(writer, response), APR_SUCCESS);
    }
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    ck_assert_int_eq(unit_count(sink->bytes, "&lt;"), 20 * 100 * KIB);
    ck_assert_ptr_nonnull(unit_canonical(sink->bytes, sink->length, UNIT_EXACT));
    ck_assert_int_eq(sink->flushes, 2);
}
END_TEST

/* The sink fails at its call number _i + 1, whichever that is: a full bucket, an early flush, the
 * end. All is over then. */
static void check_error_of_the_sink_breaks_the_document(int number)
{
    const int members = 1200;
    apr_status_t status = APR_SUCCESS;
    int i, broken_at;

    sink->fail_at = number / 2 + 1;
    sink->leave = number % 2;
    sink->failure = APR_ECONNABORTED;
    for (i = 0; i < members && status == APR_SUCCESS; i++) {
        ck_assert_int_lt(dms_writer_phase(writer), DMS_PHASE_BROKEN);
        status = dms_writer_response(writer, member(i));
        ck_assert(status == APR_SUCCESS || sink->calls == sink->fail_at);
        ck_assert_int_eq(status == APR_SUCCESS, sink->calls < sink->fail_at);
    }
    broken_at = i;
    if (status == APR_SUCCESS) {
        status = dms_writer_end(writer, NULL);
    }
    if (sink->calls < sink->fail_at) {
        ck_assert_int_eq(status, APR_SUCCESS);
        ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_ENDED);
        return;
    }
    ck_assert_int_eq(status, APR_ECONNABORTED);
    ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_BROKEN);
    for (i = broken_at; i < broken_at + 300; i++) {
        ck_assert_int_eq(dms_writer_response(writer, member(i)), APR_ECONNABORTED);
    }
    ck_assert_int_eq(dms_writer_end(writer, "end"), APR_ECONNABORTED);
    dms_writer_break(writer);
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_ECONNABORTED);
    ck_assert_int_eq(sink->calls, sink->fail_at);
    ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_BROKEN);
    ck_assert_int_eq(unit_count(sink->bytes, "</D:multistatus>"), 0);
}

START_TEST(error_of_the_sink_breaks_the_document)
{
    int number;

    for (number = 0; number < 40; number++) {
        setup();
        check_error_of_the_sink_breaks_the_document(number);
    }
}
END_TEST

/* --- memory --- */

START_TEST(pool_is_cleared_with_each_response)
{
    apr_pool_t *pool = dms_writer_pool(writer);
    int i;

    ck_assert_ptr_ne(pool, unit_pool);
    for (i = 0; i < 100; i++) {
        static const char key[] = "key";
        void *data;

        apr_pool_userdata_setn(key, key, NULL, pool);
        ck_assert_int_eq(dms_writer_response(writer, member(i)), APR_SUCCESS);
        ck_assert_ptr_eq(dms_writer_pool(writer), pool);
        apr_pool_userdata_get(&data, key, pool);
        ck_assert_ptr_null(data);
    }
}
END_TEST

START_TEST(million_responses_cost_the_memory_of_one)
{
    apr_size_t early = 0, most = 0;
    int i;

    sink->forget = 1;
    for (i = 0; i < 1000000; i++) {
        ck_assert_int_eq(dms_writer_response(writer, member(i)), APR_SUCCESS);
        if (i == 1000) {
            early = unit_memory();
        }
        if (i > 1000 && i % 997 == 0) {
            apr_size_t now = unit_memory();
            most = now > most ? now : most;
        }
    }
    ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
    ck_assert_uint_eq(dms_writer_responses(writer), 1000000);
    ck_assert_uint_gt(sink->length, 300 * 1000 * 1000);
    ck_assert_uint_le(most, early + 128 * KIB);
    ck_assert_uint_le((apr_size_t)sink->calls, sink->length / (31 * KIB) + 6);
    ck_assert_int_eq(sink->flushes, 4);
}
END_TEST

/* kind: how the document ends. The allocator is the connection's and lives on. */
static void write_and_drop(int kind)
{
    apr_pool_t *pool;
    int i;

    apr_pool_create(&pool, unit_pool);
    memset(sink, 0, sizeof(*sink));
    sink->forget = 1;
    sink->fail_at = kind == 2 ? 2 : 0;
    sink->failure = APR_EGENERAL;
    writer = dms_writer_create(pool, unit_alloc, unit_sink, sink);
    for (i = 0; i < 20; i++) {
        dms_writer_response(writer, member(i));
    }
    switch (kind) {
    case 0:
        ck_assert_int_eq(dms_writer_end(writer, NULL), APR_SUCCESS);
        break;
    case 1:
        dms_writer_break(writer);
        break;
    case 2:
        ck_assert_int_eq(dms_writer_phase(writer), DMS_PHASE_BROKEN);
        break;
    default: /* a method that gives up without a word */
        break;
    }
    apr_pool_destroy(pool);
}

START_TEST(documents_leave_no_memory_behind)
{
    apr_size_t before = 0;
    int round;

    for (round = 0; round < 300; round++) {
        if (round == 50) {
            before = unit_memory();
        }
        write_and_drop(_i);
    }
    ck_assert_uint_le(unit_memory(), before + 256 * KIB);
}
END_TEST

Suite *writer_suite(void)
{
    Suite *suite = suite_create("writer");
    TCase *tests = unit_case(suite, "phases", 20);

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, open_until_the_first_response);
    tcase_add_test(tests, document_without_a_response);
    tcase_add_test(tests, document_with_only_a_description);
    tcase_add_test(tests, nothing_is_written_after_the_end);
    tcase_add_test(tests, broken_while_open);
    tcase_add_test(tests, broken_while_committed);
    tcase_add_test(tests, break_has_one_status);

    tests = unit_case(suite, "grammar", 60);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, ungrammatical_response_leaves_the_document_open);
    tcase_add_test(tests, ungrammatical_response_leaves_no_trace);
    tcase_add_test(tests, several_hrefs_with_a_status);
    tcase_add_test(tests, propstat_without_properties);
    tcase_add_test(tests, all_parts_of_a_response_with_propstats);
    tcase_add_test(tests, all_parts_of_a_response_with_a_status);
    tcase_add_test(tests, every_status_is_a_status_line);
    tcase_add_test(tests, failures_are_counted);
    tcase_add_test(tests, every_byte_everywhere_is_well_formed);

    tests = unit_case(suite, "namespaces", 20);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, declared_namespaces_stand_on_the_root);
    tcase_add_test(tests, only_the_first_eight_namespaces_are_declared);
    tcase_add_test(tests, declaring_too_late_does_nothing);

    tests = unit_case(suite, "stream", 60);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, flushes_grow);
    tcase_add_test(tests, refused_responses_count_for_no_flush);
    tcase_add_test(tests, large_document_is_whole);
    tcase_add_test(tests, long_responses);
    tcase_add_test(tests, error_of_the_sink_breaks_the_document);

    tests = unit_case(suite, "memory", 300);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, pool_is_cleared_with_each_response);
    tcase_add_test(tests, million_responses_cost_the_memory_of_one);
    tcase_add_loop_test(tests, documents_leave_no_memory_behind, 0, 4);
    return suite;
}
