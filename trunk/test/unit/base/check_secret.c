/* Memory for secrets: zeroed, aligned, large and small; the kernel marks it as not dumped. */
#include "base/secret.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *check_secret_suite(void);

START_TEST(test_bytes)
{
    static const size_t sizes[] = {0, 1, 4096, 1024 * 1024 + 1};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *bytes = secret_new(sizes[i]);

        ck_assert_ptr_nonnull(bytes);
        ck_assert_uint_eq((uintptr_t)bytes % _Alignof(max_align_t), 0);
        for (size_t at = 0; at < sizes[i]; at++)
            ck_assert_uint_eq(bytes[at], 0);
        memset(bytes, 0xff, sizes[i]);
        secret_free(bytes);
    }
    secret_free(NULL);
    ck_assert_ptr_null(secret_new(SIZE_MAX));
    ck_assert_ptr_null(secret_new(SIZE_MAX / 2));
}
END_TEST

/* "dd" among the flags of its mapping (proc_pid_smaps(5)). */
START_TEST(test_is_not_dumped)
{
    void *bytes = secret_new(100);
    FILE *file = fopen("/proc/self/smaps", "re");
    unsigned long from, to;
    int is_here = 0, is_marked = 0;
    char line[512];

    ck_assert_ptr_nonnull(bytes);
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            is_here = from <= (uintptr_t)bytes && (uintptr_t)bytes < to;
        else if (is_here && strncmp(line, "VmFlags:", 8) == 0)
            is_marked = strstr(line, " dd") != NULL;
    }
    (void)fclose(file);
    ck_assert_int_eq(is_marked, 1);
    secret_free(bytes);
}
END_TEST

Suite *check_secret_suite(void)
{
    Suite *suite = suite_create("secret");
    TCase *tcase = tcase_create("secret");

    tcase_add_test(tcase, test_bytes);
    tcase_add_test(tcase, test_is_not_dumped);
    suite_add_tcase(suite, tcase);
    return suite;
}
