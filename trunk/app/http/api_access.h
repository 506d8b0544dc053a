#ifndef APP_HTTP_API_ACCESS_H
#define APP_HTTP_API_ACCESS_H

/*
 * Access to the API: with a name and a password where `auth` is on; else from this machine only,
 * unless `http_api { open on; }`. Also protects against web pages that send requests on behalf of a
 * user who views them. Never yields.
 */
#include "app/http/http_exchange.h"

#define API_ACCESS_PREFIX "/api/v1/"

/* A request with this header, whatever its value, was not made by a page of another site: browsers
 * first ask the server for permission to send it, and the server refuses. */
#define API_ACCESS_HEADER "X-Millrace"

/* Whether a request is for the API, and whether this path is public: without `auth`, public paths
 * are also served at http_server's address when http_api has another, and to pages of other
 * sites. */
int api_access_has(const struct http_exchange *x);
int api_access_is_public(const struct config *config, const char *path);

struct api_access {
    int status;      /* 0: everything; 401: the client must log in; 403: only public paths */
    const char *why; /* with 403 (constant, for the answer) */
};
struct api_access api_access_check(const struct http_exchange *x);

/* Answers 401 with a request for the name and the password. */
struct err *api_access_ask_login(struct http_exchange *x, usec_t timeout);

/*
 * Whether this request, whose client may see everything, may also change something. NULL: it may;
 * else the reason why not (constant). is_script: it is JSONP, of which the method is only a
 * parameter.
 */
const char *api_access_check_change(const struct http_exchange *x, int is_script);

/* Whether a page of another host may have made this request, in a way that needs no permission
 * (image, script, form). */
int api_access_is_foreign(const struct http_exchange *x);

#endif
