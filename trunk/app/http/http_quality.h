#ifndef APP_HTTP_HTTP_QUALITY_H
#define APP_HTTP_HTTP_QUALITY_H

/*
 * ?quality= of players: which rung of a quality ladder (app/config/ladder.h) a request for the
 * ladder, or for one of its rungs, gets.
 */
#include "app/http/http_exchange.h"
#include "app/stream/quality.h"

#define HTTP_QUALITY_PARAMETER "quality"
#define HTTP_QUALITY_BY_SERVER "auto"
/* The answer's header that names the rung's quality. */
#define HTTP_QUALITY_HEADER "X-Millrace-Quality"

enum http_quality {
    HTTP_QUALITY_NONE,   /* nothing is asked for, or the stream belongs to no ladder */
    HTTP_QUALITY_FOUND,  /* *rung is the target with the rung's names */
    HTTP_QUALITY_AUTO,   /* the same with the rung where it begins; the server changes it */
    HTTP_QUALITY_UNKNOWN /* the ladder has no such quality */
};

/* What the query asks for at this target; *rung is valid only for HTTP_QUALITY_FOUND. */
enum http_quality http_quality_find(const struct http_exchange *x, const struct http_target *target,
                                    struct http_target *rung);

/* Adds the header to the answer of a request that FOUND or AUTO was returned for. 0, or -1: no room
 * or memory. */
int http_quality_append(struct http_exchange *x);

/*
 * NULL, or why ?quality=auto is refused for this format and wish: the rung is changed only in FLV
 * with both tracks. Another Millrace server gets the rung itself, and moves its own viewers.
 */
const char *http_quality_check(struct http_exchange *x, const struct mux *mux,
                               const struct viewer_wish *wish);

/*
 * ?quality=auto at this rung, which the client gets: the rungs of its ladder that the gates grant
 * this client, too. The gates of GATE_LAST, such as hooks, are not asked: for them it is one
 * session, of the rung where it begins.
 */
quality_rungs http_quality_rungs(struct http_exchange *x, const struct config_vhost *vhost,
                                 const struct source *source, usec_t timeout);

#endif
