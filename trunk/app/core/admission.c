/*
 * Admission control. Opening a connection costs an attacker nothing, so a connection is only safe
 * from eviction once it is a viewer or a publisher: before that, the server may close it to admit a
 * new one, whatever it is slow at (half a request, half a handshake, no TLS hello, an idle
 * connection). The oldest goes first: an honest client needs only a moment, and a connection that
 * just occupies a slot has occupied it longest. Within that moment (ADMISSION_GRACE) the server
 * closes a viewer that waits for an unpublished stream instead. Viewers, publishers, and API
 * connections are never evicted.
 *
 * Each class is a list in the order of arrival, so every operation here is O(1).
 */
#include "app/core/admission.h"

#include "app/core/server.h"
#include "base/clock.h"
#include "co/net.h"

#include <assert.h>

static void list_add(struct admission_list *list, struct admission *a)
{
    a->next = NULL;
    a->prev = list->last;
    if (a->prev != NULL)
        a->prev->next = a;
    else
        list->first = a;
    list->last = a;
}

static void list_remove(struct admission_list *list, struct admission *a)
{
    if (a->prev != NULL)
        a->prev->next = a->next;
    else
        list->first = a->next;
    if (a->next != NULL)
        a->next->prev = a->prev;
    else
        list->last = a->prev;
}

/* Other workers read this: a new connection is handed to the worker with the oldest one. */
static void admission_tell(struct server *server, enum quota_class class)
{
    const struct admission *first = server->admissions.list[class].first;

    server_shared_quota_oldest(server, class, first != NULL ? first->since : 0);
}

static void admission_add(struct server *server, struct admission *a, enum quota_class class)
{
    a->class = (uint8_t) class;
    a->since = clock_now();
    list_add(&server->admissions.list[class], a);
    server->admissions.count[class]++;
    server_shared_quota_add(server, class, 1);
    admission_tell(server, class);
}

static void admission_remove(struct server *server, struct admission *a)
{
    assert(server->admissions.count[a->class] > 0);
    list_remove(&server->admissions.list[a->class], a);
    server->admissions.count[a->class]--;
    server_shared_quota_add(server, (enum quota_class)a->class, -1);
    admission_tell(server, (enum quota_class)a->class);
}

/* Checks the limits against the counts of all workers. */
static const char *admission_check(const struct server *server, enum quota_class class)
{
    uint64_t count[QUOTA_CLASSES];

    for (int i = 0; i < QUOTA_CLASSES; i++)
        count[i] =
            server_shared_quota_count(server, (enum quota_class)i, server->admissions.count[i]);
    return quota_check(server->config, count, class);
}

/* The coroutine ends when it runs next; until then the connection counts as QUOTA_NEW. */
static void admission_close(struct server *server, struct admission *a)
{
    io_close(&a->conn->io);
    admission_remove(server, a);
    admission_add(server, a, QUOTA_NEW);
}

/* Makes room for one more of a class; the oldest waiter or API connection gives way to a new one.
 */
static const char *admission_make_room(struct server *server, enum quota_class class,
                                       const struct admission *but)
{
    enum quota_class from = class == QUOTA_API ? QUOTA_API : QUOTA_WAITER;
    struct admission *oldest = server->admissions.list[from].first;
    const char *limit = admission_check(server, class);

    if (limit == NULL || oldest == NULL || oldest == but || class == QUOTA_PUBLISHER)
        return limit;
    admission_close(server, oldest);
    return admission_check(server, class);
}

const char *admission_enter_more(struct server *server, enum quota_class class)
{
    const char *limit = admission_check(server, class);

    assert(class == QUOTA_VIEWER || class == QUOTA_PUBLISHER);
    if (limit != NULL)
        return limit;
    server->admissions.count[class]++;
    server_shared_quota_add(server, class, 1);
    return NULL;
}

void admission_leave_more(struct server *server, enum quota_class class)
{
    assert(server->admissions.count[class] > 0);
    server->admissions.count[class]--;
    server_shared_quota_add(server, class, -1);
}

const char *admission_enter(struct server *server, struct admission *admission,
                            struct net_conn *conn, enum quota_class class)
{
    const char *limit = admission_make_room(server, class, NULL);

    if (limit != NULL)
        return limit;
    admission->conn = conn;
    admission->is_out = 0;
    conn->owner = admission;
    admission_add(server, admission, class);
    return NULL;
}

void admission_leave(struct server *server, struct admission *admission)
{
    if (!admission->is_out)
        admission_remove(server, admission);
    admission->is_out = 1;
}

const char *admission_become(struct server *server, struct net_conn *conn, enum quota_class class)
{
    struct admission *a = conn->owner;
    const char *limit;

    if (a == NULL || (a->class == class && class != QUOTA_NEW))
        return NULL;
    if (a->is_out)
        return "max_connections";
    admission_remove(server, a);
    limit = admission_make_room(server, class, a);
    admission_add(server, a, limit == NULL ? class : (enum quota_class)a->class);
    return limit;
}

const char *admission_play(struct server *server, struct net_conn *conn, int is_live)
{
    return admission_become(server, conn, is_live ? QUOTA_VIEWER : QUOTA_WAITER);
}

void admission_is_live(struct server *server, struct net_conn *conn, int is_live)
{
    struct admission *a = conn->owner;

    if (a == NULL || a->is_out || a->class != (is_live ? QUOTA_WAITER : QUOTA_VIEWER))
        return;
    admission_remove(server, a);
    admission_add(server, a, is_live ? QUOTA_VIEWER : QUOTA_WAITER);
}

void admission_touch(struct server *server, struct net_conn *conn)
{
    struct admission *a = conn->owner;

    if (a == NULL || a->is_out)
        return;
    list_remove(&server->admissions.list[a->class], a);
    list_add(&server->admissions.list[a->class], a);
    a->since = clock_now();
    admission_tell(server, (enum quota_class)a->class);
}

struct admission *admission_evict(struct server *server)
{
    struct admission *a = server->admissions.list[QUOTA_NEW].first;
    struct admission *waiter = server->admissions.list[QUOTA_WAITER].first;

    if (waiter != NULL && (a == NULL || clock_now() - a->since < ADMISSION_GRACE))
        a = waiter;
    if (a == NULL)
        return NULL;
    admission_remove(server, a);
    a->is_out = 1;
    io_close(&a->conn->io);
    return a;
}
