#ifndef PROTO_URL_PARAM_H
#define PROTO_URL_PARAM_H

/* Parameters that are passed on to another server. Pure. */
#include <stddef.h>

/*
 * Copies the parameters "a=b&c=d" (a leading '?' or '&' is dropped) except those of these names, in
 * whatever case and however escaped; names ends in NULL. A parameter is also left out when one of
 * the names begins within it, after a character that some server takes for a separator. 0, or -1
 * when the rest does not fit.
 */
int url_param_without(const char *param, const char *const *names, char *out, size_t cap);

/*
 * What of a viewer's parameters another server is asked with. Those that this server has acted on
 * itself are left out: which vhost is meant, and which part of the stream this one viewer wants.
 */
int url_param_pass(const char *param, char *out, size_t cap);

/* Appends to out what HTTP allows in a query as it is, and the rest percent-encoded; a '%' stays.
 * 0, or -1 when it does not fit. */
int url_query_encode(const char *param, char *out, size_t cap);

#endif
