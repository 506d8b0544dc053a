/*
 * Entries of the streams published here. An entry is one Redis key, "millrace:stream:" and the
 * stream's key; its value says where the stream is (directory_place.h), its expiry is the lease.
 * Only the holder of an entry may renew or remove it; two small scripts ensure that, because Redis
 * runs a script as one step. A server that enters a stream announces it on a channel, so that no
 * server has to poll.
 *
 * Nothing here depends on what Redis remembers: after a loss of Redis, all entries are written
 * again.
 */
#include "app/cluster/directory.h"

#include "app/cluster/directory_private.h"
#include "app/stream/stream.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Renewals in flight at once; the remaining capacity of the connection is for look-ups. */
#define KEEP_WINDOW 256
/* Pause before retrying entries that Redis rejected. */
#define KEEP_HASTY (USEC_PER_SEC / 2)

/*
 * Enters a stream. Arguments: value, lease (ms), how many bytes of the value identify the server,
 * "claim" or "renew", channel. Answers 1, or the value of the server that has the stream. A claim
 * also replaces an entry that this server left earlier.
 */
static const char script_enter[] =
    "local v = redis.call('GET', KEYS[1]) "
    "local n = tonumber(ARGV[3]) "
    "if v and v ~= ARGV[1] and "
    "(ARGV[4] == 'renew' or v:sub(1, n) ~= ARGV[1]:sub(1, n)) then return v end "
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) "
    "if v ~= ARGV[1] then redis.call('PUBLISH', ARGV[5], ARGV[1] .. '\\n' .. KEYS[1]) end "
    "return 1";

/* Removes the entry if it still has this value. */
static const char script_remove[] =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/* ---- entries ---- */

static struct directory_stream *entry_state(const struct stream *stream)
{
    return observer_state(stream, &directory_observer);
}

static void entry_unref(struct directory_entry *entry)
{
    if (--entry->refs > 0)
        return;
    config_unref(entry->config);
    free(entry);
}

/* Sets the value if this server's address is known. 0 or -1. */
static int entry_fill(struct directory_entry *entry)
{
    struct directory_place own;

    if (entry->value[0] != '\0')
        return 0;
    if (directory_own_place(entry->link, entry->config, entry->vhost, &own) != 0) {
        if (redis_own_ip(entry->link->redis)[0] != '\0')
            directory_link_complain(entry->link,
                                    "no RTMP address that other servers can reach: set advertise");
        return -1;
    }
    directory_place_write(&own, entry->mark, entry->value, &entry->own_len);
    return 0;
}

static void entry_mark(struct directory_entry *entry)
{
    uint64_t dice[2] = {0, 0};

    if (getrandom(dice, sizeof(dice), GRND_NONBLOCK) != sizeof(dice))
        dice[0] = (uint64_t)co_now();
    (void)str_format(entry->mark, sizeof(entry->mark), "%016" PRIx64 "%016" PRIx64, dice[0],
                     dice[1]);
}

static void entry_leave_list(struct directory_entry *entry)
{
    struct directory_link *link = entry->link;

    if (entry->prev != NULL)
        entry->prev->next = entry->next;
    else
        link->first = entry->next;
    if (entry->next != NULL)
        entry->next->prev = entry->prev;
    else
        link->last = entry->prev;
    entry->prev = entry->next = NULL;
    co_cond_broadcast(&link->left);
}

static void entry_join_list(struct directory_entry *entry)
{
    struct directory_link *link = entry->link;

    entry->prev = link->last;
    if (link->last != NULL)
        link->last->next = entry;
    else
        link->first = entry;
    link->last = entry;
}

static struct directory_entry *entry_new(struct directory_link *link, const struct publication *p)
{
    struct stream *stream = p->stream;
    struct config *config = p->publisher.config;
    const char *name = source_key(stream->source);
    size_t size = sizeof(DIRECTORY_PREFIX) + strlen(name);
    struct directory_entry *entry = calloc(1, sizeof(*entry) + size);

