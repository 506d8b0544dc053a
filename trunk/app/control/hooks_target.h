#ifndef APP_CONTROL_HOOKS_TARGET_H
#define APP_CONTROL_HOOKS_TARGET_H

/* The URLs that are notified of events. For the hooks_*.c files only. */
#include "app/control/hooks_message.h"

/* Queues a message for this URL, the `place`-th of its event, and sends it as soon as possible. 0,
 * or -1 if out of memory. Never yields. */
int hooks_target_push(struct hooks *hooks, const struct config_http_hooks *config,
                      struct hooks_message *message, const char *url, int place);

/* Whether nothing is sent to this URL for now, because it does not answer. */
int hooks_target_is_failing(const struct hooks_target *target);

/* Forgets earlier failures and tries everything now. Never yields. */
void hooks_target_retry_all(struct hooks *hooks);
/* Interrupts everything that is being sent. */
void hooks_target_end_all(struct hooks *hooks);
/* Frees what was not delivered; nothing is being sent. */
void hooks_target_free_all(struct hooks *hooks);

#endif
