/*
 * A reload changes which directories there are. A link that no vhost names any more stays until the
 * streams that were entered through it have ended, so that their entries are renewed, and removed
 * at their end; new streams no longer find it.
 */
#include "app/cluster/directory_private.h"
#include "app/cluster/upstream_tls.h"
#include "app/config/directory_url.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* A TLS context that cannot be made is the only thing that a link needs and may lack. */
struct err *directory_reload_check(struct server *server, void *own, const struct config *config)
{
    struct err *err = NULL;

    (void)own;
    for (int i = 0; i < config->vhost_count && err == NULL; i++) {
        const struct config_vhost *vhost = config->vhost[i];

        if (vhost->enabled && str_starts(vhost->cluster.directory, "rediss:"))
            (void)upstream_tls(server, vhost->cluster.ca, &err);
    }
    return err != NULL ? err_wrap(err, "directory") : NULL;
}

/* The first vhost that has this directory, and the shortest lease of all; NULL: there is none. */
static const struct config_vhost *user_of(const struct config *config, const char *url,
                                          usec_t *lease)
{
    const struct config_vhost *user = NULL;

    for (int i = 0; i < config->vhost_count; i++) {
        const struct config_vhost *vhost = config->vhost[i];

        if (!vhost->enabled || strcmp(vhost->cluster.directory, url) != 0)
            continue;
        if (user == NULL || vhost->cluster.lease < *lease)
            *lease = vhost->cluster.lease;
        if (user == NULL)
            user = vhost;
    }
    return user;
}

/* Connects a link again that had ended. */
static struct err *link_return(struct directory_link *link)
{
    usec_t lease;
    const struct config_vhost *vhost = user_of(link->directory->server->config, link->url, &lease);
    struct directory_url *url = malloc(sizeof(*url));
    const char *why = NULL;
    struct err *err = NULL;

    if (url == NULL)
        return err_new(ERR_NOMEM, "no memory for the directory");
    link->is_ending = 0;
    if (vhost != NULL && directory_url_parse(url, link->url, &why) == 0)
        err = link->directory->ops->connect(link, vhost, url);
    explicit_bzero(url, sizeof(*url));
    free(url);
    if (err != NULL)
        link->is_leaving = 1; /* not to be used */
    return err;
}

/* Streams that were entered stay until they end; then the connections are closed. The link itself
 * stays in the list: a later reload may need it again. */
static MAY_YIELD void leaver_run(void *arg)
{
    struct directory_link *link = arg;
    struct directory *directory = link->directory;
    struct err *err = NULL;

    co_set_id("directory");
    while (link->is_leaving && !directory->is_ending && (link->first != NULL || link->busy > 0))
        (void)co_cond_wait(&link->left, USEC_NEVER);
    if (link->is_leaving && !directory->is_ending) {
        log_info(directory->server->log, "directory %s: no longer configured, disconnecting",
                 link->show);
        directory->ops->stop(link, DIRECTORY_STOP_WAIT);
        if (!link->is_leaving && !directory->is_ending)
            err = link_return(link);
    }
    if (err != NULL)
        directory->ops->complain(link, err_text(err));
    err_free(err);
    link->has_leaver = 0;
    directory->leavers--;
    co_cond_broadcast(&directory->changed);
}

static void link_leave(struct directory_link *link)
{
    link->is_leaving = 1;
    if (link->has_leaver || link->redis == NULL)
        return;
    link->has_leaver = 1;
    link->directory->leavers++;
    if (co_spawn(leaver_run, link) != NULL)
        return;
    link->has_leaver = 0;
    link->directory->leavers--;
}

/* Links that the configuration has, or has not any more. */
void directory_reload_apply(struct server *server, void *own, const struct config *before,
                            const struct config *config)
{
    struct directory *directory = own;
    struct err *err;

    (void)before;
    for (struct directory_link *link = directory->links; link != NULL; link = link->next) {
        int is_used = user_of(config, link->url, &link->lease) != NULL;

        err = NULL;
        if (!is_used && !link->is_leaving)
            link_leave(link);
        if (is_used && link->is_leaving) {
            link->is_leaving = 0;
            if (!link->has_leaver && link->redis == NULL)
                err = link_return(link);
            co_cond_broadcast(&link->left);
        }
        if (err != NULL)
            directory->ops->complain(link, err_text(err));
        err_free(err);
    }
    err = directory->ops->open(directory);
    if (err != NULL)
        log_err(server->log, LOG_ERROR, err, "directory: %s", err_text(err));
    err_free(err);
}

void directory_reload_end(struct directory *directory)
{
    directory->is_ending = 1;
    for (struct directory_link *link = directory->links; link != NULL; link = link->next)
        co_cond_broadcast(&link->left);
    while (directory->leavers > 0)
        (void)co_cond_wait(&directory->changed, USEC_NEVER);
}
