// What a viewer saw of one stream, reported to the stream's server if it wants that (doc/qoe.md):
// sums since the previous report, no id and nothing about the viewer.

import { State } from './states.js';

const REPORT_EVERY_MS = 10000;
const WATCHED_MAX_MS = 120000; // what the server takes at most, of time and of frames
const FRAMES_MAX = 100000;
const ENDED = 'the stream ended';

// Nobody can see how long it would take: there is no publisher, or the user has to act.
const NOT_OURS = new Set([State.STOPPED, State.WAITING, State.BLOCKED, State.PAUSED, State.SUSPENDED]);
const FAILED = new Set([State.RETRYING, State.UNSUPPORTED]);

/** The figures of one stream, from its states and statistics: no DOM, no clock. */
export class Experience {
    constructor(now) {
        this._openedAt = now;
        this._hasStarted = false;
        this._state = State.STOPPED;
        this._at = now;
        this._frames = { decodedFrames: 0, droppedFrames: 0 };
        this._clear();
    }

    _clear() {
        this._watched = 0;
        this._stalls = 0;
        this._stalled = 0;
        this._decoded = 0;
        this._dropped = 0;
        this._errors = 0;
        this._startup = null;
        this._latency = null;
        this._trueLatency = null;
    }

    /** The present moment; statistics as the session gives them. */
    note(now, { state, reason, latency, trueLatency = null, decodedFrames, droppedFrames }) {
        this._pass(now);
        this._count(decodedFrames, droppedFrames);
        if (state !== this._state) {
            this._enter(now, state, reason);
        }
        this._latency = state === State.PLAYING ? latency : null;
        this._trueLatency = state === State.PLAYING ? trueLatency : null;
    }

    // The time since the last moment belongs to the state that there was.
    _pass(now) {
        const passed = Math.max(0, now - this._at);
        this._at = now;
        if (!this._hasStarted) {
            this._openedAt = NOT_OURS.has(this._state) ? now : this._openedAt;
        } else if (!NOT_OURS.has(this._state)) {
            this._watched += passed;
            this._stalled += this._state === State.PLAYING ? 0 : passed;
        }
    }

    // The browser starts again with each connection.
    _count(decodedFrames, droppedFrames) {
        const last = this._frames;
        const isNew = decodedFrames < last.decodedFrames || droppedFrames < last.droppedFrames;
        this._decoded += decodedFrames - (isNew ? 0 : last.decodedFrames);
        this._dropped += droppedFrames - (isNew ? 0 : last.droppedFrames);
        this._frames = { decodedFrames, droppedFrames };
    }

    _enter(now, state, reason) {
        if (state === State.PLAYING && !this._hasStarted) {
            this._hasStarted = true;
            this._startup = now - this._openedAt;
        } else if (this._state === State.PLAYING && !NOT_OURS.has(state)) {
            this._stalls += 1;
        }
        if (FAILED.has(state) && reason !== ENDED) {
            this._errors += 1;
        }
        this._state = state;
    }

    /** The report of what was noted since the last one, without its url; null: nothing to report. */
    take() {
        if (this._watched === 0 && this._errors === 0 && this._startup === null) {
            return null;
        }
        const whole = (number, most) => Math.round(Math.min(number, most));
        const report = {
            watched_ms: whole(this._watched, WATCHED_MAX_MS),
            stalls: this._stalls,
            stalled_ms: whole(this._stalled, WATCHED_MAX_MS),
            frames: whole(this._decoded, FRAMES_MAX),
            dropped: whole(this._dropped, FRAMES_MAX),
            errors: this._errors,
        };
        if (this._startup !== null) {
            report.startup_ms = whole(this._startup, 600000);
        }
        if (this._latency !== null) {
            report.latency_ms = whole(this._latency * 1000, 600000);
        }
        if (this._trueLatency !== null) {
            report.true_latency_ms = whole(Math.max(0, this._trueLatency) * 1000, 600000);
        }
        this._clear();
        return report;
    }
}

/** Reports what a session plays, every 10 s and at the end. */
export class Reporter {
    constructor(session) {
        this.session = session;
        this._target = null;
        session.addEventListener('change', () => this._note());
        session.addEventListener('tick', () => this._note());
        // Also when a phone's browser only puts the page away.
        addEventListener('pagehide', () => this._send(true));
    }

    /** Another stream is opened; url: its address, by HTTP. */
    open(url) {
        this._send(true);
        this._url = url;
        this._target = null;
        this._experience = new Experience(performance.now());
        this._sentAt = performance.now();
    }

    /** The stream's server wants reports at this address. */
    want(target) {
        this._target = target;
    }

    /** The last report. */
    close() {
        this._send(true);
        this._experience = null;
    }

    _note() {
        const now = performance.now();
        this._experience?.note(now, this.session.statistics);
        if (this._experience && now - this._sentAt >= REPORT_EVERY_MS) {
            this._send(false);
        }
    }

    _send(isLast) {
        const report = this._target && this._experience?.take();
        this._sentAt = performance.now();
        if (!report) {
            return;
        }
        const { pathname, searchParams } = new URL(this._url);
        const vhost = searchParams.get('vhost');
        const url = decodeURIComponent(pathname) + (vhost ? `?vhost=${vhost}` : '');
        // As plain text: browsers need no permission to send it to another site.
        const body = JSON.stringify({ url, ...report });
        if (isLast) {
            navigator.sendBeacon(this._target, body);
            return;
        }
        const options = { method: 'POST', mode: 'no-cors', credentials: 'omit', keepalive: true };
        fetch(this._target, { ...options, body }).catch(() => {});
    }
}
