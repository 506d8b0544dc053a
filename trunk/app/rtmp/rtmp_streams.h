#ifndef APP_RTMP_RTMP_STREAMS_H
#define APP_RTMP_RTMP_STREAMS_H

/*
 * Several message streams that publish and play side by side on one RTMP connection.
 *
 *                      ┌─ socket pair ── session of message stream 1
 *   peer ── connection ┼─ socket pair ── session of message stream 2
 *                      └─ …
 *
 * A connection with one stream has none of this. With the second one, each stream gets a session
 * (struct rtmp_session) in a coroutine of its own, on its own end of a socket pair, and one
 * coroutine passes whole messages between the connection and the pairs.
 */
#include "app/rtmp/rtmp_peer.h"

/*
 * After RTMP_EVENT_ANOTHER, in the session's coroutine: replaces session->conn and session->talk,
 * and serves message, which opens another stream. The session must have no partly sent message. On
 * error nothing has changed, and the session must end. Never yields.
 */
struct err *rtmp_streams_split(struct rtmp_session *session, const struct rtmp_message *message);

/* Bytes that wait on the connection of a session that was split: messages for this session, and,
 * for the first one that publishes, incomplete messages and output to the peer. Else 0. */
size_t rtmp_streams_pending(const struct rtmp_session *session);

/*
 * Call it when the session that was split is over: waits for the other streams of its connection;
 * an interrupt of this coroutine ends them. Restores session->conn and sets session->talk to NULL.
 * Does nothing for a session that was not split. Yields.
 */
MAY_YIELD void rtmp_streams_end(struct rtmp_session *session);

#endif
