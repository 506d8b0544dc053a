#ifndef APP_CORE_PRIVILEGES_H
#define APP_CORE_PRIVILEGES_H

/*
 * The user that the processes which serve clients change to (directive user). The process that was
 * started keeps its own: with several workers that is the master, with one process nobody.
 * Never yields.
 */
#include "app/config/config.h"

#include <sys/types.h>

struct privileges {
    int is_set; /* 0: no change, also when the server was not started as root */
    uid_t uid;
    gid_t gid;
    const char *name; /* the configuration's; borrowed */
};

/* Looks up the names. ERR_CONFIG: there is no such user or group. Warns, and changes nothing later,
 * when this process is not root's. */
struct err *privileges_find(struct privileges *privileges, const struct config *config,
                            const struct log *log);

/* Gives a file or folder to that user; a descriptor of a regular file likewise. Errors are the
 * user's of the file: it reports them when it cannot open it. */
void privileges_give(const struct privileges *privileges, const char *path);
void privileges_give_fd(const struct privileges *privileges, int fd);

/*
 * Changes this process for good: user, group, their saved ids, no other groups. The kernel then
 * forgets the signal for the parent's death, which is set again; ERR_CLOSED: the parent is gone.
 */
struct err *privileges_drop(const struct privileges *privileges);

#endif
