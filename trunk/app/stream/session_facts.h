#ifndef APP_STREAM_SESSION_FACTS_H
#define APP_STREAM_SESSION_FACTS_H

/*
 * What a client states about itself when it requests a stream, for the gates, the session list, and
 * everything that reports on clients. Pure.
 */

/* No text is NULL; an unknown one is "". Each text is as the client sent it, and must not be
 * trusted. */
struct session_facts {
    const char *tc_url;   /* RTMP: connect's tcUrl; HTTP: "http://host:port/app" */
    const char *page_url; /* RTMP: connect's pageUrl; HTTP: Referer, else Origin */
    const char *swf_url;  /* RTMP: connect's swfUrl; HTTP: "" */
    const char *param;    /* "?a=b" of the stream's address, or "" */
};

/* All texts "". */
extern const struct session_facts session_facts_none;

/*
 * Copies all texts into one block of memory, *block, which the caller frees; it stays NULL if all
 * texts are empty. `out` points into the block. 0, or -1 if out of memory (out: all texts "").
 */
int session_facts_copy(const struct session_facts *from, struct session_facts *out, char **block);

#endif
