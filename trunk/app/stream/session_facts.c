/*
 * Most clients send few of these texts or none, so a session keeps one block of exactly the size
 * that its texts need.
 */
#include "app/stream/session_facts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const struct session_facts session_facts_none = {"", "", "", ""};

/* Copies a text to *at and moves *at past it. An empty text needs no memory. */
static const char *put(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *start = *at;

    if (size == 1)
        return "";
    memcpy(start, text, size);
    *at += size;
    return start;
}

int session_facts_copy(const struct session_facts *from, struct session_facts *out, char **block)
{
    size_t size =
        strlen(from->tc_url) + strlen(from->page_url) + strlen(from->swf_url) + strlen(from->param);
    char *at;

    assert(out != NULL && block != NULL);
    *out = session_facts_none;
    *block = NULL;
    if (size == 0)
        return 0;
    at = malloc(size + 4); /* and a terminator for each */
    if (at == NULL)
        return -1;
    *block = at;
    out->tc_url = put(&at, from->tc_url);
    out->page_url = put(&at, from->page_url);
    out->swf_url = put(&at, from->swf_url);
    out->param = put(&at, from->param);
    return 0;
}