    if (entry == NULL)
        return NULL;
    entry->link = link;
    entry->stream = stream;
    /* The vhost's own configuration, which need not be the current one. */
    entry->config = config_ref(config != NULL ? config : stream->server->config);
    entry->vhost = p->publisher.vhost;
    entry->refs = 1;
    (void)str_format(entry->key, size, DIRECTORY_PREFIX "%s", name);
    entry_mark(entry);
    /* This is the first entry: the keeper is asleep. */
    if (link->first == NULL)
        co_cond_signal(&link->due);
    entry_join_list(entry);
    entry_state(stream)->entry = entry;
    return entry;
}

/* Numbers of a command, as text. */
struct entry_numbers {
    char lease[24], own_len[24];
};

static void entry_command(const struct directory_entry *entry, const char *how,
                          struct entry_numbers *numbers, struct redis_command *command)
{
    memset(command, 0, sizeof(*command));
    (void)str_format(numbers->lease, sizeof(numbers->lease), "%lld",
                     (long long)(entry->vhost->cluster.lease / USEC_PER_MS));
    (void)str_format(numbers->own_len, sizeof(numbers->own_len), "%zu", entry->own_len);
    redis_command_add(command, "EVAL");
    redis_command_add(command, script_enter);
    redis_command_add(command, "1");
    redis_command_add(command, entry->key);
    redis_command_add(command, entry->value);
    redis_command_add(command, numbers->lease);
    redis_command_add(command, numbers->own_len);
    redis_command_add(command, how);
    redis_command_add(command, DIRECTORY_CHANNEL);
}

/* Another server entered the stream while the directory was unreachable from here. */
static void entry_lost(struct directory_entry *entry, const struct directory_place *place)
{
    struct stream *stream = entry->stream;

    if (publication_kind(stream) != PUBLISHER_ENCODER)
        return;
    log_warn(directory_link_log(entry->link),
             "directory %s: %s now published at %s; closing local publisher", entry->link->show,
             source_key(stream->source), place->rtmp);
    publication_evict(stream, EVICT_LEASE_LOST);
}

static void entry_answered(void *arg, const struct redis_reply *reply)
{
    struct directory_entry *entry = arg;
    struct directory_link *link = entry->link;
    struct directory_place place;

    co_cond_signal(&link->answered);
    if (reply != NULL && reply->kind == REDIS_NUMBER) {
        entry->is_standing = 1;
        directory_link_content(link);
    } else if (reply != NULL && reply->kind == REDIS_TEXT && entry->stream != NULL) {
        entry->is_standing = 0;
        if (directory_place_read(link, entry->vhost, reply, &place) == DIRECTORY_THERE)
            entry_lost(entry, &place);
    } else if (reply != NULL && reply->kind != REDIS_TEXT) {
        link->is_hasty = 1;
        directory_link_complain(link, reply->text);
    }
    entry_unref(entry);
}

/* 0, or -1 when it could not be sent. */
static int entry_post(struct directory_entry *entry)
{
    struct entry_numbers numbers;
    struct redis_command command;

    if (entry_fill(entry) != 0)
        return 0;
    entry_command(entry, entry->is_standing ? "renew" : "claim", &numbers, &command);
    entry->refs++;
    if (redis_post(entry->link->redis, &command, entry_answered, entry) == 0)
        return 0;
    entry->refs--;
    return -1;
}

static void entry_remove(struct directory_entry *entry)
{
    struct redis_command command = {0};

    if (entry->value[0] == '\0' || entry->link->redis == NULL)
        return;
    redis_command_add(&command, "EVAL");
    redis_command_add(&command, script_remove);
    redis_command_add(&command, "1");
    redis_command_add(&command, entry->key);
    redis_command_add(&command, entry->value);
    (void)redis_post(entry->link->redis, &command, NULL, NULL);
}

/* Asks once and waits for the answer. */
static enum directory_answer entry_claim(struct directory_entry *entry,
                                         struct directory_place *place, usec_t timeout)
{
    struct directory_link *link = entry->link;
    struct entry_numbers numbers;
    struct redis_command command;
    struct redis_reply reply;
    char *text = malloc(REDIS_TEXT_MAX);
    enum directory_answer answer = DIRECTORY_AWAY;
    struct err *err = NULL;

