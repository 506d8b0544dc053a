/*
 * The life of a pull: try an origin, be its stream while it plays, go to the next.
 *
 * A stream that stops is unpublished at once and published again by whoever has it, so
 * that the source's own rules keep one timeline for those who watch. The next origin is
 * tried without a pause; only when a whole round has failed is there one, which doubles,
 * and is never quite the same, so that a thousand edges do not come back at one moment.
 * The log has a line for each change, not for each try.
 */
#include "app/cluster/pull.h"

#include "app/cluster/pull_past.h"
#include "app/cluster/pull_private.h"
#include "app/config/origin.h"
#include "app/stream/via_claim.h"
#include "base/str.h"
#include "co/co.h"
#include "media/flv.h"
#include "media/meta.h"
#include "media/mux.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How long until a stream is looked up again that nobody has, should nobody say so. */
#define PULL_LOOK_AGAIN (5 * USEC_PER_SEC)
#define PULL_LOOK       (USEC_PER_SEC / 2)
/* A try that went on for so long was none in vain. */
#define PULL_GOOD     USEC_PER_SEC
#define PULL_PATIENT  (5 * USEC_PER_SEC)
#define PULL_META_MAX ((size_t)64 * 1024)

/* ---- media ---- */

void pull_waits(struct pull *pull)
{
    struct pull_target *target = &pull->target[pull->at];

    pull->media_at = co_now();
    pull->is_asked = 1;
    errno = 0; /* of a try before: the line would bear it */
    if (!target->was_waited)
        log_info(pull->server->log, "pull %s: waits at %s", source_key(pull->source), target->show);
    target->was_waited = 1;
}

static void pull_enter(struct pull *pull)
{
    pull->client.conn = pull->conn;
    pull->client.source = pull->source;
    pull->client.format = "relay";
    pull->client.is_publisher = 1;
    pull->client.is_worker = pull->options.is_worker;
    client_enter(pull->server, &pull->client);
}

static void pull_over(struct pull *pull)
{
    if (pull->options.publication == NULL)
        pull->publication = NULL;
    if (pull->options.on_over != NULL)
        pull->options.on_over(pull->options.arg);
}

static struct err *pull_publish(struct pull *pull)
{
    if (pull->options.on_live != NULL)
        pull->publication = pull->options.on_live(pull->options.arg);
    if (pull->publication == NULL)
        return err_new(ERR_BUSY, "%s is published elsewhere here", source_key(pull->source));
    pull->is_live = 1;
    if (publication_open(pull->publication) != 0) {
        pull->is_live = 0;
        pull_over(pull);
        return err_new(ERR_BUSY, "%s is published here already", source_key(pull->source));
    }
    if (pull->is_marked)
        source_filled(pull->source);
    if (pull->options.is_worker)
        source_promise(pull->source, (pull->flags & 4) != 0, (pull->flags & 1) != 0);
    pull->live_at = co_now();
    for (int i = 0; i < pull->target_count; i++)
        pull->target[i].was_waited = pull->target[i].was_failed = 0;
    pull_enter(pull);
    errno = 0;
    log_info(pull->server->log, "pull %s: plays from %s", source_key(pull->source),
             pull->target[pull->at].show);
    return NULL;
}

static void pull_push(struct pull *pull, enum frame_type type, uint32_t timestamp,
                      const uint8_t *data, size_t len)
{
    struct frame frame;

    flv_frame_parse(&frame, type, timestamp, data, len);
    if (pull->past != NULL)
        pull_past_note(pull->past, &frame);
    source_push(pull->source, &frame, co_now());
}

/* Whether this is held until the origin has something that is new. */
static int pull_holds(struct pull *pull, enum frame_type type, uint32_t timestamp,
                      const uint8_t *data, size_t len)
{
    struct frame frame;

    if (pull->past == NULL)
        return 0;
    flv_frame_parse(&frame, type, timestamp, data, len);
    return pull_past_hold(pull->past, &frame, co_now());
}

static void pull_push_held(struct pull *pull)
{
    struct frame frame;
    size_t at = 0;

    while (pull->past != NULL && pull_past_take(pull->past, &at, &frame))
        source_push(pull->source, &frame, co_now());
    if (pull->past != NULL)
        pull_past_begin(pull->past);
}

/* Whether a script tag is onMetaData: what else servers say there is no part of the stream. */
static int is_meta(const uint8_t *data, size_t len)
{
    static const char name[] = "\x02\x00\x0aonMetaData";

    return len >= sizeof(name) - 1 && memcmp(data, name, sizeof(name) - 1) == 0;
}

