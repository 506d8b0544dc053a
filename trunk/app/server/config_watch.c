/*
 * inotify(7) on the folders of the files, not on the files: editors write another file and rename
 * it, and Kubernetes replaces a symbolic link somewhere in the path. So every folder in which a
 * link of the path, or the file itself, has its name is watched, for these names only.
 *
 * A change is often several events. When no more have come for a moment, the texts are compared
 * with those that were last seen: a reload runs only if they differ, so that the same text, or a
 * bad one, is not loaded again at each event.
 */
#include "app/server/config_watch.h"

#include "app/config/config_source.h"
#include "app/core/keeper.h"
#include "app/core/reload.h"
#include "base/str.h"
#include "co/net.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define WATCH_NAMES_MAX 128
#define WATCH_LINKS_MAX 40 /* as the kernel follows */
#define WATCH_EVENTS    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE)
/* No more events for this long, and the longest wait for that. */
#define WATCH_QUIET     (100 * USEC_PER_MS)
#define WATCH_QUIET_MAX (2 * USEC_PER_SEC)
#define WATCH_RELOAD    (60 * USEC_PER_SEC)

struct watch_name {
    int wd;
    char name[NAME_MAX + 1];
};

struct config_watch {
    struct server *server;
    struct co *co; /* NULL: was never on */
    struct co_cond changed;
    struct net_conn *conn; /* the inotify descriptor; NULL: nothing is watched */
    uint64_t seen;         /* the texts that were loaded, or tried, last */
    int is_on, is_ending;
    int count;
    struct watch_name item[WATCH_NAMES_MAX];
    /* Of a walk. */
    char path[PATH_MAX], folder[PATH_MAX], link[PATH_MAX], target[PATH_MAX];
};

/* ---- what is watched ---- */

static void watch_add(struct config_watch *watch, const char *folder, const char *name)
{
    int wd = inotify_add_watch(watch->conn->fd, *folder != '\0' ? folder : "/",
                               WATCH_EVENTS | IN_ONLYDIR);

    if (wd < 0 || watch->count == WATCH_NAMES_MAX)
        return;
    watch->item[watch->count].wd = wd;
    if (str_copy(watch->item[watch->count].name, sizeof(watch->item[0].name), name) == 0)
        watch->count++;
}

/* If watch->folder has a symbolic link of this name, replaces watch->path by where it leads. 1; 0:
 * it is no link. */
static int follow(struct config_watch *watch, const char *name, const char *rest)
{
    char *target = watch->target;
    int is_absolute;
    ssize_t n;

    if (str_format(watch->link, sizeof(watch->link), "%s/%s", watch->folder, name) != 0 ||
        (n = readlink(watch->link, target, sizeof(watch->target) - 1)) <= 0)
        return 0;
    target[n] = '\0';
    is_absolute = target[0] == '/';
    return str_format(watch->link, sizeof(watch->link), "%s%s%s%s",
                      is_absolute ? "" : watch->folder, is_absolute ? "" : "/", target,
                      rest) == 0 &&
           str_copy(watch->path, sizeof(watch->path), watch->link) == 0;
}

/* One walk along watch->path from the root down, to its end, or to the first link, which is then
 * followed: 1, walk again. */
static int watch_walk(struct config_watch *watch)
{
    char name[NAME_MAX + 1];
    char *at = watch->path;

    watch->folder[0] = '\0';
    while (*(at += strspn(at, "/")) != '\0') {
        size_t len = strcspn(at, "/");
        size_t used = strlen(watch->folder);
        int is_last = at[len + strspn(at + len, "/")] == '\0';

        if (str_copy_n(name, sizeof(name), at, len) != 0)
            return 0;
        if (follow(watch, name, at + len)) {
            watch_add(watch, watch->folder, name);
            return 1;
        }
        if (is_last)
            watch_add(watch, watch->folder, name);
        if (str_format(watch->folder + used, sizeof(watch->folder) - used, "/%s", name) != 0)
            return 0;
        at += len;
    }
    return 0;
}

static void watch_path(struct config_watch *watch, const char *path)
{
    int links = 0;

    if (path[0] != '/' && getcwd(watch->folder, sizeof(watch->folder)) == NULL)
        return;
    if (str_format(watch->path, sizeof(watch->path), "%s%s%s", path[0] == '/' ? "" : watch->folder,
                   path[0] == '/' ? "" : "/", path) != 0)
        return;
    while (links++ < WATCH_LINKS_MAX && watch_walk(watch))
        continue;
}

static void watch_close(struct config_watch *watch)
{
    net_free(watch->conn);
    watch->conn = NULL;
    watch->count = 0;
}

/* Watches all files of the current configuration, and what leads to them now. */
static void watch_open(struct config_watch *watch)
{
    const struct config_source *source = config_source_of(watch->server->config);
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    struct err *err;

    watch_close(watch);
    err = fd >= 0 ? net_wrap_fd(fd, &watch->conn) : err_sys(errno, "inotify");
    for (int i = 0; err == NULL && i < source->file_count; i++)
        watch_path(watch, source->file[i].path);
    if (err == NULL && watch->count == 0)
        err = err_new(ERR_NOT_FOUND, "no file");
    if (err != NULL)
        log_err(watch->server->log, LOG_ERROR, err, "inotify_auto_reload: cannot watch: %s",
                err_text(err));
    if (err != NULL)
        watch_close(watch);
    err_free(err);
}

