/* What one program leaves to the other: the file, its version, and the configuration in it. */
#include "app/workers/upgrade_state.h"

#include <check.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

Suite *check_upgrade_state_suite(void);

START_TEST(test_is_found_again)
{
    struct upgrade_state *state, *other;
    int fd;

    state = upgrade_state_new(&fd);
    ck_assert_ptr_nonnull(state);
    ck_assert_int_eq(state->memory_fd, -1);
    ck_assert_int_eq(state->port_socket[CONFIG_PROCESSES_MAX - 1][1], -1);
    state->workers = 7;
    ck_assert_ptr_null(upgrade_state_open(fd, &other));
    ck_assert_int_eq(other->workers, 7);
    other->is_accepted = 1; /* both see it */
    ck_assert_int_eq(state->is_accepted, 1);
    upgrade_state_free(other);
    upgrade_state_free(state);
    close(fd);
}
END_TEST

static void refused(int fd, enum err_code code)
{
    struct upgrade_state *other;
    struct err *err = upgrade_state_open(fd, &other);

    ck_assert_int_eq(err_code(err), code);
    ck_assert_ptr_null(other);
    err_free(err);
}

START_TEST(test_another_version)
{
    struct upgrade_state *state;
    int fd;

    state = upgrade_state_new(&fd);
    state->version++;
    refused(fd, ERR_LIMIT);
    state->version--;
    state->size--;
    refused(fd, ERR_LIMIT);
    state->size++;
    state->magic++;
    refused(fd, ERR_CLOSED);
    state->magic--;
    ck_assert_int_eq(ftruncate(fd, offsetof(struct upgrade_state, source)), 0);
    refused(fd, ERR_LIMIT);
    ck_assert_int_eq(ftruncate(fd, 4), 0);
    refused(fd, ERR_CLOSED);
    refused(-1, ERR_CLOSED);
    upgrade_state_free(state);
    close(fd);
}
END_TEST

START_TEST(test_descriptors_are_inherited)
{
    struct upgrade_state *state;
    int fd;

    state = upgrade_state_new(&fd);
    state->port_count = 1;
    state->port[0].count = 1;
    state->port[0].fd[0] = memfd_create("port", MFD_CLOEXEC);
    upgrade_state_inherit(state, 1);
    ck_assert_int_eq(fcntl(state->port[0].fd[0], F_GETFD), 0);
    upgrade_state_inherit(state, 0);
    ck_assert_int_eq(fcntl(state->port[0].fd[0], F_GETFD), FD_CLOEXEC);
    close(state->port[0].fd[0]);
    upgrade_state_free(state);
    close(fd);
}
END_TEST

START_TEST(test_configuration)
{
    char *environment[] = {"SRS_CHUNK_SIZE=4321", "SRS_WORKERS=3", NULL};
    struct config_options options = {.env_only = 1};
    struct config *config, *again;
    struct upgrade_state *state;
    struct err *err;
    int fd;

    state = upgrade_state_new(&fd);
    err = upgrade_state_config(state, &again);
    ck_assert_int_eq(err_code(err), ERR_CONFIG); /* there is none yet */
    err_free(err);
    ck_assert_ptr_null(config_load(&options, environment, &config));
    ck_assert_ptr_null(upgrade_state_put_config(state, config));
    ck_assert_ptr_null(upgrade_state_config(state, &again));
    ck_assert_int_eq(again->chunk_size, 4321);
    ck_assert_int_eq(again->workers, 3);
    config_unref(again);
    state->source_len = sizeof(state->source) + 1;
    err = upgrade_state_config(state, &again);
    ck_assert_int_eq(err_code(err), ERR_CONFIG);
    err_free(err);
    config_unref(config);
    upgrade_state_free(state);
    close(fd);
}
END_TEST

Suite *check_upgrade_state_suite(void)
{
    Suite *suite = suite_create("upgrade_state");
    TCase *tc = tcase_create("upgrade_state");

    tcase_add_test(tc, test_is_found_again);
    tcase_add_test(tc, test_another_version);
    tcase_add_test(tc, test_descriptors_are_inherited);
    tcase_add_test(tc, test_configuration);
    suite_add_tcase(suite, tc);
    return suite;
}
