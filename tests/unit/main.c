#include <stdlib.h>

#include <apr_general.h>

#include "unit.h"

/* The leak check at the end of each forked test takes longer than the test. Tests that measure
 * memory look for leaks, without sanitizers. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

int main(int argc, const char *const *argv)
{
    SRunner *runner;
    int failed;

    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS) {
        return EXIT_FAILURE;
    }
    runner = srunner_create(status_suite());
    srunner_add_suite(runner, element_suite());
    srunner_add_suite(runner, response_suite());
    srunner_add_suite(runner, buffer_suite());
    srunner_add_suite(runner, xml_suite());
    srunner_add_suite(runner, position_suite());
    srunner_add_suite(runner, writer_suite());
    srunner_add_suite(runner, reader_suite());
    srunner_add_suite(runner, examples_suite());
    srunner_add_suite(runner, headers_suite());
    srunner_add_suite(runner, prefer_suite());
    srunner_add_suite(runner, digests_suite());
    srunner_add_suite(runner, destination_suite());
    srunner_add_suite(runner, xml_body_suite());
    srunner_add_suite(runner, if_suite());
    srunner_add_suite(runner, lock_headers_suite());
    srunner_add_suite(runner, mapping_suite());
    srunner_add_suite(runner, skim_suite());
    srunner_add_suite(runner, window_suite());
    srunner_add_suite(runner, hrefs_suite());
    srunner_add_suite(runner, keys_suite());
    srunner_add_suite(runner, processes_suite());
    srunner_add_suite(runner, store_suite());
    srunner_add_suite(runner, locks_suite());
    srunner_add_suite(runner, store_locks_suite());
    srunner_add_suite(runner, recovery_suite());
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    apr_terminate();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
