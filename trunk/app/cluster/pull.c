/*
 * The life of a pull: try an origin, publish its stream while it lasts, go to the next origin.
 *
 * A stream that stops is unpublished at once and published again when an origin delivers it again,
 * so that the source's own rules keep one timeline for its viewers. The next origin is tried
 * without a pause; a pause follows only when a whole round has failed. Pauses double and have a
 * random part, so that a thousand edges do not reconnect at the same moment. The log has one line
 * per change, not per try.
 */
#include "app/cluster/pull.h"

#include "app/cluster/pull_dedup.h"
#include "app/cluster/pull_private.h"
#include "app/config/origin.h"
#include "app/stream/via_claim.h"
#include "base/str.h"
#include "co/co.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Interval between look-ups of a stream that no server has, if no announcement comes first. */
#define PULL_LOOK_AGAIN (5 * USEC_PER_SEC)
#define PULL_LOOK       (USEC_PER_SEC / 2)
/* A try that lasted this long counts as a success. */
#define PULL_GOOD    USEC_PER_SEC
#define PULL_PATIENT (5 * USEC_PER_SEC)

/* ---- tries ---- */

static void pull_log_end(struct pull *pull, const struct err *err, int was_live)
{
    struct pull_target *target = &pull->target[pull->at];
    enum log_level level = LOG_DEBUG;

    if (was_live)
        level = pull->is_stopping ? LOG_INFO : LOG_WARN;
    else if (!target->was_failed && !pull->is_stopping && !pull->is_again &&
             (err_code(err) != ERR_TIMEOUT || !pull->is_requested))
        level = LOG_WARN; /* else there was no stream, which is not a fault */
    if (level == LOG_WARN && !was_live)
        target->was_failed = 1;
    log_err(pull->server->log, level, err, "pull %s: %s %s: %s", source_key(pull->source),
            was_live ? "disconnected from" : "no stream from", target->show,
            pull->is_stopping ? "no viewers" : err_text(err));
}

static const struct config_vhost *vhost_of(const struct pull *pull)
{
    const struct stream *stream = source_data(pull->source);

    return config_vhost_find(pull->config, stream->vhost);
}

/*
 * All origins refused a loop. Until one answers otherwise, a new viewer's marks must wait for the
 * end of the pause: otherwise the servers of a ring could keep each other asking for ever, as each
 * request is a new viewer of the next one.
 */
static int pull_is_looped(const struct pull *pull)
{
    return pull->loops >= pull->target_count && pull->options.find == NULL &&
           pull->next_target == NULL;
}

/* Whether to try again without a pause. */
static int pull_is_due(const struct pull *pull)
{
    return pull->is_again && !pull_is_looped(pull);
}

/*
 * The origin refused a loop: no viewer here can get the stream from it. If the chain had unverified
 * marks, one of these may be the reason, and a client's mark must not affect other viewers: ask
 * again without them. With find() the next look-up may return another origin.
 */
static void pull_note_loop(struct pull *pull, const struct err *err)
{
    if (err_code(err) != ERR_LOOP) {
        if (!pull->is_again) /* a try that was cut short says nothing */
            pull->loops = 0;
        pull->is_strict = 0;
    } else if (pull->unverified > 0) {
        pull->is_strict = 1;
        pull->is_again = 1;
    } else {
        pull->loops++;
        if (!pull_is_looped(pull))
            return;
        log_info(pull->server->log,
                 "pull %s: loop: its servers request it from each other; viewers stop "
                 "waiting",
                 source_key(pull->source));
        via_claim_looped(source_data(pull->source));
    }
}

/* Makes one try and evaluates it for the next. */
static MAY_YIELD void pull_try(struct pull *pull)
{
    const struct pull_target *target = &pull->target[pull->at];
    usec_t began = co_now();
    int was_live;
    struct err *err;

    pull->unverified = via_claim_write(
        source_data(pull->source),
        &(struct via_pull){vhost_of(pull), pull->options.is_worker != 0, pull->is_strict},
        pull->via_chain);
    pull->media_at = began;
    pull->is_again = pull->is_requested = pull->is_marked = pull->is_filling = 0;
    pull->pace = 0;
    pull_past_choose(pull);
    err = origin_is_http(target->to->scheme) ? pull_flv(pull, target) : pull_rtmp(pull, target);
    assert(err != NULL && pull->conn == NULL);
    was_live = pull->is_live && co_now() - pull->live_at >= PULL_GOOD;
    pull_log_end(pull, err, pull->is_live);
    pull_note_loop(pull, err);
    if (pull_past_is_refused(pull, err))
        pull->is_again = 1;
    /* A missing stream is not a failure of the origin. */
    if (was_live || pull_is_due(pull) || co_now() - began >= PULL_PATIENT ||
        (err_code(err) == ERR_TIMEOUT && !pull->is_live && pull->is_requested))
        pull->failures = 0;
    else
        pull->failures++;
    pull_unpublish(pull);
    pull_forget_meta(pull);
    if (pull->past != NULL)
        pull_dedup_begin(pull->past);
    err_free(err);
    if (!pull->is_again)
        pull->at = (pull->at + 1) % pull->target_count;
}