/* Whether a script tag is a data message of the stream (onTextData, onCuePoint, …). */
static int is_data(const uint8_t *data, size_t len)
{
    return meta_data_message(data, len, &len) != NULL;
}

/* What a server of ours says behind the past of a stream. */
static int is_mark(const uint8_t *data, size_t len)
{
    return len == MUX_RELAY_MARK_SIZE && memcmp(data, MUX_RELAY_MARK, len) == 0;
}

static void pull_filled(struct pull *pull)
{
    pull->is_marked = 1;
    if (pull->is_live)
        source_filled(pull->source);
}

static void pull_forget_meta(struct pull *pull)
{
    free(pull->meta);
    pull->meta = NULL;
    pull->meta_len = 0;
}

static void pull_keep_meta(struct pull *pull, const uint8_t *data, size_t len)
{
    if (len > PULL_META_MAX)
        return;
    pull_forget_meta(pull);
    pull->meta = malloc(len);
    if (pull->meta == NULL)
        return;
    memcpy(pull->meta, data, len);
    pull->meta_len = len;
}

struct err *pull_take(struct pull *pull, enum frame_type type, uint32_t timestamp,
                      const uint8_t *data, size_t len)
{
    struct err *err;

    if (pull->is_stopping)
        return err_new(ERR_INTERRUPTED, "it is to end");
    if (type == FRAME_SCRIPT && !is_meta(data, len)) {
        if (is_mark(data, len))
            pull_filled(pull);
        else if (pull->is_live && is_data(data, len))
            pull_push(pull, type, timestamp, data, len);
        return NULL;
    }
    if (type == FRAME_SCRIPT && !pull->is_live) {
        pull_keep_meta(pull, data, len);
        return NULL;
    }
    if (!pull->is_live && pull_holds(pull, type, timestamp, data, len)) {
        pull->media_at = co_now();
        return NULL;
    }
    if (!pull->is_live) {
        err = pull_publish(pull);
        if (err != NULL)
            return err;
        if (pull->meta != NULL)
            pull_push(pull, FRAME_SCRIPT, timestamp, pull->meta, pull->meta_len);
        pull_forget_meta(pull);
        pull_push_held(pull);
    }
    if (type != FRAME_SCRIPT)
        pull->media_at = co_now();
    pull_push(pull, type, timestamp, data, len);
    return NULL;
}

void pull_linger(struct pull *pull)
{
    if (pull->is_live && !pull->is_stopping)
        publication_linger(pull->publication, PUBLICATION_LINGER);
}

/* ---- tries ---- */

static void pull_log_end(struct pull *pull, const struct err *err, int was_live)
{
    struct pull_target *target = &pull->target[pull->at];
    enum log_level level = LOG_DEBUG;

    if (was_live)
        level = pull->is_stopping ? LOG_INFO : LOG_WARN;
    else if (!target->was_failed && !pull->is_stopping && !pull->is_again &&
             (err_code(err) != ERR_TIMEOUT || !pull->is_asked))
        level = LOG_WARN; /* else it has waited in vain, which is no fault */
    if (level == LOG_WARN && !was_live)
        target->was_failed = 1;
    errno = err_errno(err);
    log_write(pull->server->log, level, "pull %s: %s %s: %s", source_key(pull->source),
              was_live ? "leaves" : "nothing from", target->show,
              pull->is_stopping ? "nobody watches" : err_text(err));
    errno = 0;
}

static void pull_unpublish(struct pull *pull)
{
    if (!pull->is_live)
        return;
    pull->is_live = 0;
    client_leave(pull->server, &pull->client);
    publication_close(pull->publication);
    pull_over(pull);
}

static const struct config_vhost *vhost_of(const struct pull *pull)
{
    const struct stream *stream = source_data(pull->source);

    return config_vhost_find(pull->config, stream->vhost);
}

/* One try, and what it means for the next. */
static void pull_try(struct pull *pull)
{
    const struct pull_target *target = &pull->target[pull->at];
    usec_t began = co_now();
    int was_live;
    struct err *err;

    via_claim_write(source_data(pull->source), vhost_of(pull), pull->options.is_worker,
                    pull->via_chain);
    pull->media_at = began;
    pull->is_again = pull->is_asked = pull->is_marked = 0;
    pull->pace = 0;
    err = origin_is_http(target->to->scheme) ? pull_flv(pull, target) : pull_rtmp(pull, target);
    assert(err != NULL && pull->conn == NULL);
    was_live = pull->is_live && co_now() - pull->live_at >= PULL_GOOD;
    pull_log_end(pull, err, pull->is_live);
    /* To have waited in vain is no failure of the origin's. */
    if (was_live || pull->is_again || co_now() - began >= PULL_PATIENT ||
        (err_code(err) == ERR_TIMEOUT && !pull->is_live && pull->is_asked))
        pull->failures = 0;
    else
        pull->failures++;
    pull_unpublish(pull);
    pull_forget_meta(pull);
    if (pull->past != NULL)
        pull_past_begin(pull->past);
    err_free(err);
    if (!pull->is_again)
        pull->at = (pull->at + 1) % pull->target_count;
}

