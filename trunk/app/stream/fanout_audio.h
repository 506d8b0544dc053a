#ifndef APP_STREAM_FANOUT_AUDIO_H
#define APP_STREAM_FANOUT_AUDIO_H

/*
 * Audio waits for the next video frame, so that both go out in one write: 25 video and 43 audio
 * frames a second are 25 writes to each viewer instead of 68. No video frame is later for it:
 *
 *       video        audio   audio                video
 *   ------|------------|-------|--- ... ------------|-----> arrival
 *         sent         held    held                 all three are sent
 *
 * Audio waits for the time of a video frame, at most FANOUT_AUDIO_WAIT. It does not wait without
 * video, nor when the last video frame came longer ago than two of its frames take. Pure; time is
 * an argument.
 */
#include "base/clock.h"

#include <stdint.h>

#define FANOUT_AUDIO_WAIT ((usec_t)40 * USEC_PER_MS)

struct fanout_audio {
    usec_t video_at;   /* when the last video frame came; 0: none yet */
    usec_t frame_time; /* of the stream's video, at most FANOUT_AUDIO_WAIT; 0: unknown */
    usec_t until;      /* audio is held until then; 0: none is held */
    uint8_t is_on;     /* play { audio_wait } */
};

/* Video frames take so many ms each; 0: unknown. */
void fanout_audio_set(struct fanout_audio *audio, int32_t frame_ms);
/* A video frame has come. */
void fanout_audio_note_video(struct fanout_audio *audio, usec_t now);
/* An audio frame has come: whether it waits. */
int fanout_audio_waits(struct fanout_audio *audio, usec_t now);
/* Whether what is held has waited long enough. */
int fanout_audio_is_due(const struct fanout_audio *audio, usec_t now);
/* Everything is being sent. */
void fanout_audio_sent(struct fanout_audio *audio);

#endif
