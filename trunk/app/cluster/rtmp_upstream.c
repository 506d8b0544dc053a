/*
 * The client side of RTMP, common to all of its users: one deadline until the stream is granted,
 * and one way to read what a server sends while we only send to it. The texts of the requests were
 * made from parts (proto/rtmp_target.h) and are sent unchanged.
 */
#include "app/cluster/rtmp_upstream.h"

#include "app/config/origin.h"
#include "base/str.h"
#include "base/version.h"
#include "co/co.h"
#include "proto/rtmp_auth.h"

#include <assert.h>
#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UPSTREAM_LOGINS_MAX 3 /* refusals handled: two ask for login, one is final */

static struct err *upstream_ask(struct rtmp_upstream *up, const struct rtmp_target *target,
                                enum rtmp_intent intent, usec_t deadline)
{
    struct err *err = rtmp_talk_handshake(up->talk, co_left(deadline));

    if (err == NULL)
        err = rtmp_talk_connect(up->talk, target, co_left(deadline));
    if (err == NULL && intent == RTMP_INTENT_PLAY)
        err = rtmp_talk_play(up->talk, target->name, co_left(deadline));
    else if (err == NULL)
        err = rtmp_talk_publish(up->talk, target->name, co_left(deadline));
    return err;
}

static struct err *upstream_run(struct rtmp_upstream *up, const struct rtmp_target *target,
                                const struct rtmp_upstream_options *options, usec_t deadline)
{
    struct rtmp_talk_config talk = {.chunk_size = (uint32_t)options->config->chunk_size,
                                    .message_max = (size_t)options->config->max_message,
                                    .server = MILLRACE_NAME,
                                    .version = MILLRACE_VERSION,
                                    .pid = (int)getpid(),
                                    .id = co_id(),
                                    .now = co_now,
                                    .via = options->via};
    int is_secure = strcmp(target->schema, "rtmps") == 0;
    struct err *err;

    if (is_secure && options->tls == NULL)
        return err_new(ERR_CONFIG, "%s: TLS is not configured for rtmps", target->host);
    err = net_connect(target->host, target->port, &up->conn, co_left(deadline));
    if (err != NULL) {
        up->conn = NULL;
        return err;
    }
    if (options->shown != NULL)
        *options->shown = up->conn;
    net_tune(up->conn, 0, 1);
    if (is_secure)
        err = tls_connect(options->tls, up->conn, target->host, co_left(deadline));
    if (err != NULL)
        return err;
    up->talk = rtmp_talk_new(&up->conn->io, &talk);
    if (up->talk == NULL)
        return err_new(ERR_NOMEM, "no memory for a connection");
    return upstream_ask(up, target, options->intent, deadline);
}

/* Changes target to the address that the server redirects to. */
static struct err *upstream_redirect(struct rtmp_upstream *up, struct rtmp_target *target)
{
    const char *to = rtmp_talk_redirect(up->talk);
    char show[288];

    origin_show(to, show, sizeof(show));
    if (++up->hops > RTMP_UPSTREAM_HOPS_MAX)
        return err_new(ERR_LIMIT, "more than %d redirects", RTMP_UPSTREAM_HOPS_MAX);
    if (strcmp(target->schema, "rtmps") == 0)
        return err_new(ERR_DENIED, "redirect from rtmps to %s refused", show);
    if (rtmp_target_redirect(target, to) != 0)
        return err_new(ERR_PROTO, "redirected to %s, which is not an RTMP address", show);
    return NULL;
}

/*
 * The same address again, with the user's name or with proof of the password, where connect was
 * refused for lack of them. Otherwise the refusal.
 */
static __attribute__((noinline)) struct err *upstream_login(const struct rtmp_upstream *up,
                                                            struct rtmp_target *target,
                                                            const struct rtmp_target *first,
                                                            struct err *refusal)
{
    const char *why = rtmp_talk_refusal(up->talk);
    char query[RTMP_AUTH_QUERY_MAX];
    char challenge[RTMP_AUTH_CHALLENGE_MAX];
    uint32_t number = 0;

    if (RAND_bytes((unsigned char *)&number, sizeof(number)) != 1 ||
        str_format(challenge, sizeof(challenge), "%08x", number) != 0)
        return err_wrap(refusal, "no random bytes");
    switch (rtmp_auth_answer(target, why, challenge, query)) {
    case RTMP_AUTH_AGAIN:
        break;
    case RTMP_AUTH_DENIED:
        return err_wrap(refusal, "user %s or password is wrong", target->user);
    case RTMP_AUTH_UNKNOWN:
        return err_wrap(refusal, "authentication method is not supported");
    default:
        return refusal;
    }
    *target = *first;
    if (rtmp_auth_apply(target, query) != 0)
        return err_wrap(refusal, "address with authentication parameters is too long");
    err_free(refusal);
    return NULL;
}

