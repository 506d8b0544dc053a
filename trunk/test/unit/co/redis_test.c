/*
 * The server for the tests of the Redis client: it only follows its script.
 */
#include "redis_test.h"

#include "co_test.h"

#include <stdlib.h>

static struct err *say(const struct reporter *t, struct net_conn *conn, const char *text)
{
    size_t len = strlen(text);
    size_t piece = t->piece > 0 ? (size_t)t->piece : len;
    struct err *err = NULL;

    for (size_t at = 0; at < len && err == NULL; at += piece) {
        err = io_write(&conn->io, text + at, len - at < piece ? len - at : piece, TEST_WAIT);
        co_yield ();
    }
    return err;
}

static struct err *hear(struct net_conn *conn, char *heard, size_t cap, const char *wait)
{
    struct err *err = NULL;

    while (err == NULL && (wait == NULL || strstr(heard, wait) == NULL)) {
        size_t len = strlen(heard);
        size_t got = 0;

        if (len + 1 >= cap)
            return err_new(ERR_LIMIT, "too much was said");
        err = io_read(&conn->io, heard + len, cap - len - 1, &got, TEST_WAIT);
        heard[len + got] = '\0';
    }
    return err;
}

static void tell(struct reporter *t, struct net_conn *conn, int which)
{
    struct err *err = NULL;
    char *heard = t->heard[which];

    for (int i = 0; i < TELLER_STEPS_MAX && t->step[which][i].wait != NULL && err == NULL; i++) {
        err = hear(conn, heard, sizeof(t->heard[which]), t->step[which][i].wait);
        if (err == NULL && t->step[which][i].say == NULL)
            return; /* which closes */
        if (err == NULL)
            err = say(t, conn, t->step[which][i].say);
    }
    if (err == NULL)
        err = hear(conn, heard, sizeof(t->heard[which]), NULL);
    err_free(err);
}

static void reporter_run(void *arg)
{
    struct reporter *t = arg;

    for (int i = 0; i < t->connections; i++) {
        struct net_conn *conn = NULL;
        struct err *err = net_accept(t->listener, &conn, co_test_log(), TEST_WAIT);

        if (err == NULL)
            tell(t, conn, i);
        err_free(err);
        net_free(conn);
    }
    t->is_done = 1;
}

struct reporter *teller_new(void)
{
    struct reporter *t = calloc(1, sizeof(*t));

    ck_assert_ptr_nonnull(t);
    t->connections = 1;
    return t;
}

int reporter_start(struct reporter *t)
{
    co_test_ok(net_listen("127.0.0.1:0", &t->listener));
    ck_assert_ptr_nonnull(co_spawn(reporter_run, t));
    return net_listener_port(t->listener);
}

void teller_free(struct reporter *t)
{
    co_test_until(&t->is_done);
    net_listener_close(t->listener);
    free(t);
}
