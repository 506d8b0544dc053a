#ifndef APP_CLUSTER_COWORKERS_JSON_H
#define APP_CLUSTER_COWORKERS_JSON_H

/*
 * The question to another origin of an SRS cluster, "do you have this stream?", and its answer:
 * {"code":0,"data":{"origin":{"ip":"10.0.0.1","port":1935}}}, or an origin of null. Pure.
 */
#include "base/err.h"

#include <stddef.h>

#define COWORKERS_ANSWER_MAX  ((size_t)16 * 1024)
#define COWORKERS_ADDRESS_MAX 264

/* Writes the URL to ask for the stream of key ("vhost/app/stream"). 0, or -1 if it does not fit. */
int coworkers_json_url(const char *coworker, const char *key, char *out, size_t cap);

/*
 * Parses the answer. NULL with address "host:port" of the origin's RTMP, or "" if it has no such
 * stream; ERR_PROTO: malformed; ERR_LIMIT: too long or too deep; ERR_DENIED: a code other than 0.
 */
struct err *coworkers_json_answer(const char *text, size_t len,
                                  char address[COWORKERS_ADDRESS_MAX]);

#endif
