/* The hash of tables, compared with its authors' values, and with a secret of the process. */
#include "base/siphash.h"

#include "base/hash.h"

#include <check.h>

Suite *check_siphash_suite(void);

/* Of the paper's appendix A and the reference's table: key 00 01 … 0f, data 00 01 … n-1. */
START_TEST(test_known_values)
{
    static const struct siphash_key key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    uint8_t data[64];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    ck_assert_uint_eq(siphash(&key, data, 0), 0x726fdb47dd0e0e31u);
    ck_assert_uint_eq(siphash(&key, data, 1), 0x74f839c593dc67fdu);
    ck_assert_uint_eq(siphash(&key, data, 8), 0x93f5f5799a932462u);
    ck_assert_uint_eq(siphash(&key, data, 15), 0xa129ca6149be45e5u);
}
END_TEST

START_TEST(test_a_secret_of_its_own)
{
    struct siphash_key a;
    struct siphash_key b;

    siphash_secret(&a);
    siphash_secret(&b);
    ck_assert(a.k0 != b.k0 && a.k1 != b.k1);
    ck_assert(siphash(&a, "stream", 6) != siphash(&b, "stream", 6));
    ck_assert_uint_eq(hash_bytes("stream", 6), hash_bytes("stream", 6));
    ck_assert_uint_ne(hash_bytes("stream", 6), hash_bytes("streaM", 6));
}
END_TEST

struct item {
    char name[16];
    int is_lost;
    UT_hash_handle hh;
};

/* uthash uses it, and not a function that peers can compute. */
START_TEST(test_tables_use_it)
{
    struct item *table = NULL;
    struct item item = {.name = "stream"};
    struct item *found;

    ck_assert_int_eq(HASH_TRY_ADD(table, item.name, 6, &item), 0);
    ck_assert_uint_eq(item.hh.hashv, hash_bytes("stream", 6));
    HASH_FIND(hh, table, "stream", 6, found);
    ck_assert_ptr_eq(found, &item);
    HASH_DEL(table, &item);
}
END_TEST

Suite *check_siphash_suite(void)
{
    Suite *suite = suite_create("siphash");
    TCase *tc = tcase_create("siphash");

    tcase_add_test(tc, test_known_values);
    tcase_add_test(tc, test_a_secret_of_its_own);
    tcase_add_test(tc, test_tables_use_it);
    suite_add_tcase(suite, tc);
    return suite;
}