    if (text == NULL)
        return answer;
    directory_link_enter(link);
    (void)redis_wait_up(link->redis, timeout);
    if (entry_fill(entry) == 0) {
        entry_command(entry, "claim", &numbers, &command);
        err = redis_call(link->redis, &command, &reply, text, timeout);
        if (err == NULL && reply.kind == REDIS_NUMBER) {
            entry->is_standing = 1;
            answer = DIRECTORY_OURS;
        } else if (err == NULL && reply.kind == REDIS_TEXT) {
            if (directory_place_read(link, entry->vhost, &reply, place) == DIRECTORY_THERE)
                answer = DIRECTORY_THERE;
        } else if (err == NULL) {
            directory_link_complain(link, reply.text);
        }
        err_free(err);
    }
    directory_link_leave(link);
    free(text);
    return answer;
}

/* ---- the claim ---- */

static void entry_release(struct stream *stream, uint64_t token)
{
    struct directory_stream *own = entry_state(stream);
    struct directory_entry *entry = own->entry;

    (void)token;
    if (entry == NULL || --entry->claims > 0)
        return;
    own->entry = NULL;
    entry->stream = NULL;
    entry_leave_list(entry);
    entry_remove(entry);
    entry_unref(entry);
}

/*
 * Enters a stream that is about to be published here. The entry is written now, or as soon as the
 * directory is reachable, and kept until it is released; if another server has entered the stream
 * meanwhile, the publisher here is evicted. Two publishers may claim one stream at once: each
 * releases its claim.
 */
static enum claim_verdict entry_take(struct publication *p, uint64_t *token, int over_weak,
                                     struct directory_place *place, usec_t timeout)
{
    struct stream *stream = p->stream;
    struct directory_link *link = directory_link_of(stream->server, p->publisher.vhost);
    struct directory_entry *entry = entry_state(stream)->entry;
    enum directory_answer answer;

    (void)over_weak;
    if (p->publisher.kind != PUBLISHER_ENCODER || link == NULL)
        return CLAIM_GRANTED;
    if (entry == NULL)
        entry = entry_new(link, p);
    if (entry == NULL)
        return CLAIM_GRANTED;
    entry->claims++;
    *token = 1;
    if (entry->is_standing)
        return CLAIM_ALONE;
    answer = entry_claim(entry, place, timeout);
    if (answer == DIRECTORY_THERE)
        return CLAIM_ELSEWHERE;
    return answer == DIRECTORY_OURS ? CLAIM_ALONE : CLAIM_GRANTED;
}

static enum claim_verdict entry_find(struct publication *p, struct directory_place *place,
                                     usec_t timeout)
{
    switch (directory_find(p->stream->server, p->publisher.vhost, source_key(p->stream->source),
                           place, timeout)) {
    case DIRECTORY_THERE:
        return CLAIM_ELSEWHERE;
    case DIRECTORY_NOBODY:
        return CLAIM_ALONE;
    default:
        return CLAIM_GRANTED;
    }
}

const struct claim directory_claim = {
    .name = "directory", .claim = entry_take, .release = entry_release, .find = entry_find};

/* ---- the keeper ---- */

/* Waits until one more command may be sent. 0, or -1: unreachable, or this coroutine must end. */
static MAY_YIELD int keep_room(struct directory_link *link)
{
    while (redis_is_up(link->redis) && redis_pending(link->redis) >= KEEP_WINDOW)
        if (co_cond_wait(&link->answered, USEC_PER_SEC) == CO_INTERRUPTED)
            return -1;
    return redis_is_up(link->redis) && !link->is_ending ? 0 : -1;
}

/* Renews every entry once, including entries appended to the list meanwhile. */
static MAY_YIELD void keep_pass(struct directory_link *link)
{
    unsigned pass = ++link->pass;

    link->is_hasty = 0;
    while (keep_room(link) == 0 && link->first != NULL && link->first->pass != pass) {
        struct directory_entry *entry = link->first;

        entry_leave_list(entry);
        entry_join_list(entry);
        entry->pass = pass;
        if (entry_post(entry) != 0)
            link->is_hasty = 1;
    }
}

void directory_keeper_run(void *arg)
{
    struct directory_link *link = arg;

    while (!link->is_ending) {
        usec_t wait = link->lease / 3;

        keep_pass(link);
        if (link->is_hasty)
            wait = KEEP_HASTY;
        if (link->first == NULL)
            wait = USEC_NEVER;
        if (!link->is_ending)
            (void)co_cond_wait(&link->due, wait);
    }
}
