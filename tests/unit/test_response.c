#include "multistatus/response.h"

#include "unit.h"

START_TEST(new_response_is_empty)
{
    static const char uri[] = "/a%20b";
    dms_response_t *response = dms_response_create(unit_pool, uri);

    ck_assert_ptr_eq(response->pool, unit_pool);
    ck_assert_ptr_eq(response->href.uri, uri); /* by reference */
    ck_assert_ptr_null(response->href.next);
    ck_assert_int_eq(response->status, 0);
    ck_assert_ptr_null(response->propstats);
    ck_assert_ptr_null(response->error);
    ck_assert_ptr_null(response->description);
    ck_assert_ptr_null(response->location);
    ck_assert(!dms_response_is_failure(response));
}
END_TEST

START_TEST(hrefs_keep_their_order)
{
    dms_response_t *response = dms_response_create(unit_pool, "/1");

    dms_response_add_href(response, "/2");
    dms_response_add_href(response, "/3");
    ck_assert_str_eq(response->href.uri, "/1");
    ck_assert_str_eq(response->href.next->uri, "/2");
    ck_assert_str_eq(response->href.next->next->uri, "/3");
    ck_assert_ptr_null(response->href.next->next->next);
}
END_TEST

/* RFC 4918, section 13: 200 to 599 and no 1xx. */
START_TEST(only_final_statuses_are_recorded)
{
    int status;

    for (status = -700; status <= 1300; status++) {
        dms_response_t *response = dms_response_create(unit_pool, "/");
        int fine = status >= 200 && status <= 599;

        ck_assert_int_eq(dms_response_set_status(response, status),
                         fine ? APR_SUCCESS : APR_EINVAL);
        ck_assert_int_eq(response->status, fine ? status : 0);
        ck_assert_ptr_null(response->propstats);

        response = dms_response_create(unit_pool, "/");
        ck_assert_int_eq(dms_response_propstat(response, status) != NULL, fine);
        ck_assert_int_eq(response->propstats != NULL, fine);
        ck_assert_int_eq(response->status, 0);
    }
}
END_TEST

START_TEST(refused_status_changes_nothing)
{
    dms_response_t *response = dms_response_create(unit_pool, "/");

    ck_assert_int_eq(dms_response_set_status(response, 423), APR_SUCCESS);
    ck_assert_int_eq(dms_response_set_status(response, 102), APR_EINVAL);
    ck_assert_int_eq(dms_response_set_status(response, 0), APR_EINVAL);
    ck_assert_int_eq(response->status, 423);
    ck_assert_int_eq(dms_response_set_status(response, 507), APR_SUCCESS);
    ck_assert_int_eq(response->status, 507);
}
END_TEST

START_TEST(status_and_propstats_exclude_each_other)
{
    dms_response_t *response = dms_response_create(unit_pool, "/");

    ck_assert_int_eq(dms_response_set_status(response, 404), APR_SUCCESS);
    ck_assert_ptr_null(dms_response_propstat(response, 200));
    ck_assert_ptr_null(dms_response_propstat(response, 404));
    ck_assert_ptr_null(response->propstats);

    response = dms_response_create(unit_pool, "/");
    ck_assert_ptr_nonnull(dms_response_propstat(response, 200));
    ck_assert_int_eq(dms_response_set_status(response, 200), APR_EINVAL);
    ck_assert_int_eq(response->status, 0);
}
END_TEST

START_TEST(new_propstat_is_empty)
{
    dms_propstat_t *propstat = dms_response_propstat(dms_response_create(unit_pool, "/"), 404);

    ck_assert_int_eq(propstat->status, 404);
    ck_assert_ptr_null(propstat->properties);
    ck_assert_ptr_null(propstat->error);
    ck_assert_ptr_null(propstat->description);
    ck_assert_ptr_null(propstat->next);
}
END_TEST

