#ifndef APP_CONTROL_HOOKS_MESSAGE_H
#define APP_CONTROL_HOOKS_MESSAGE_H

/* An event that is to be delivered. For the hooks_*.c files only. Never yields. */
#include "app/control/hooks_private.h"

/* One event for one or several URLs, which is over when each has it, or gives it up. */
struct hooks_message {
    int refs;
    int uses; /* URLs that do not have it yet */
    struct hooks_message *prev,
        *next;                   /* in the bucket of its client, newest first, until it is over */
    struct hooks_message *after; /* held: the client's event before it; NULL: none */
    struct hooks_target *at;     /* the first of its URLs, until it is over */
    int is_tried;
    enum config_hook hook;
    uint32_t record; /* of the ledger; 0: none */
    char client[CO_ID_SIZE];
    char *body;
};

/* A message with one use, that of the caller. NULL if out of memory. */
struct hooks_message *hooks_message_new(struct hooks *hooks, enum config_hook hook,
                                        const char *client);
/* One use less; after the last one it is over, and its record is removed from the ledger. */
void hooks_message_release(struct hooks *hooks, struct hooks_message *message);

#endif
