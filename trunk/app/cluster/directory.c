/*
 * The directory as origins and edges use it: connections, look-ups, and the entries that other
 * servers announce. Each process has two connections to each Redis that a vhost names, because a
 * connection that subscribes to a channel may send no other commands (RESP2). directory_entry.c
 * makes the entries.
 *
 * What Redis answers is only a hint: it is parsed strictly, and a server that is asked because of
 * it may still answer that it does not have the stream.
 */
#include "app/cluster/directory.h"

#include "app/cluster/directory_private.h"
#include "app/cluster/upstream_tls.h"
#include "app/config/directory_url.h"
#include "app/stream/stream.h"
#include "base/secret.h"
#include "base/str.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE (sizeof(DIRECTORY_PREFIX) + SOURCE_KEY_MAX)

static struct directory *directory_of(const struct server *server)
{
    return observer_own(server, &directory_observer);
}

struct directory_link *directory_link_of(const struct server *server,
                                         const struct config_vhost *vhost)
{
    return directory_link_find(directory_of(server), vhost->cluster.directory);
}

int directory_is_used(const struct config_vhost *vhost)
{
    return vhost->cluster.directory != NULL && vhost->cluster.directory[0] != '\0';
}

/* Also one that is leaving. */
static struct directory_link *link_known(const struct directory *directory, const char *url)
{
    struct directory_link *link = NULL;

    if (directory != NULL && url != NULL && url[0] != '\0')
        for (link = directory->links; link != NULL; link = link->next)
            if (strcmp(link->url, url) == 0)
                break;
    return link;
}

struct directory_link *directory_link_find(const struct directory *directory, const char *url)
{
    struct directory_link *link = link_known(directory, url);

    return link != NULL && !link->is_leaving ? link : NULL;
}

void directory_link_enter(struct directory_link *link)
{
    link->busy++;
}

void directory_link_leave(struct directory_link *link)
{
    assert(link->busy > 0);
    link->busy--;
    co_cond_broadcast(&link->left);
}

const struct log *directory_link_log(const struct directory_link *link)
{
    return link->directory->server->log;
}

/* Logs a fault once, until the directory works again. */
void directory_link_complain(struct directory_link *link, const char *why)
{
    if (!link->is_complaining)
        log_warn(directory_link_log(link), "directory %s: %s", link->show, why);
    link->is_complaining = 1;
}

void directory_link_content(struct directory_link *link)
{
    if (link->is_complaining)
        log_info(directory_link_log(link), "directory %s: working again", link->show);
    link->is_complaining = 0;
}

/* ---- this server ---- */

int directory_own_place(const struct directory_link *link, const struct config *config,
                        const struct config_vhost *vhost, struct directory_place *place)
{
    return directory_place_own(place, config, &vhost->cluster.advertise, redis_own_ip(link->redis));
}

/* The place in a value: OURS or THERE; NOBODY for a value that cannot be used. */
enum directory_answer directory_place_read(struct directory_link *link,
                                           const struct config_vhost *vhost,
                                           const struct redis_reply *reply,
                                           struct directory_place *place)
{
    struct directory_place own;

    if (directory_place_parse(place, reply->text, reply->len) != 0) {
        directory_link_complain(link, "malformed entry ignored");
        return DIRECTORY_NOBODY;
    }
    if (directory_own_place(link, link->directory->server->config, vhost, &own) == 0 &&
        directory_place_is(place, &own))
        return DIRECTORY_OURS;
    return DIRECTORY_THERE;
}

/* ---- look-ups ---- */

enum directory_answer directory_find(struct server *server, const struct config_vhost *vhost,
                                     const char *key, struct directory_place *place, usec_t timeout)
{
    struct directory_link *link =
        directory_link_find(directory_of(server), vhost->cluster.directory);
    struct redis_command command = {0};
    struct redis_reply reply;
    enum directory_answer answer = DIRECTORY_AWAY;
    struct err *err;
    char *text;

    if (link == NULL)
        return DIRECTORY_AWAY;
    text = malloc(REDIS_TEXT_MAX + KEY_SIZE);
    if (text == NULL)
        return DIRECTORY_AWAY;
    (void)str_format(text + REDIS_TEXT_MAX, KEY_SIZE, DIRECTORY_PREFIX "%s", key);
    redis_command_add(&command, "GET");
    redis_command_add(&command, text + REDIS_TEXT_MAX);
    directory_link_enter(link);
    err = redis_call(link->redis, &command, &reply, text, timeout);
    if (err == NULL && reply.kind == REDIS_NIL)
        answer = DIRECTORY_NOBODY;
    else if (err == NULL && reply.kind == REDIS_TEXT)
        answer = directory_place_read(link, vhost, &reply, place);
    else if (err == NULL)
        directory_link_complain(link,
                                reply.kind == REDIS_REFUSED ? reply.text : "reply is not a string");
    directory_link_leave(link);
    err_free(err);
    free(text);
    return answer;
}

