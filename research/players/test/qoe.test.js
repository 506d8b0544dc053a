// What is reported of a stream, from made-up states and times.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Experience } from '../src/qoe.js';
import { State } from '../src/states.js';

const still = { reason: '', latency: null, decodedFrames: 0, droppedFrames: 0 };

/** Notes [time, state, more] one after another. */
function watch(...moments) {
    const experience = new Experience(0);
    for (const [now, state, more] of moments) {
        experience.note(now, { ...still, state, ...more });
    }
    return experience;
}

test('start-up, time, frames, latency', () => {
    const seen = watch([10, State.CONNECTING], [300, State.BUFFERING], [450, State.PLAYING],
        [10450, State.PLAYING, { latency: 0.8004, decodedFrames: 250, droppedFrames: 3 }]);
    assert.deepEqual(seen.take(), {
        watched_ms: 10000, stalls: 0, stalled_ms: 0, frames: 250, dropped: 3, errors: 0,
        startup_ms: 440, latency_ms: 800,
    });
    assert.equal(seen.take(), null, 'nothing twice');
    seen.note(12450, { ...still, state: State.PLAYING, latency: 1, decodedFrames: 300, droppedFrames: 3 });
    assert.deepEqual(seen.take(), {
        watched_ms: 2000, stalls: 0, stalled_ms: 0, frames: 50, dropped: 0, errors: 0, latency_ms: 1000,
    });
});

test('the wait for a publisher is no start-up time', () => {
    const seen = watch([0, State.CONNECTING], [1200, State.WAITING], [60000, State.BUFFERING],
        [60200, State.PLAYING]);
    assert.equal(seen.take().startup_ms, 200);
});

test('stalls', () => {
    const seen = watch([0, State.CONNECTING], [100, State.PLAYING], [1100, State.BUFFERING],
        [1600, State.PLAYING], [2600, State.INTERRUPTED], [2700, State.PLAYING]);
    const report = seen.take();
    assert.deepEqual([report.stalls, report.stalled_ms, report.watched_ms], [2, 600, 2600]);
});

test('a user who pauses does not stall', () => {
    const seen = watch([0, State.CONNECTING], [100, State.PLAYING], [1100, State.PAUSED],
        [9100, State.PLAYING], [9600, State.PLAYING]);
    const report = seen.take();
    assert.deepEqual([report.stalls, report.stalled_ms, report.watched_ms], [0, 0, 1500]);
});

test('errors, and the stream’s end, which is none', () => {
    const seen = watch([0, State.CONNECTING], [100, State.PLAYING],
        [200, State.RETRYING, { reason: 'the connection broke' }], [500, State.CONNECTING],
        [600, State.PLAYING], [700, State.RETRYING, { reason: 'the stream ended' }]);
    const report = seen.take();
    assert.deepEqual([report.errors, report.stalls, report.stalled_ms], [1, 2, 400]);
});

test('frames of a new connection', () => {
    const seen = watch([0, State.CONNECTING], [100, State.PLAYING, { decodedFrames: 100 }],
        [200, State.PLAYING, { decodedFrames: 10 }]);
    assert.equal(seen.take().frames, 110);
});

test('a stream that never began has nothing to report', () => {
    assert.equal(watch([0, State.CONNECTING], [9000, State.WAITING]).take(), null);
});
