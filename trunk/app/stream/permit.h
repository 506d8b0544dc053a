#ifndef APP_STREAM_PERMIT_H
#define APP_STREAM_PERMIT_H

/*
 * A permit is what a gate grants for as long as a session or a connection lasts. The gate adds it
 * to the list of the request; the owner of the list ends each permit exactly once, also if the
 * session never begins. Never yields.
 */
#include <stdint.h>

struct permit {
    struct permit *next;
    /* Frees the permit. bytes: received from and sent to the client so far. */
    void (*end)(struct permit *permit, uint64_t bytes_in, uint64_t bytes_out);
};

/* Ends all permits of the list, the latest first, and empties it. */
void permit_end_all(struct permit **list, uint64_t bytes_in, uint64_t bytes_out);

#endif