START_TEST(propstat_of_a_status_is_one)
{
    static const int statuses[] = {404, 200, 403, 201, 424, 507, 301};
    const int count = sizeof(statuses) / sizeof(statuses[0]);
    dms_response_t *response = dms_response_create(unit_pool, "/");
    dms_propstat_t *propstats[sizeof(statuses) / sizeof(statuses[0])], *propstat;
    int i, found = 0;

    for (i = 0; i < count; i++) {
        propstats[i] = dms_response_propstat(response, statuses[i]);
    }
    for (i = 0; i < count; i++) {
        ck_assert_ptr_eq(dms_response_propstat(response, statuses[i]), propstats[i]);
        ck_assert_int_eq(propstats[i]->status, statuses[i]);
    }
    for (propstat = response->propstats; propstat; propstat = propstat->next) {
        found++;
    }
    ck_assert_int_eq(found, count);
}
END_TEST

/* Whatever the order in which they come: all orders of five statuses. */
START_TEST(successful_propstats_come_first)
{
    static const int statuses[] = {404, 200, 301, 207, 500};
    int order;

    for (order = 0; order < 5 * 5 * 5 * 5 * 5; order++) {
        dms_response_t *response = dms_response_create(unit_pool, "/");
        const dms_propstat_t *propstat;
        int digits, i, failed = 0;

        for (i = 0, digits = order; i < 5; i++, digits /= 5) {
            ck_assert_ptr_nonnull(dms_response_propstat(response, statuses[digits % 5]));
        }
        for (propstat = response->propstats; propstat; propstat = propstat->next) {
            ck_assert(!failed || propstat->status >= 300);
            failed = propstat->status >= 300;
        }
    }
}
END_TEST

START_TEST(properties_keep_their_order)
{
    dms_propstat_t *propstat = dms_response_propstat(dms_response_create(unit_pool, "/"), 200);
    dms_element_t *a = unit_element("", "a", NULL, NULL), *b = unit_element("", "b", NULL, NULL),
                  *c = unit_element("", "c", NULL, NULL);

    b->next = c->next = a; /* from a list that they were in before */
    dms_propstat_add(propstat, a);
    dms_propstat_add(propstat, b);
    dms_propstat_add(propstat, c);
    ck_assert_ptr_eq(propstat->properties, a);
    ck_assert_ptr_eq(a->next, b);
    ck_assert_ptr_eq(b->next, c);
    ck_assert_ptr_null(c->next);
    ck_assert_ptr_eq(propstat->last, c);
}
END_TEST

START_TEST(failure_by_status)
{
    int status;

    for (status = 200; status < 600; status++) {
        dms_response_t *response = dms_response_create(unit_pool, "/");

        ck_assert_int_eq(dms_response_set_status(response, status), APR_SUCCESS);
        ck_assert_int_eq(!!dms_response_is_failure(response), status >= 400);
    }
}
END_TEST

START_TEST(failure_by_propstat)
{
    int status;

    for (status = 200; status < 600; status++) {
        dms_response_t *response = dms_response_create(unit_pool, "/");
        int failure = status >= 400 && status != 404 && status != 424;

        ck_assert_ptr_nonnull(dms_response_propstat(response, 200));
        ck_assert_ptr_nonnull(dms_response_propstat(response, 404));
        ck_assert_ptr_nonnull(dms_response_propstat(response, status));
        ck_assert_int_eq(!!dms_response_is_failure(response), failure);
    }
}
END_TEST

Suite *response_suite(void)
{
    Suite *suite = suite_create("response");
    TCase *tests = unit_case(suite, "tree", 20);

    tcase_add_test(tests, new_response_is_empty);
    tcase_add_test(tests, hrefs_keep_their_order);
    tcase_add_test(tests, only_final_statuses_are_recorded);
    tcase_add_test(tests, refused_status_changes_nothing);
    tcase_add_test(tests, status_and_propstats_exclude_each_other);
    tcase_add_test(tests, new_propstat_is_empty);
    tcase_add_test(tests, propstat_of_a_status_is_one);
    tcase_add_test(tests, successful_propstats_come_first);
    tcase_add_test(tests, properties_keep_their_order);
    tcase_add_test(tests, failure_by_status);
    tcase_add_test(tests, failure_by_propstat);
    return suite;
}
