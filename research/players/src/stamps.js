// True latency: how old the shown picture is, from the time stamps that the server adds to the
// stream (doc/latency.md) and from its clock. No DOM, no network.

const NAME = 'onMillraceTime';
const STAMPS_MAX = 200; // a second each: more than a browser buffers
const ENCODER_MAX_MS = 60000; // an encoder's clock that is further off is wrong
const NUMBER = 0;
const STRING = 2;
const OBJECT = 3;

function readText(bytes, at) {
    const length = (bytes[at] << 8) | bytes[at + 1];
    return at + 2 + length <= bytes.length
        ? String.fromCharCode(...bytes.subarray(at + 2, at + 2 + length))
        : null;
}

/** { time, pts, encoder } in ms of a script tag's body; null: it is no time stamp. */
export function readStamp(body) {
    const head = 3 + NAME.length + 1;
    if (body.length < head || body[0] !== STRING || readText(body, 1) !== NAME || body[head - 1] !== OBJECT) {
        return null;
    }
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    const values = {};
    for (let at = head; at + 2 < body.length; ) {
        const key = readText(body, at);
        if (!key) {
            break; // the end of the object, or what is no object
        }
        at += 2 + key.length;
        if (at + 9 > body.length || body[at] !== NUMBER) {
            return null;
        }
        values[key] = view.getFloat64(at + 1);
        at += 9;
    }
    const { time, pts, encoder = null } = values;
    return time > 0 && Number.isFinite(time) && pts >= 0 && Number.isFinite(pts)
        ? { time, pts, encoder: encoder > 0 && Number.isFinite(encoder) ? encoder : null }
        : null;
}

/** The server's clock, from answers to requests; all times in ms. */
export class ServerClock {
    constructor() {
        this._best = Infinity; // the shortest time that an answer took
        this.offset = null; // of the server's clock to this browser's; null: not known yet
    }

    /** An answer with the server's time, asked for at `asked` and here at `answered`. */
    note(asked, answered, time) {
        const took = answered - asked;
        if (took >= 0 && took < this._best) {
            this._best = took;
            this.offset = time - (asked + answered) / 2;
        }
    }

    /** The clocks may have drifted apart: the next answer counts. */
    forget() {
        this._best = Infinity;
    }
}

/** Of one connection: its time stamps, and where its timeline begins in the media element's. */
export class TrueLatency {
    constructor() {
        this._stamps = [];
        this._first = new Map(); // the first timestamp of each kind
    }

    /** A frame of audio or video and its timestamp (ms), as the library gets it. */
    onFrame(type, time) {
        if (!this._first.has(type)) {
            this._first.set(type, time);
        }
    }

    /** A time stamp, its pts on the same timeline. */
    onStamp(stamp) {
        this._stamps = [...this._stamps.slice(1 - STAMPS_MAX), stamp];
    }

    get isStamped() {
        return this._stamps.length > 0;
    }

    /**
     * { latency (s), isEncoders: by the encoder's clock } of a picture at `mediaTime` (s) that is
     * shown at `now` (ms by the server's clock); null: not known.
     */
    at(mediaTime, now) {
        if (!this.isStamped || this._first.size === 0) {
            return null;
        }
        // The library begins its timeline at the earlier one.
        const pts = Math.min(...this._first.values()) + mediaTime * 1000;
        const stamp = this._stamps.findLast((one) => one.pts <= pts) ?? this._stamps[0];
        const delay = stamp.encoder === null ? -1 : stamp.time - stamp.encoder;
        const isEncoders = delay >= 0 && delay <= ENCODER_MAX_MS;
        const taken = isEncoders ? stamp.encoder : stamp.time;
        return { latency: (now - taken - (pts - stamp.pts)) / 1000, isEncoders };
    }
}