/* Whether a refusal tells how to ask again; authentication takes two steps. */
static int upstream_may_go_on(const struct rtmp_upstream *up, const struct rtmp_target *target,
                              int *logins)
{
    if (up->talk == NULL)
        return 0;
    if (rtmp_talk_redirect(up->talk) != NULL)
        return 1;
    return rtmp_talk_refusal(up->talk) != NULL && target->user[0] != '\0' &&
           (*logins)++ < UPSTREAM_LOGINS_MAX;
}

/* The next request after a refusal: to another server, or to this one with login. */
static struct err *upstream_next(struct rtmp_upstream *up, struct rtmp_target *target,
                                 const struct rtmp_target *first, struct err *refusal)
{
    if (rtmp_talk_redirect(up->talk) != NULL) {
        err_free(refusal);
        return upstream_redirect(up, target);
    }
    /* Not after a redirection: the target has no user then. */
    return upstream_login(up, target, first, refusal);
}

/* Connects to the target, and to where it redirects; changes the target. */
static struct err *upstream_open(struct rtmp_upstream *up, struct rtmp_target *target,
                                 const struct rtmp_target *first,
                                 const struct rtmp_upstream_options *options, usec_t deadline)
{
    struct err *err = upstream_run(up, target, options, deadline);

    for (int logins = 0; err != NULL && upstream_may_go_on(up, target, &logins);) {
        err = upstream_next(up, target, first, err);
        rtmp_upstream_close(up, options->shown);
        if (err == NULL)
            err = upstream_run(up, target, options, deadline);
    }
    if (err != NULL)
        rtmp_upstream_close(up, options->shown);
    return err;
}

struct err *rtmp_upstream_open(struct rtmp_upstream *up, const struct rtmp_target *first,
                               const struct rtmp_upstream_options *options, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    struct rtmp_target *target = malloc(sizeof(*target)); /* too large for a coroutine's stack */
    struct err *err;

    assert(up->conn == NULL && up->talk == NULL);
    if (target == NULL)
        return err_new(ERR_NOMEM, "no memory for a connection");
    *target = *first;
    up->hops = 0;
    err = upstream_open(up, target, first, options, deadline);
    free(target);
    return err;
}

int rtmp_upstream_is_sent_on(const struct rtmp_upstream *up, const struct err *err)
{
    return err != NULL && err_code(err) == ERR_DENIED && up->talk != NULL &&
           rtmp_talk_redirect(up->talk) != NULL;
}

struct err *rtmp_upstream_follow(struct rtmp_upstream *up, const struct rtmp_target *first,
                                 const struct rtmp_upstream_options *options, usec_t timeout)
{
    usec_t deadline = co_deadline(timeout);
    struct rtmp_target *target = malloc(sizeof(*target));
    struct err *err;

    if (target == NULL) {
        rtmp_upstream_close(up, options->shown);
        return err_new(ERR_NOMEM, "no memory for a connection");
    }
    *target = *first;
    err = upstream_redirect(up, target);
    rtmp_upstream_close(up, options->shown);
    if (err == NULL)
        err = upstream_open(up, target, first, options, deadline);
    free(target);
    return err;
}

void rtmp_upstream_close(struct rtmp_upstream *up, struct net_conn **shown)
{
    if (shown != NULL)
        *shown = NULL;
    rtmp_talk_free(up->talk);
    net_free(up->conn);
    up->talk = NULL;
    up->conn = NULL;
}

/* Processes everything received so far. */
static struct err *upstream_take(struct rtmp_upstream *up)
{
    struct err *err = NULL;
    int more = 1;

    while (err == NULL && more) {
        struct rtmp_message message;
        enum rtmp_event event;

        err = rtmp_talk_take(up->talk, &event, &message, &more);
    }
    return err != NULL ? err : rtmp_talk_keep(up->talk);
}

/* Not inlined: its buffer would stay on the stacks of coroutines that wait for hours. */
__attribute__((noinline)) struct err *rtmp_upstream_listen(struct rtmp_upstream *up)
{
    uint8_t data[1024];
    /* First, what arrived together with the last answer. */
    struct err *err = upstream_take(up);

    while (err == NULL) {
        ssize_t got = net_try_read(up->conn, data, sizeof(data));

        if (got == 0)
            return err_new(ERR_CLOSED, "server closed the connection");
        if (got < 0)
            return errno == EAGAIN ? NULL : err_sys(errno, "read");
        err = rtmp_talk_feed(up->talk, data, (size_t)got);
        if (err == NULL)
            err = upstream_take(up);
    }
    return err;
}
