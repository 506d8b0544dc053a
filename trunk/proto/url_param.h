#ifndef PROTO_URL_PARAM_H
#define PROTO_URL_PARAM_H

/* Parameters that are passed on to another server. Pure. */
#include <stddef.h>

/*
 * Copies the parameters "a=b&c=d" (a leading '?' or '&' is dropped) except those with these names,
 * in any case and any escaping; names ends with NULL. A parameter is also left out when one of the
 * names begins inside it, after a character that some server treats as a separator. 0, or -1 when
 * the rest does not fit.
 */
int url_param_without(const char *param, const char *const *names, char *out, size_t cap);

/*
 * The parameters of a viewer to pass to another server, without those that this server has already
 * applied: the vhost, and the part of the stream that this viewer wants.
 */
int url_param_pass(const char *param, char *out, size_t cap);

/* Appends the parameters to out; bytes that HTTP does not allow in a query are percent-encoded; a
 * '%' stays. 0, or -1 when it does not fit. */
int url_param_query_encode(const char *param, char *out, size_t cap);

#endif