/* ---- life ---- */

static void targets_free(struct pull_target *target, int count)
{
    for (int i = 0; target != NULL && i < count; i++) {
        free(target[i].to);
        free(target[i].unix_path);
    }
    free(target);
}

static void pull_free(struct pull *pull)
{
    targets_free(pull->target, pull->target_count);
    targets_free(pull->next_target, pull->next_count);
    co_cond_fini(&pull->retry);
    pull_dedup_free(pull->past);
    pull_forget_meta(pull);
    source_unref(pull->source);
    config_unref(pull->config);
    free(pull);
}

/* Makes the found address the first target, and takes it over. */
static void pull_found(struct pull *pull, struct origin_target *found)
{
    struct pull_target *target = &pull->target[0];

    if (target->to != NULL && origin_is_same(target->to, found)) {
        free(found);
        return;
    }
    free(target->to);
    target->to = found;
    target->was_waited = target->was_failed = 0;
    origin_target_show(found, target->show, sizeof(target->show));
}

/*
 * Looks up where the stream is. 0: there is an origin to ask. -1: there is none and this rested for
 * a while, or an announcement came.
 */
static MAY_YIELD int pull_look(struct pull *pull)
{
    struct origin_target *found = malloc(sizeof(*found));
    int is_found;

    pull->is_again = 0;
    is_found = found != NULL && pull->options.find(pull->options.arg, found, PULL_LOOK) == 1;
    if (is_found)
        pull_found(pull, found);
    else
        free(found);
    if (pull->is_stopping || pull->is_again)
        return -1;
    if (!is_found && pull->target_count > 1)
        pull->at = 1;
    if (is_found || pull->at > 0)
        return 0;
    (void)co_cond_wait(&pull->retry, PULL_LOOK_AGAIN);
    return -1;
}

/* The place of this address; -1: it is not among them. */
static int targets_find(const struct pull_target *target, int count, const char *show)
{
    for (int i = 0; i < count; i++)
        if (strcmp(target[i].show, show) == 0)
            return i;
    return -1;
}

/* Takes the origins that a reload has set. */
static void pull_renew(struct pull *pull)
{
    struct pull_target *old = pull->target;
    int count = pull->target_count;
    int at;

    if (pull->next_target == NULL)
        return;
    at = targets_find(pull->next_target, pull->next_count, old[pull->at].show);
    pull->target = pull->next_target;
    pull->target_count = pull->next_count;
    pull->next_target = NULL;
    pull->at = at >= 0 ? at : 0;
    pull->failures = 0;
    pull->loops = 0;
    targets_free(old, count);
    config_unref(pull->config);
    pull->config = config_ref(pull->server->config);
}

static MAY_YIELD void pull_run(void *arg)
{
    struct pull *pull = arg;

    while (!pull->is_stopping) {
        usec_t pause;

        pull_renew(pull);
        if (pull->is_again)
            pull->at = pull->options.find != NULL ? 0 : pull->at;
        if (pull->at == 0 && pull->options.find != NULL && pull_look(pull) != 0)
            continue;
        pull_try(pull);
        pause = pull->is_stopping || pull_is_due(pull) ? 0 : pull_pause(pull);
        if (pause > 0)
            (void)co_cond_wait(&pull->retry, pause);
        else
            co_yield ();
    }
    pull->options.on_end(pull, pull->options.arg);
    pull_free(pull);
}