/* ---- life ---- */

static void pull_free(struct pull *pull)
{
    for (int i = 0; i < pull->target_count; i++) {
        free(pull->target[i].to);
        free(pull->target[i].unix_path);
    }
    free(pull->target);
    co_cond_fini(&pull->told);
    pull_past_free(pull->past);
    pull_forget_meta(pull);
    source_unref(pull->source);
    config_unref(pull->config);
    free(pull);
}

/* Takes over what was found. */
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
 * Looks up where the stream is. 0: there is somebody to be asked. -1: nobody, and some rest was
 * taken; or there is news.
 */
static int pull_look(struct pull *pull)
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
    (void)co_cond_wait(&pull->told, PULL_LOOK_AGAIN);
    return -1;
}

static void pull_run(void *arg)
{
    struct pull *pull = arg;

    while (!pull->is_stopping) {
        usec_t pause;

        if (pull->is_again)
            pull->at = pull->options.find != NULL ? 0 : pull->at;
        if (pull->at == 0 && pull->options.find != NULL && pull_look(pull) != 0)
            continue;
        pull_try(pull);
        pause = pull->is_stopping || pull->is_again ? 0 : pull_pause(pull);
        if (pause > 0)
            (void)co_cond_wait(&pull->told, pause);
        else
            co_yield ();
    }
    pull->options.on_end(pull, pull->options.arg);
    pull_free(pull);
}

static int pull_targets(struct pull *pull, const struct pull_options *options)
{
    int first = options->find != NULL;

    pull->target = calloc((size_t)(first + options->origin_count), sizeof(*pull->target));
    if (pull->target == NULL)
        return -1;
    pull->target_count = first + options->origin_count;
    for (int i = 0; i < options->origin_count; i++) {
        struct pull_target *target = &pull->target[first + i];
        const struct pull_origin *origin = &options->origins[i];

        target->to = malloc(sizeof(*target->to));
        target->unix_path = origin->unix_path != NULL ? strdup(origin->unix_path) : NULL;
        if (target->to == NULL || (origin->unix_path != NULL && target->unix_path == NULL))
            return -1;
        *target->to = *origin->target;
        if (origin->unix_path != NULL)
            (void)str_copy(target->show, sizeof(target->show), origin->unix_path);
        else
            origin_target_show(origin->target, target->show, sizeof(target->show));
    }
    return 0;
}

struct pull *pull_start(const struct pull_options *options)
{
    struct pull *pull = calloc(1, sizeof(*pull));

    assert(options->origin_count > 0 || options->find != NULL);
    assert(options->origin_count <= PULL_ORIGINS_MAX);
    assert(options->on_end != NULL && options->stall > 0);
    if (pull == NULL)
        return NULL;
    err_free(co_cond_init(&pull->told));
    pull->server = options->server;
    pull->options = *options;
    pull->options.origins = NULL;
    pull->config = config_ref(options->server->config);
    pull->publication = options->publication;
    pull->source = source_ref(options->source);
    if (!options->is_worker)
        pull->past = pull_past_new(); /* without memory it goes without */
    if (pull_targets(pull, options) != 0 || (pull->co = co_spawn(pull_run, pull)) == NULL) {
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
    pull->is_again = 1;
    co_cond_signal(&pull->told);
    if (pull->conn != NULL)
        io_close(&pull->conn->io);
}

void pull_moved(struct pull *pull, const struct origin_target *target)
{
    char show[sizeof(pull->target->show)];

    origin_target_show(target, show, sizeof(show));
    if (pull->is_stopping || (pull->is_live && pull->at > 0) ||
        (pull->is_live && strcmp(pull->target[0].show, show) == 0))
        return;
    pull->is_again = 1;
    co_cond_signal(&pull->told);
    if (pull->conn != NULL)
        io_close(&pull->conn->io);
}

int pull_is_live(const struct pull *pull)
{
    return pull->is_live;
}
