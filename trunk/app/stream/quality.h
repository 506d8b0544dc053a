#ifndef APP_STREAM_QUALITY_H
#define APP_STREAM_QUALITY_H

/*
 * Viewers of ?quality=auto: each gets one FLV response, in which the server changes the rung of the
 * quality ladder (rungs.h) as the viewer's connection allows. A row of the observers. Never yields.
 *
 *   tick ─▶ sample the socket ─▶ quality_judge ─▶ pick a rung ─▶ fanout_viewer_switch()
 */
#include "app/config/ladder.h"
#include "app/stream/fanout.h"
#include "app/stream/session_list.h"

extern const struct observer quality_observer;

/* One such viewer. */
struct quality;

/* The rungs that the viewer may get, by their index in the ladder: bit 1 << index. */
typedef uint32_t quality_rungs;

/*
 * The viewer of `fv` is one of a ladder's rung, and may get these rungs. entry counts its switches;
 * both are borrowed. NULL without memory, or if its stream is no rung.
 */
struct quality *quality_open(struct server *server, struct fanout_viewer *fv,
                             struct session_entry *entry, quality_rungs rungs);
/* NULL is allowed. Call it before fv is closed. */
void quality_close(struct server *server, struct quality *quality);

/* The viewer is at another rung (FANOUT_MOVED); entry->source is the new one. */
void quality_moved(struct server *server, struct quality *quality);

/* Where such a viewer begins: at the rung that the address names, else at the middle one; if that
 * is not published, at the nearest one that is, the worse of two. */
int quality_first(const struct server *server, const char *vhost, const struct ladder *ladder);

#endif
