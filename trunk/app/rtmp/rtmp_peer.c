/*
 * The functions that all files need that serve an RTMP connection: log lines, the session list's
 * entry, and the wait before a close. It calls none of those files.
 */
#include "app/rtmp/rtmp_peer.h"

#include "app/core/admission.h"
#include "co/co.h"

#include <string.h>

/* How long a refused peer may take to close, so that our close does not overtake the refusal. */
#define LINGER_TIMEOUT (USEC_PER_SEC / 2)

void rtmp_peer_linger(struct rtmp_session *session)
{
    usec_t deadline = co_deadline(LINGER_TIMEOUT);
    struct err *err = NULL;
    char scratch[1024];
    size_t got;

    if (session->streams != NULL)
        return;
    while (err == NULL && co_left(deadline) > 0)
        err = io_read(&session->conn->io, scratch, sizeof(scratch), &got, co_left(deadline));
    err_free(err);
}

struct session_facts rtmp_peer_facts(const struct rtmp_session *session, const char *param)
{
    struct session_facts facts = {.tc_url = session->tc_url,
                                  .page_url = session->page_url,
                                  .swf_url = session->swf_url,
                                  .param = param};

    facts.tc_url = facts.tc_url != NULL ? facts.tc_url : "";
    facts.page_url = facts.page_url != NULL ? facts.page_url : "";
    facts.swf_url = facts.swf_url != NULL ? facts.swf_url : "";
    facts.param = facts.param != NULL ? facts.param : "";
    return facts;
}

void rtmp_peer_log_start(struct rtmp_session *session, const char *what,
                         const struct source *source)
{
    session->entry.conn = session->conn;
    session->entry.source = source;
    session->entry.format = "rtmp";
    session->entry.facts = rtmp_peer_facts(session, session->param);
    session->entry.is_publisher = strcmp(what, "publish") == 0;
    session_list_enter(session->server, &session->entry);
    session->was_named = 1;
    log_info(session->server->log, "start %s %s from %s", what, source_key(source),
             session->conn->ip);
}

void rtmp_peer_log_end(struct rtmp_session *session, const char *what, const struct source *source,
                       const struct err *err)
{
    enum log_level level = err == NULL || err_is_quiet(err) ? LOG_INFO : LOG_WARN;

    session->entry.has_failed = err != NULL && (!err_is_quiet(err) || err_code(err) == ERR_TIMEOUT);
    session_list_leave(session->server, &session->entry);
    session->entry.source = NULL;
    (void)admission_become(session->server, session->conn, QUOTA_NEW);
    session->is_logged = err != NULL;
    log_err(session->server->log, level, err,
            "stop %s %s from %s, %llu bytes received, %llu sent: %s", what, source_key(source),
            session->conn->ip, (unsigned long long)session->conn->bytes_in,
            (unsigned long long)session->conn->bytes_out,
            err != NULL ? err_text(err) : "peer closed the connection");
}