/* ---- events ---- */

static int is_ours(const struct config_watch *watch, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW)
        return 1;
    for (int i = 0; event->len > 0 && i < watch->count; i++)
        if (watch->item[i].wd == event->wd && strcmp(watch->item[i].name, event->name) == 0)
            return 1;
    return 0;
}

/* Reads all events; 1 if one is about our files. */
static int watch_take(struct config_watch *watch)
{
    char data[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    int is_hit = 0;
    ssize_t n;

    while ((n = net_try_read(watch->conn, data, sizeof(data))) > 0) {
        const struct inotify_event *event;

        for (size_t at = 0; at + sizeof(*event) <= (size_t)n; at += sizeof(*event) + event->len) {
            event = (const struct inotify_event *)(const void *)(data + at);
            is_hit |= is_ours(watch, event);
        }
    }
    return is_hit;
}

/* Waits until events have come, and no more for a moment. 0: something else woke it. */
static MAY_YIELD int watch_wait(struct config_watch *watch)
{
    usec_t deadline;

    if (net_wait(watch->conn, NET_IN, USEC_NEVER) < 0 || !watch_take(watch))
        return 0;
    deadline = co_deadline(WATCH_QUIET_MAX);
    while (co_left(deadline) > 0 && net_wait(watch->conn, NET_IN, WATCH_QUIET) > 0)
        (void)watch_take(watch);
    return 1;
}

static MAY_YIELD void watch_reload(struct config_watch *watch)
{
    struct server *server = watch->server;
    const struct config *config = server->config;
    const struct opener opener = {keeper_open_config, server->keeper};
    uint64_t now = config_source_look(config_source_of(config), &opener);

    /* 0: there is no file, between two steps of an editor. */
    if (now == watch->seen || now == 0 || !watch->is_on || server->state != SERVER_RUNNING)
        return;
    watch->seen = now;
    log_info(server->log, "inotify_auto_reload: the configuration has changed");
    err_free(server->tables->reload->now(server, NULL, WATCH_RELOAD));
    if (server->config != config)
        watch->seen = config_source_fingerprint(config_source_of(server->config));
}

static MAY_YIELD void watch_run(void *arg)
{
    struct config_watch *watch = arg;

    co_set_id("inotify");
    watch->seen = config_source_fingerprint(config_source_of(watch->server->config));
    while (!watch->is_ending) {
        if (!watch->is_on) {
            watch_close(watch);
            (void)co_cond_wait(&watch->changed, USEC_NEVER);
            continue;
        }
        watch_open(watch);
        /* A change between the reading of the files and this moment. */
        watch_reload(watch);
        if (watch->conn == NULL)
            (void)co_cond_wait(&watch->changed, USEC_NEVER);
        else if (watch_wait(watch))
            watch_reload(watch);
    }
    watch_close(watch);
}

/* ---- the row ---- */

static struct err *watch_set(struct config_watch *watch, const struct config *config)
{
    /* Of several processes the first one watches. */
    watch->is_on = config->inotify_auto_reload && watch->server->rank == 0 &&
                   config_source_of(config)->file_count > 0;
    co_cond_broadcast(&watch->changed);
    if (watch->conn != NULL)
        net_wake_owner(watch->conn);
    if (!watch->is_on || watch->co != NULL)
        return NULL;
    watch->co = co_spawn_joinable(watch_run, watch);
    return watch->co != NULL ? NULL : err_new(ERR_NOMEM, "inotify_auto_reload: coroutine");
}

static struct err *config_watch_open(struct server *server, void **own)
{
    struct config_watch *watch = calloc(1, sizeof(*watch));
    struct err *err =
        watch != NULL ? co_cond_init(&watch->changed) : err_new(ERR_NOMEM, "inotify_auto_reload");

    if (err != NULL) {
        free(watch);
        return err;
    }
    watch->server = server;
    *own = watch;
    return NULL;
}

static struct err *config_watch_ready(struct server *server, void *own)
{
    return watch_set(own, server->config);
}

static void config_watch_on_config(struct server *server, void *own, const struct config *before,
                                   const struct config *config)
{
    struct err *err = watch_set(own, config);

    (void)before;
    if (err != NULL)
        log_err(server->log, LOG_ERROR, err, "%s", err_text(err));
    err_free(err);
}

static MAY_YIELD void config_watch_halt(struct server *server, void *own)
{
    struct config_watch *watch = own;

    (void)server;
    watch->is_ending = 1;
    if (watch->co == NULL)
        return;
    co_interrupt(watch->co);
    co_join(watch->co);
    watch->co = NULL;
}

static MAY_YIELD void config_watch_close(struct server *server, void *own)
{
    struct config_watch *watch = own;

    config_watch_halt(server, own);
    co_cond_fini(&watch->changed);
    free(watch);
}

const struct observer config_watch_observer = {.name = "inotify",
                                               .open = config_watch_open,
                                               .ready = config_watch_ready,
                                               .halt = config_watch_halt,
                                               .close = config_watch_close,
                                               .on_config = config_watch_on_config};