/* ---- what Redis announces ---- */

/* Only one worker logs this above debug level. */
static enum log_level link_level(const struct directory_link *link, enum log_level level)
{
    return directory_link_log(link)->worker <= 1 ? level : LOG_DEBUG;
}

static void link_on_up(void *arg)
{
    struct directory_link *link = arg;

    log_write(directory_link_log(link),
              link->is_unreachable ? link_level(link, LOG_INFO) : LOG_INFO, "directory %s %s",
              link->show, link->is_unreachable ? "reachable again" : "connected");
    link->is_unreachable = link->is_complaining = 0;
    co_cond_signal(&link->due);
}

static void link_on_down(void *arg, const struct err *why)
{
    struct directory_link *link = arg;

    log_err(directory_link_log(link), link_level(link, LOG_WARN), why,
            "directory %s unreachable: %s; active streams continue, using configured origins",
            link->show, err_text(why));
    link->is_unreachable = 1;
}

/* Announcements may have been missed meanwhile. */
static void ears_on_up(void *arg)
{
    struct directory_link *link = arg;

    if (link->directory->on_again != NULL)
        link->directory->on_again(link->directory->server);
}

/* If both connections are down, one line says so. A refused subscription is logged separately. */
static void ears_on_down(void *arg, const struct err *why)
{
    struct directory_link *link = arg;

    if (err_code(why) == ERR_DENIED && redis_is_up(link->redis))
        log_err(directory_link_log(link), LOG_WARN, why,
                "directory %s: cannot subscribe to channel " DIRECTORY_CHANNEL ": %s", link->show,
                err_text(why));
}

/* "VALUE\nKEY": a server has entered a stream. */
static void ears_on_message(void *arg, const char *data, size_t len)
{
    struct directory_link *link = arg;
    const char *end = memchr(data, '\n', len);
    struct directory_place place;
    char key[KEY_SIZE];
    size_t value_len;

    if (end == NULL)
        return;
    value_len = (size_t)(end - data);
    if (directory_place_parse(&place, data, value_len) != 0 ||
        str_copy_n(key, sizeof(key), end + 1, len - value_len - 1) != 0 ||
        !str_starts(key, DIRECTORY_PREFIX))
        return;
    if (link->directory->on_moved != NULL)
        link->directory->on_moved(link->directory->server, key + strlen(DIRECTORY_PREFIX), &place);
}

/* ---- life ---- */

static void link_free(struct directory_link *link)
{
    assert(link->redis == NULL && link->keeper == NULL);
    co_cond_fini(&link->due);
    co_cond_fini(&link->answered);
    co_cond_fini(&link->left);
    secret_free(link->url);
    free(link);
}

static struct err *link_connect(struct directory_link *link, const struct config_vhost *vhost,
                                const struct directory_url *url)
{
    struct redis_options options = {.host = url->host,
                                    .port = url->port,
                                    .user = url->user,
                                    .password = url->password,
                                    .db = url->db,
                                    .on_up = link_on_up,
                                    .on_down = link_on_down,
                                    .arg = link};
    struct err *err = NULL;

    if (url->is_tls)
        options.tls = upstream_tls(link->directory->server, vhost->cluster.ca, &err);
    if (err != NULL)
        return err;
    options.probe = DIRECTORY_PROBE;
    link->redis = redis_new(&options);
    /* The second connection and the keeper ask the first one. */
    if (link->redis == NULL)
        return err_new(ERR_NOMEM, "no memory for the directory");
    options.probe = NULL;
    options.channel = DIRECTORY_CHANNEL;
    options.on_up = ears_on_up;
    options.on_down = ears_on_down;
    options.on_message = ears_on_message;
    link->ears = redis_new(&options);
    link->keeper = co_spawn_joinable(directory_keeper_run, link);
    if (link->ears == NULL || link->keeper == NULL)
        return err_new(ERR_NOMEM, "no memory for the directory");
    return NULL;
}

static struct err *link_new(struct directory *directory, const struct config_vhost *vhost)
{
    const char *text = vhost->cluster.directory;
    struct directory_link *link = calloc(1, sizeof(*link));
    char *copy = secret_copy(text);
    struct directory_url *url = malloc(sizeof(*url));
    const char *why = NULL;
    struct err *err = NULL;

