/*
 * A table of the lines of the last ten seconds, an entry for each address and kind. When it is
 * full, addresses that do not fit are counted only in the entry for all addresses, which is exact:
 * these entries, one for each kind, have a table of their own.
 *
 * A coroutine reports the sums. It runs only while there are any: an idle server has none.
 */
#include "app/core/log_limit.h"

#include "base/ip.h"
#include "base/str.h"
#include "co/co.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_ADDRESSES 256
#define LIMIT_KINDS     16
/* The limit of all addresses together, as a multiple of the limit of one. */
#define LIMIT_ALL_FACTOR 10
#define LIMIT_ALL        "all addresses"

struct limit_entry {
    const char *kind; /* NULL: free */
    char name[IP_TEXT_MAX + 4];
    usec_t since;
    int64_t lines;    /* written in this window */
    uint64_t dropped; /* suppressed */
};

struct log_limit {
    const struct log *log;
    int64_t lines;
    usec_t window;
    struct co *reporter; /* reports the sums; NULL: none was started yet */
    int has_reported;    /* the teller has ended and must be joined */
    struct limit_entry all[LIMIT_KINDS];
    struct limit_entry address[LIMIT_ADDRESSES];
};

struct log_limit *log_limit_new(const struct log *log, int64_t lines, usec_t window)
{
    struct log_limit *limit = calloc(1, sizeof(*limit));

    if (limit == NULL)
        return NULL;
    limit->log = log;
    limit->lines = lines;
    limit->window = window;
    return limit;
}

void log_limit_set_lines(struct log_limit *limit, int64_t lines)
{
    if (limit != NULL)
        limit->lines = lines;
}

/* The name under which an address is counted. */
static void name_of(const char *ip, char *out, size_t cap)
{
    struct ip address;
    char text[IP_TEXT_MAX];

    if (ip_parse(ip, &address) != 0 || ip_is_v4(&address)) {
        (void)str_copy(out, cap, *ip != '\0' ? ip : "unix");
        return;
    }
    memset(address.byte + 8, 0, 8);
    ip_print(&address, text);
    (void)str_format(out, cap, "%s/64", text);
}

static void entry_report(const struct log_limit *limit, struct limit_entry *entry)
{
    if (entry->dropped > 0)
        log_warn(limit->log, "%s: %llu more log lines suppressed: %s", entry->name,
                 (unsigned long long)entry->dropped, entry->kind);
    entry->dropped = 0;
}

static int is_over(const struct log_limit *limit, const struct limit_entry *entry, usec_t now)
{
    return now - entry->since >= limit->window;
}

/* The entry of this kind and name, or a new one; NULL: the table is full. */
static struct limit_entry *entry_of(const struct log_limit *limit, struct limit_entry *entry,
                                    size_t count, const struct limit_entry *key, usec_t now)
{
    struct limit_entry *room = NULL;

    for (size_t i = 0; i < count; i++) {
        if (entry[i].kind != NULL && strcmp(entry[i].kind, key->kind) == 0 &&
            strcmp(entry[i].name, key->name) == 0)
            return &entry[i];
        if (room == NULL &&
            (entry[i].kind == NULL || (entry[i].dropped == 0 && is_over(limit, &entry[i], now))))
            room = &entry[i];
    }
    if (room == NULL)
        return NULL;
    *room = *key;
    room->since = now;
    return room;
}

/* Counts one more line: 1 when it is within the limit. */
static int entry_count(const struct log_limit *limit, struct limit_entry *entry, int64_t max,
                       usec_t now)
{
    if (is_over(limit, entry, now)) {
        entry_report(limit, entry);
        entry->since = now;
        entry->lines = 0;
    }
    if (entry->lines >= max) {
        entry->dropped++;
        return 0;
    }
    entry->lines++;
    return 1;
}

/* ---- the sums ---- */

/* Reports the windows that have ended. Returns when the next one ends; USEC_NEVER: none is left. */
static usec_t tell(struct log_limit *limit, struct limit_entry *entry, size_t count, usec_t now,
                   usec_t next)
{
    for (size_t i = 0; i < count; i++) {
        usec_t end = entry[i].since + limit->window;

        if (entry[i].kind == NULL || entry[i].dropped == 0)
            continue;
        if (is_over(limit, &entry[i], now))
            entry_report(limit, &entry[i]);
        else if (next == USEC_NEVER || end < next)
            next = end;
    }
    return next;
}

static usec_t tell_all(struct log_limit *limit, usec_t now)
{
    usec_t next = tell(limit, limit->address, LIMIT_ADDRESSES, now, USEC_NEVER);

    return tell(limit, limit->all, LIMIT_KINDS, now, next);
}

static MAY_YIELD void reporter_run(void *arg)
{
    struct log_limit *limit = arg;
    usec_t next;

    co_set_id("log");
    while ((next = tell_all(limit, clock_now())) != USEC_NEVER && !co_is_interrupted())
        (void)co_sleep(co_left(next));
    limit->has_reported = 1;
}

static void reporter_start(struct log_limit *limit)
{
    if (limit->reporter != NULL && !limit->has_reported)
        return;
    if (limit->reporter != NULL)
        co_reap(limit->reporter);
    limit->has_reported = 0;
    limit->reporter = co_spawn_joinable(reporter_run, limit);
}

/* ---- lines ---- */

int log_limit_pass(struct log_limit *limit, enum log_level level, const char *kind, const char *ip)
{
    struct limit_entry key = {.kind = kind};
    usec_t now = clock_now();
    struct limit_entry *entry;
    struct limit_entry *all;
    int passes;

    assert(kind != NULL && ip != NULL);
    if (limit == NULL || limit->lines == 0)
        return 1;
    if (level > limit->log->level)
        return 0;
    name_of(ip, key.name, sizeof(key.name));
    entry = entry_of(limit, limit->address, LIMIT_ADDRESSES, &key, now);
    (void)str_copy(key.name, sizeof(key.name), LIMIT_ALL);
    all = entry_of(limit, limit->all, LIMIT_KINDS, &key, now);
    passes = entry == NULL || entry_count(limit, entry, limit->lines, now);
    if (passes && all != NULL)
        passes = entry_count(limit, all, limit->lines * LIMIT_ALL_FACTOR, now);
    if (!passes)
        reporter_start(limit);
    return passes;
}

static uint64_t pending(const struct limit_entry *entry, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += entry[i].dropped;
    return sum;
}

uint64_t log_limit_pending(const struct log_limit *limit)
{
    return pending(limit->address, LIMIT_ADDRESSES) + pending(limit->all, LIMIT_KINDS);
}

void log_limit_free(struct log_limit *limit)
{
    if (limit == NULL)
        return;
    if (limit->reporter != NULL) {
        co_interrupt(limit->reporter);
        co_join(limit->reporter);
    }
    for (size_t i = 0; i < LIMIT_ADDRESSES; i++)
        entry_report(limit, &limit->address[i]);
    for (size_t i = 0; i < LIMIT_KINDS; i++)
        entry_report(limit, &limit->all[i]);
    free(limit);
}
