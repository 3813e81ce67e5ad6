/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_TESTS_UNIT_SUITE_RUN_H
#define CLU_TESTS_UNIT_SUITE_RUN_H

#include <check.h>
#include <stdlib.h>

/* Takes the suite; the exit status of a test program. CK_VERBOSITY says how much is told. */
static inline int suite_run(Suite *suite)
{
        SRunner *runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