    if (link == NULL || url == NULL || copy == NULL)
        err = err_new(ERR_NOMEM, "no memory for the directory");
    else if (directory_url_parse(url, text, &why) != 0)
        err = err_new(ERR_CONFIG, "directory: %s", why);
    if (err != NULL) {
        free(link);
        free(url);
        secret_free(copy);
        return err;
    }
    link->url = copy;
    directory_url_show(url, link->show, sizeof(link->show));
    link->directory = directory;
    link->lease = vhost->cluster.lease;
    link->next = directory->links;
    directory->links = link;
    err = co_cond_init(&link->due);
    if (err == NULL)
        err = co_cond_init(&link->answered);
    if (err == NULL)
        err = co_cond_init(&link->left);
    if (err == NULL)
        err = link_connect(link, vhost, url);
    link->is_leaving = err != NULL; /* not to be used */
    explicit_bzero(url, sizeof(*url));
    free(url);
    return err;
}

void directory_on_news(struct server *server, directory_moved_fn on_moved,
                       directory_again_fn on_again)
{
    struct directory *directory = directory_of(server);

    directory->on_moved = on_moved;
    directory->on_again = on_again;
}

/* ---- the row ---- */

/* Commands that were posted are sent first. */
static void link_stop(struct directory_link *link, usec_t timeout)
{
    link->is_ending = 1;
    if (link->keeper != NULL) {
        co_interrupt(link->keeper);
        co_join(link->keeper);
    }
    link->keeper = NULL;
    redis_free(link->ears, 0);
    link->ears = NULL;
    redis_free(link->redis, timeout);
    link->redis = NULL;
}

/* Connects to every configured Redis that has no link yet. */
static struct err *links_open(struct directory *directory)
{
    const struct config *config = directory->server->config;

    for (int i = 0; i < config->vhost_count; i++) {
        const struct config_vhost *vhost = config->vhost[i];
        struct directory_link *link = directory_link_find(directory, vhost->cluster.directory);
        struct err *err = NULL;

        if (link != NULL && vhost->cluster.lease < link->lease)
            link->lease = vhost->cluster.lease;
        if (link == NULL && vhost->enabled && directory_is_used(vhost))
            err = link_new(directory, vhost);
        if (err != NULL)
            return err;
    }
    return NULL;
}

static const struct directory_ops ops = {link_connect, link_stop, links_open,
                                         directory_link_complain};

static struct err *directory_open(struct server *server, void **own)
{
    struct directory *directory = calloc(1, sizeof(*directory));
    struct err *err =
        directory != NULL ? co_cond_init(&directory->changed) : err_new(ERR_NOMEM, "directory");

    if (err != NULL) {
        free(directory);
        return err;
    }
    directory->server = server;
    directory->ops = &ops;
    *own = directory;
    return NULL;
}

static struct err *directory_start(struct server *server, void *own)
{
    (void)server;
    return links_open(own);
}

/* Entries that remain expire with their lease; removals are sent before the stop. */
static void directory_stop(struct server *server, void *own, usec_t timeout)
{
    struct directory *directory = own;
    usec_t deadline = co_deadline(timeout < DIRECTORY_STOP_WAIT ? timeout : DIRECTORY_STOP_WAIT);

    (void)server;
    directory_reload_end(directory);
    for (struct directory_link *link = directory->links; link != NULL; link = link->next)
        link_stop(link, co_left(deadline));
}

static void directory_close(struct server *server, void *own)
{
    struct directory *directory = own;
    struct directory_link *next;

    (void)server;
    for (struct directory_link *link = directory->links; link != NULL; link = next) {
        next = link->next;
        link_free(link);
    }
    co_cond_fini(&directory->changed);
    free(directory);
}

/* Whether another server has the stream of this key. */
static int directory_is_remote(struct server *server, const struct config_vhost *vhost,
                               const char *key, usec_t timeout)
{
    struct directory_place place;

    return directory_is_used(vhost) &&
           directory_find(server, vhost, key, &place,
                          timeout < DIRECTORY_TIMEOUT ? timeout : DIRECTORY_TIMEOUT) ==
               DIRECTORY_THERE;
}

const struct observer directory_observer = {.name = "directory",
                                            .state_size = sizeof(struct directory_stream),
                                            .open = directory_open,
                                            .start = directory_start,
                                            .stop = directory_stop,
                                            .close = directory_close,
                                            .check_config = directory_reload_check,
                                            .on_config = directory_reload_apply,
                                            .is_remote = directory_is_remote};
