#ifndef APP_RELAY_H
#define APP_RELAY_H

/*
 * What a server of ours says of itself when it asks another one for a stream: how
 * many servers stand between here and the viewer, and which. It makes the other one send
 * the stream as it was published, and lets a ring of servers be noticed.
 * As text, "2 idA idB": in an HTTP header, and in RTMP's connect (proto/rtmp_talk.h). Pure.
 */
#include <stddef.h>

#define RELAY_HEADER "X-Millrace-Relay"

#define RELAY_HOPS_MAX 8
#define RELAY_IDS_MAX  16 /* beyond it the oldest is forgotten: the hops still bound a ring */
#define RELAY_ID_SIZE  32
#define RELAY_TEXT_MAX 640 /* of any relay_write(), terminator included */

struct relay {
    int hops; /* 0: from a player */
    int count;
    char id[RELAY_IDS_MAX][RELAY_ID_SIZE];
};

/* 0, or -1 with *relay empty when it is malformed. "1" alone is a relay that has no name. */
int relay_parse(struct relay *relay, const char *text);

/* What a server of this id says to the next one. Never cut. */
void relay_write(const struct relay *relay, const char *own_id, char out[RELAY_TEXT_MAX]);

/* Adds what others have told; 1 when that says anything new. */
int relay_merge(struct relay *relay, const struct relay *other);

/* 0, or -1 with *why (constant) when the stream would come back to this server, or goes too far. */
int relay_check(const struct relay *relay, const char *own_id, const char **why);

#endif
