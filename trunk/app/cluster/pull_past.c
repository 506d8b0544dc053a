/*
 * Where a pull begins. The first try begins with the past, if `rewind` keeps it. One that
 * reconnects asks for what follows the last frame that it delivered, so that its viewers miss
 * nothing that the origin still has; frames that it has delivered already are recognized by
 * pull_dedup.c. An origin with another timeline refuses, or sends frames that are not known: it is
 * asked for as much of the past as was missed, in which the last frame may be found, and finally
 * for the live end. Another origin than the last one has a timeline of its own, so it is asked for
 * that at once: each try takes round trips in which viewers receive nothing.
 */
#include "app/cluster/pull_private.h"

#include "app/cluster/pull_dedup.h"
#include "app/stream/play_wish.h"
#include "base/str.h"

#include <string.h>

/* Without a mark, the past is complete once this much time has brought no more than three times as
 * much of the stream. */
#define PULL_PIECE      (100 * USEC_PER_MS)
#define PULL_PIECE_PACE 3
/* Starts that are tried before the live end; and how much more than what was missed is asked for.
 */
#define PULL_ATTEMPTS 2
#define PULL_MARGIN   (2 * USEC_PER_SEC)

void pull_past_note(struct pull *pull, const struct frame *frame)
{
    int i = frame->type == FRAME_VIDEO;

    if (frame->type == FRAME_SCRIPT || frame->is_header || frame->is_meta)
        return;
    pull->last[i] = frame->timestamp;
    pull->has_last[i] = 1;
    pull->last_from = pull->at;
}

/* The time of the track that has less. */
static uint32_t last_of_both(const struct pull *pull)
{
    if (!pull->has_last[0] || !pull->has_last[1])
        return pull->last[pull->has_last[1] != 0];
    return (int32_t)(pull->last[0] - pull->last[1]) < 0 ? pull->last[0] : pull->last[1];
}

void pull_past_choose(struct pull *pull)
{
    int has_last = pull->has_last[0] || pull->has_last[1];
    int refused = pull->refused + (has_last && pull->at != pull->last_from);

    memset(&pull->start, 0, sizeof(pull->start));
    pull->is_resuming = 0;
    if (refused >= PULL_ATTEMPTS)
        return;
    if (pull->past != NULL && has_last && source_state(pull->source) == SOURCE_INTERRUPTED &&
        (pull->is_ours || source_pull_start(pull->source).kind != SOURCE_START_DEFAULT)) {
        uint32_t last = last_of_both(pull);
        usec_t away = co_now() - source_absent_since(pull->source) + PULL_MARGIN;

        pull->start = source_start_pts(refused > 0 ? -(away / USEC_PER_MS) : (last > 0 ? last : 1));
        pull->is_resuming = 1;
    } else if (pull->past != NULL || !has_last || !source_has_begun(pull->source) ||
               source_state(pull->source) != SOURCE_INTERRUPTED) {
        /* Another worker's frames are not compared: viewers would get the past twice. */
        pull->start = source_pull_start(pull->source);
    }
}

int pull_past_query(const struct pull *pull, const char *mark, char *text, size_t cap)
{
    char start[40];
    size_t len = strlen(text);
    const char *separator = len == 0 ? mark : "&";

    if (pull->start.kind == SOURCE_START_DEFAULT)
        return 0;
    if (play_wish_write(&pull->start, start, sizeof(start)) != 0)
        return -1;
    return str_format(text + len, cap - len, "%s%s", separator, start);
}

int pull_past_is_refused(struct pull *pull, const struct err *err)
{
    if (pull->start.kind == SOURCE_START_DEFAULT || pull->is_live || !pull->is_requested ||
        (err_code(err) != ERR_NOT_FOUND && err_code(err) != ERR_DENIED))
        return 0;
    pull->refused = pull->is_resuming ? pull->refused + 1 : PULL_ATTEMPTS;
    return 1;
}

/* Whether the viewers that had a part of the stream have left since this try began: the ring is
 * then emptied, and needs the past. */
static int has_lost_viewers(const struct pull *pull)
{
    return pull->past == NULL && pull->start.kind == SOURCE_START_DEFAULT && pull->refused == 0 &&
           !source_has_begun(pull->source) &&
           source_pull_start(pull->source).kind != SOURCE_START_DEFAULT;
}

struct err *pull_past_check(struct pull *pull)
{
    if (has_lost_viewers(pull)) {
        pull->is_again = 1;
        return err_new(ERR_NOT_FOUND, "the viewers have left meanwhile");
    }
    if (!pull->is_resuming || pull_dedup_is_exact(pull->past))
        return NULL;
    return err_new(ERR_NOT_FOUND, "the stream does not continue there");
}

void pull_past_began(struct pull *pull)
{
    pull->is_filling = pull->start.kind != SOURCE_START_DEFAULT && !pull->is_marked;
    pull->piece_at = co_now();
    pull->piece_time = last_of_both(pull);
    pull->refused = 0;
    if (pull->past != NULL && pull_dedup_is_exact(pull->past))
        source_continue(pull->source, co_now());
}

void pull_past_watch(struct pull *pull)
{
    usec_t took = co_now() - pull->piece_at;
    uint32_t last;

    if (!pull->is_filling || took < PULL_PIECE)
        return;
    last = last_of_both(pull);
    if ((int32_t)(last - pull->piece_time) * USEC_PER_MS <= PULL_PIECE_PACE * took) {
        pull->is_filling = 0;
        source_filled(pull->source);
    }
    pull->piece_at += took;
    pull->piece_time = last;
}

int pull_sends_past(const struct pull *pull)
{
    return pull->start.kind != SOURCE_START_DEFAULT && !pull->is_resuming;
}
