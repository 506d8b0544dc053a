#ifndef TEST_UNIT_CO_CO_TEST_H
#define TEST_UNIT_CO_CO_TEST_H

/*
 * What the tests of co share. The runtime is started once per process; all
 * tests of the layer run on its first coroutine, and only there may they assert:
 * a failed assertion jumps, which must not cross stacks.
 */
#include "co/co.h"
#include "co/net.h"

#include <check.h>

#define TEST_WAIT (5 * USEC_PER_SEC) /* the limit of a wait; reaching it is a failure */

/* A log whose lines are kept in memory. */
const struct log *co_test_log(void);
/* How often the log contains text since the last co_test_log_clear(). */
int co_test_log_has(const char *text);
void co_test_log_clear(void);

/* A case on the running runtime. */
TCase *co_test_case(Suite *suite, const char *name);

/* Fails the test with the error's text; takes it over. */
void co_test_ok(struct err *err);
/* Fails unless the error has this code; takes it over. */
void co_test_err(struct err *err, enum err_code code);

/*
 * Two connected stream sockets on the reactor. Kind 0: a socketpair through net_wrap_fd(); kind 1:
 * TCP, a from net_connect() and b from net_accept(). For tests in a loop over both.
 */
#define CO_TEST_KINDS 2
void co_test_pair(int kind, struct net_conn **a, struct net_conn **b);

/* Yields until *flag is set; fails after TEST_WAIT. */
void co_test_until(const int *flag);

#endif
