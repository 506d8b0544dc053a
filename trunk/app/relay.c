/*
 * The trail of servers that a request for a stream has come through (issue: edges that pull
 * from each other in a ring). A server joins what all who ask it for a stream have said, so
 * that one pull speaks for all of them.
 */
#include "app/relay.h"

#include "base/str.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

/* An id is one word of harmless letters; what is none becomes one. */
static void relay_word(char out[RELAY_ID_SIZE], const char *text, size_t len)
{
    if (len >= RELAY_ID_SIZE)
        len = RELAY_ID_SIZE - 1;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        out[i] = (char)(isalnum(c) || c == '-' || c == '.' ? c : '_');
    }
    out[len] = '\0';
}

static int relay_has(const struct relay *relay, const char *id)
{
    for (int i = 0; i < relay->count; i++)
        if (strcmp(relay->id[i], id) == 0)
            return 1;
    return 0;
}

static int relay_add(struct relay *relay, const char *id)
{
    if (*id == '\0' || relay_has(relay, id))
        return 0;
    if (relay->count == RELAY_IDS_MAX) {
        memmove(relay->id[0], relay->id[1], sizeof(relay->id[0]) * (RELAY_IDS_MAX - 1));
        relay->count--;
    }
    (void)str_copy(relay->id[relay->count++], RELAY_ID_SIZE, id);
    return 1;
}

int relay_parse(struct relay *relay, const char *text)
{
    const char *p = text;
    char id[RELAY_ID_SIZE];

    assert(relay != NULL && text != NULL);
    memset(relay, 0, sizeof(*relay));
    while (isdigit((unsigned char)*p) && relay->hops <= RELAY_HOPS_MAX)
        relay->hops = relay->hops * 10 + (*p++ - '0');
    if (relay->hops == 0 || (*p != '\0' && *p != ' ')) {
        /* A number that is too long is too many hops, whatever follows. */
        if (!isdigit((unsigned char)*p))
            relay->hops = 0;
        return relay->hops > 0 ? 0 : -1;
    }
    while (*p != '\0') {
        size_t blank = strspn(p, " ");
        size_t len = strcspn(p + blank, " ");

        relay_word(id, p + blank, len);
        (void)relay_add(relay, id);
        p += blank + len;
    }
    return 0;
}

void relay_write(const struct relay *relay, const char *own_id, char out[RELAY_TEXT_MAX])
{
    struct relay next = *relay;
    char own[RELAY_ID_SIZE];
    size_t at;

    relay_word(own, own_id, strlen(own_id));
    (void)relay_add(&next, own);
    if (next.hops <= RELAY_HOPS_MAX)
        next.hops++;
    (void)str_format(out, RELAY_TEXT_MAX, "%d", next.hops);
    for (int i = 0; i < next.count; i++) {
        at = strlen(out);
        (void)str_format(out + at, RELAY_TEXT_MAX - at, " %s", next.id[i]);
    }
}

int relay_merge(struct relay *relay, const struct relay *other)
{
    int is_new = other->hops > relay->hops;

    if (is_new)
        relay->hops = other->hops;
    for (int i = 0; i < other->count; i++)
        is_new |= relay_add(relay, other->id[i]);
    return is_new;
}

int relay_check(const struct relay *relay, const char *own_id, const char **why)
{
    char own[RELAY_ID_SIZE];

    relay_word(own, own_id, strlen(own_id));
    *why = NULL;
    if (relay_has(relay, own))
        *why = "a loop: this server is asked for a stream that it asks for itself";
    else if (relay->hops > RELAY_HOPS_MAX)
        *why = "a loop, or too many servers between the origin and the viewer";
    return *why == NULL ? 0 : -1;
}
