/*
 * Admission control. Opening a connection costs an attacker nothing, so a connection is only safe
 * from eviction once it is a viewer or a publisher: before that, the server may close it to admit a
 * new one, whatever it is slow at (half a request, half a handshake, no TLS hello, an idle
 * connection). The oldest goes first: an honest client needs only a moment, and a connection that
 * just occupies a slot has occupied it longest. Within that moment (ADMISSION_GRACE) the server
 * closes a viewer that waits for an unpublished stream instead. Viewers and publishers are never
 * evicted.
 */
#include "app/core/admission.h"

#include "app/core/metrics.h"
#include "app/core/server.h"
#include "base/clock.h"
#include "co/net.h"

#include <assert.h>

int admission_open(struct server *server)
{
    struct admissions *all = &server->admissions;

    all->places = places_new(NULL, 1, PLACES_CONNECTIONS);
    all->pulls = places_new(NULL, 1, PLACES_PULLS);
    return all->places != NULL && all->pulls != NULL ? 0 : -1;
}

void admission_share(struct server *server, struct places *places, struct places *pulls,
                     int process)
{
    admission_close(server);
    server->admissions.places = places;
    server->admissions.pulls = pulls;
    server->admissions.is_shared = 1;
    server->admissions.process = process;
}

void admission_close(struct server *server)
{
    struct admissions *all = &server->admissions;

    if (!all->is_shared) {
        places_free(all->places);
        places_free(all->pulls);
    }
    all->places = all->pulls = NULL;
}

/* ---- eviction ---- */

/* The coroutine ends when it runs next. */
static void admission_end(struct server *server, struct admission *a, enum quota_class limit)
{
    a->is_out = 1;
    io_close(&a->conn->io);
    if (server->admissions.on_evict != NULL)
        server->admissions.on_evict(server, a, quota_limit_name(limit));
}

void admission_settle(struct server *server)
{
    struct admissions *all = &server->admissions;
    enum quota_class limit;
    struct admission *a;

    while ((a = places_next_evicted(all->places, all->process, &limit)) != NULL)
        admission_end(server, a, limit);
}

/* The limit, or NULL; sees to it that the connection that gave way is closed. */
static const char *admission_finish(struct server *server, const struct places_answer *answer)
{
    if (answer->evicted_at == server->admissions.process || answer->is_lost)
        admission_settle(server);
    else if (answer->evicted_at >= 0)
        server_shared_evicted(server, answer->evicted_at);
    return answer->limit != QUOTA_CLASSES ? quota_limit_name(answer->limit) : NULL;
}

/* Counts a refused player or publisher; a refused connection is counted where it is closed. */
static const char *admission_refuse(struct server *server, const char *limit)
{
    if (limit != NULL)
        metrics_add_label(server->metrics, METRICS_REFUSALS, limit, 1);
    return limit;
}

/* ---- entering and leaving ---- */

usec_t admission_wait(const struct server *server, enum quota_class class)
{
    return places_wait(server->admissions.places, server->config, class, clock_now());
}

const char *admission_enter(struct server *server, struct admission *admission,
                            struct net_conn *conn, enum quota_class class)
{
    struct admissions *all = &server->admissions;
    struct places_answer answer = places_enter(all->places, all->process, server->config, class,
                                               admission, clock_now(), &admission->place);

    if (admission->place != 0) {
        admission->conn = conn;
        admission->class = (uint8_t) class;
        admission->is_out = 0;
        admission->is_fresh = answer.is_full != 0;
        conn->owner = admission;
    }
    return admission_finish(server, &answer);
}

void admission_seen(struct server *server, const struct admission *admission, uint32_t place)
{
    places_seen(server->admissions.places, place, admission);
}

void admission_leave(struct server *server, struct admission *admission)
{
    if (admission->place != 0)
        places_leave(server->admissions.places, admission->place);
    admission->place = 0;
}

const char *admission_enter_more(struct server *server, enum quota_class class)
{
    struct admissions *all = &server->admissions;
    enum quota_class limit;

    assert(class == QUOTA_VIEWER || class == QUOTA_PUBLISHER);
    limit = places_enter_more(all->places, all->process, server->config, class);
    return admission_refuse(server, limit != QUOTA_CLASSES ? quota_limit_name(limit) : NULL);
}

void admission_leave_more(struct server *server, enum quota_class class)
{
    places_leave_more(server->admissions.places, server->admissions.process, class);
}

/* ---- classes ---- */

const char *admission_become(struct server *server, struct net_conn *conn, enum quota_class class)
{
    struct admission *a = conn->owner;
    struct places_answer answer;

    if (a == NULL || (a->class == class && class != QUOTA_NEW))
        return NULL;
    if (a->is_out)
        return admission_refuse(server, quota_limit_name(QUOTA_NEW));
    answer = places_become(server->admissions.places, a->place, server->config, class, clock_now());
    if (answer.limit == QUOTA_CLASSES)
        a->class = (uint8_t) class;
    return admission_refuse(server, admission_finish(server, &answer));
}

const char *admission_play(struct server *server, struct net_conn *conn, int is_live)
{
    return admission_become(server, conn, is_live ? QUOTA_VIEWER : QUOTA_WAITER);
}

static void admission_move(struct server *server, struct admission *a, enum quota_class class)
{
    if (places_move(server->admissions.places, a->place, class, clock_now()) == 0)
        a->class = (uint8_t) class;
    else
        admission_settle(server);
}

void admission_is_live(struct server *server, struct net_conn *conn, int is_live)
{
    struct admission *a = conn->owner;

    if (a != NULL && !a->is_out && a->class == (is_live ? QUOTA_WAITER : QUOTA_VIEWER))
        admission_move(server, a, is_live ? QUOTA_VIEWER : QUOTA_WAITER);
}

void admission_touch(struct server *server, struct net_conn *conn)
{
    struct admission *a = conn->owner;

    if (a != NULL && !a->is_out)
        admission_move(server, a, (enum quota_class)a->class);
}
