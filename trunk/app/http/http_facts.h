#ifndef APP_HTTP_HTTP_FACTS_H
#define APP_HTTP_HTTP_FACTS_H

/*
 * What an HTTP client states about itself when it requests a stream, in the form common to all
 * protocols. Pure.
 */
#include "app/http/http_exchange.h"
#include "app/stream/session_facts.h"

/* A longer address of a page is truncated. */
#define HTTP_FACTS_PAGE_MAX 1024

/*
 * The facts of this request for a stream of this app, in one block of memory, *block, which the
 * caller frees. 0, or -1 if out of memory (out: all texts "", *block NULL).
 */
int http_facts(const struct http_exchange *x, const char *app, struct session_facts *out,
               char **block);

/* The page that embeds the player; NULL or "": none named. */
const char *http_facts_page(const struct http_message *request);

#endif
