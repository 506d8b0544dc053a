#ifndef APP_CORE_SERVER_ID_H
#define APP_CORE_SERVER_ID_H

/*
 * The server's name in the API, towards callback servers and other servers. Without a configured
 * one it is generated once and kept in a file, so that it outlives a restart. Runs before the
 * coroutine runtime starts; nothing here yields.
 */
#include "base/log.h"

#define SERVER_ID_SIZE 32 /* with the terminator */

struct server_id {
    char text[SERVER_ID_SIZE];
    int fd; /* the file, locked so that no other server uses the same name; -1: none */
};

/*
 * configured: the directive server_id; "": the name is read from the file, which is created if
 * absent. pid: the pid file; the file is next to it, with the extension .id. Without one ("") it is
 * millrace.id in the state folder, or in ./objs if state is NULL or "". On failure warns and uses a
 * name for this run only.
 */
void server_id_open(struct server_id *id, const char *configured, const char *pid,
                    const char *state, const struct log *log);
/* Releases the file, which stays. */
void server_id_close(struct server_id *id);

#endif
