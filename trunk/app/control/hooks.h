#ifndef APP_CONTROL_HOOKS_H
#define APP_CONTROL_HOOKS_H

/*
 * http_hooks: callback servers are asked whether a client may publish or play, and are notified of
 * the end of what they have allowed; doc/hooks.md describes the requests. The rows of the tables.
 */
#include "app/stream/gate.h"
#include "app/stream/observer.h"

struct hooks;

extern const struct observer hooks_observer;
extern const struct gate hooks_gate;

/* The state in this process; NULL: the server has no such row. */
struct hooks *hooks_of(const struct server *server);

#endif