/* Makes the targets of these options: their number, or -1 without memory. */
static int pull_targets(const struct pull_options *options, struct pull_target **out)
{
    int first = options->find != NULL;
    int count = first + options->origin_count;
    struct pull_target *all = calloc((size_t)count, sizeof(*all));

    *out = all;
    for (int i = 0; all != NULL && i < options->origin_count; i++) {
        struct pull_target *target = &all[first + i];
        const struct pull_origin *origin = &options->origins[i];

        target->to = malloc(sizeof(*target->to));
        target->unix_path = origin->unix_path != NULL ? strdup(origin->unix_path) : NULL;
        if (target->to == NULL || (origin->unix_path != NULL && target->unix_path == NULL)) {
            targets_free(all, count);
            *out = NULL;
            return -1;
        }
        *target->to = *origin->target;
        if (origin->unix_path != NULL)
            (void)str_copy(target->show, sizeof(target->show), origin->unix_path);
        else
            origin_target_show(origin->target, target->show, sizeof(target->show));
    }
    return all != NULL ? count : -1;
}

struct pull *pull_start(const struct pull_options *options)
{
    struct pull *pull = calloc(1, sizeof(*pull));

    assert(options->origin_count > 0 || options->find != NULL);
    assert(options->origin_count <= PULL_ORIGINS_MAX);
    assert(options->on_end != NULL && options->stall > 0);
    if (pull == NULL)
        return NULL;
    err_free(co_cond_init(&pull->retry));
    pull->server = options->server;
    pull->options = *options;
    pull->options.origins = NULL;
    pull->config = config_ref(options->server->config);
    pull->publication = options->publication;
    pull->source = source_ref(options->source);
    if (!options->is_worker)
        pull->past = pull_dedup_new(); /* without memory the pull works without it */
    pull->target_count = pull_targets(options, &pull->target);
    if (pull->target_count < 0 || (pull->co = co_spawn(pull_run, pull)) == NULL) {
        pull_free(pull);
        return NULL;
    }
    return pull;
}

void pull_stop(struct pull *pull)
{
    if (pull->is_stopping)
        return;
    pull->is_stopping = 1;
    co_interrupt(pull->co);
}

void pull_leave(struct pull *pull)
{
    pull_stop(pull);
    pull_unpublish(pull);
}

void pull_again(struct pull *pull)
{
    if (pull->is_live || pull->is_stopping)
        return;
    if (pull->conn == NULL && pull_is_looped(pull))
        return;
    pull->is_again = 1;
    co_cond_signal(&pull->retry);
    if (pull->conn != NULL)
        io_close(&pull->conn->io);
}

/* Whether these are the targets that the pull has, apart from the one that find() has found. */
static int is_same_list(const struct pull *pull, const struct pull_target *target, int count)
{
    const struct pull_target *own = pull->next_target != NULL ? pull->next_target : pull->target;
    int own_count = pull->next_target != NULL ? pull->next_count : pull->target_count;

    if (own_count != count)
        return 0;
    for (int i = pull->options.find != NULL; i < count; i++)
        if (strcmp(own[i].show, target[i].show) != 0)
            return 0;
    return 1;
}

int pull_change(struct pull *pull, const struct pull_options *options)
{
    struct pull_target *target;
    int count = pull_targets(options, &target);

    assert((options->find != NULL) == (pull->options.find != NULL));
    if (count < 0) {
        free(target);
        return -1;
    }
    pull->options.stall = options->stall;
    if (options->tls != NULL)
        pull->options.tls = options->tls;
    if (is_same_list(pull, target, count)) {
        targets_free(target, count);
        return 0;
    }
    targets_free(pull->next_target, pull->next_count);
    pull->next_target = target;
    pull->next_count = count;
    /* The origin that was found is not a configured one. */
    if (pull->is_stopping || (pull->options.find != NULL && pull->at == 0) ||
        targets_find(target, count, pull->target[pull->at].show) >= 0)
        return 0;
    pull->is_again = 1;
    co_cond_signal(&pull->retry);
    if (pull->conn != NULL)
        io_close(&pull->conn->io);
    return 0;
}

void pull_moved(struct pull *pull, const struct origin_target *target)
{
    char show[sizeof(pull->target->show)];

    origin_target_show(target, show, sizeof(show));
    if (pull->is_stopping || (pull->is_live && pull->at > 0) ||
        (pull->is_live && strcmp(pull->target[0].show, show) == 0))
        return;
    pull->is_again = 1;
    co_cond_signal(&pull->retry);
    if (pull->conn != NULL)
        io_close(&pull->conn->io);
}

int pull_is_live(const struct pull *pull)
{
    return pull->is_live;
}
