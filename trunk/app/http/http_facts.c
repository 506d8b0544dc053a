/*
 * HTTP has no tcUrl: the address of the app takes its place, as the client spelled its host.
 */
#include "app/http/http_facts.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* With WebSocket, browsers send an Origin instead of a Referer. */
const char *http_facts_page(const struct http_message *request)
{
    const char *page = http_message_header(request, "Referer");

    return page != NULL && page[0] != '\0' ? page : http_message_header(request, "Origin");
}

/* The texts, before they are copied to where they need no more memory than they have bytes. */
struct texts {
    char url[1024];
    char page[HTTP_FACTS_PAGE_MAX];
    char param[HTTP_TARGET_MAX + 2];
};

static void texts_fill(struct texts *texts, const struct http_exchange *x, const char *app)
{
    const struct http_message *request = x->request;
    const char *host = request->host != NULL ? request->host : "";
    const char *page = http_facts_page(request);
    char port[16] = "";

    if (request->port != 0)
        (void)str_format(port, sizeof(port), ":%d", request->port);
    (void)str_format(texts->url, sizeof(texts->url), "%s://%s%s/%s", x->is_tls ? "https" : "http",
                     host, port, app);
    (void)str_copy(texts->page, sizeof(texts->page), page != NULL ? page : "");
    texts->param[0] = '\0';
    if (request->query != NULL && request->query[0] != '\0')
        (void)str_format(texts->param, sizeof(texts->param), "?%s", request->query);
}

int http_facts(const struct http_exchange *x, const char *app, struct session_facts *out,
               char **block)
{
    struct texts *texts = malloc(sizeof(*texts));
    struct session_facts facts = session_facts_none;
    int rc;

    *out = session_facts_none;
    *block = NULL;
    if (texts == NULL)
        return -1;
    texts_fill(texts, x, app);
    facts.tc_url = texts->url;
    facts.page_url = texts->page;
    facts.param = texts->param;
    rc = session_facts_copy(&facts, out, block);
    free(texts);
    return rc;
}
