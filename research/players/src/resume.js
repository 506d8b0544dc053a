// Joins the responses to several requests for one FLV stream into a single one for the library: after
// an interruption the stream is asked for again from the last frame on (startPts), and what the
// library already has is left out. No DOM, no clock, no network.

import { readStamp } from './stamps.js';

const HEADER = 9 + 4; // the file's header and the first PreviousTagSize
const TAG_HEAD = 11;
const AUDIO = 8;
const VIDEO = 9;
const SCRIPT = 18;
const TAG_MAX = 32 * 1024 * 1024;
const H264 = 7;
const AAC = 10;
const STEP_MS = 20; // between the last frame and the first one of another timeline

/** The stream cannot be continued: the library has to start again. */
export class ResumeError extends Error {}

// A signed difference of two timestamps, which wrap at 2^32.
function after(a, b) {
    return (a - b) | 0;
}

function isSequenceHeader(type, body) {
    if (type === VIDEO) {
        return body[0] & 0x80 ? (body[0] & 15) === 0 : (body[0] & 15) === H264 && body[1] === 0;
    }
    const format = body[0] >> 4;
    return format === AAC ? body[1] === 0 : format === 9 && (body[0] & 15) === 0;
}

function isSame(a, b) {
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function joined(parts) {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
        whole.set(part, at);
        at += part.length;
    }
    return whole;
}

/** One continuous FLV stream from several responses. */
export class FlvResume {
    /** onFrame(type, time) and onStamp(stamp) are called for what is passed on. */
    constructor({ onFrame = () => {}, onStamp = () => {} } = {}) {
        this._onFrame = onFrame;
        this._onStamp = onStamp;
        this.last = { [AUDIO]: null, [VIDEO]: null }; // timestamps as the server sent them
        this.dropped = 0; // tags left out since the last reopen()
        this.passed = 0; // and those that were not
        this._headers = new Map(); // the sequence header of each kind, as the library has it
        this._offset = 0; // of the server's timeline to the library's
        this._rest = new Uint8Array(0);
        this._isFirst = true;
        this._hasHead = false;
        this._isMoved = false;
    }

    /** Whether there is anything to continue. */
    get hasMedia() {
        return this.last[AUDIO] !== null || this.last[VIDEO] !== null;
    }

    /** What to ask for: the time of the track that has less; never 0, which means live. */
    get startPts() {
        const { [AUDIO]: audio, [VIDEO]: video } = this.last;
        if (audio === null || video === null) {
            return (audio ?? video) || 1;
        }
        return (after(audio, video) < 0 ? audio : video) || 1;
    }

    /** What was not passed on after an error. */
    release() {
        return this._rest.slice();
    }

    /** Another response follows. isMoved: it is of another timeline, which is moved to follow. */
    reopen({ isMoved = false } = {}) {
        this._rest = new Uint8Array(0);
        this._isFirst = false;
        this._hasHead = false;
        this._isMoved = isMoved;
        this.dropped = 0;
        this.passed = 0;
    }

    /** Takes bytes of the response; the bytes for the library. Throws ResumeError. */
    feed(bytes) {
        const data = this._rest.length > 0 ? joined([this._rest, bytes]) : bytes;
        this._rest = data;
        const out = [];
        let at = 0;
        if (!this._hasHead) {
            if (data.length < HEADER) {
                return new Uint8Array(0);
            }
            this._head(data.subarray(0, HEADER), out);
            at = HEADER;
        }
        for (;;) {
            if (data.length - at < TAG_HEAD) {
                break;
            }
            const size = (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3];
            if (size > TAG_MAX) {
                throw new ResumeError('not FLV');
            }
            const end = at + TAG_HEAD + size + 4;
            if (data.length < end) {
                break;
            }
            this._tag(data.subarray(at, end), size, out);
            at = end;
        }
        this._rest = data.slice(at);
        return out.length === 1 ? out[0] : joined(out);
    }

    _head(head, out) {
        if (head[0] !== 0x46 || head[1] !== 0x4c || head[2] !== 0x56) {
            throw new ResumeError('not FLV');
        }
        if (this._isFirst) {
            this._flags = head[4];
            out.push(head);
        } else if (head[4] !== this._flags) {
            throw new ResumeError('the stream has other tracks');
        }
        this._hasHead = true;
    }

    _tag(tag, size, out) {
        const type = tag[0] & 31;
        const body = tag.subarray(TAG_HEAD, TAG_HEAD + size);
        if (type !== AUDIO && type !== VIDEO) {
            // Metadata comes first in each response; other data is not worth a repetition.
            if (this._isFirst || this.passed > 0) {
                this._script(type, body);
                out.push(this._moved(tag));
            }
            return;
        }
        if (size > 0 && isSequenceHeader(type, body)) {
            this._sequenceHeader(type, tag, body, out);
            return;
        }
        this._media(type, tag, out);
    }

    _script(type, body) {
        const stamp = type === SCRIPT ? readStamp(body) : null;
        if (stamp) {
            this._onStamp({ ...stamp, pts: stamp.pts + this._offset });
        }
    }

    _sequenceHeader(type, tag, body, out) {
        const known = this._headers.get(type);
        if (known && isSame(known, body)) {
            if (this._isFirst || this.passed > 0) {
                out.push(this._moved(tag));
            }
            return;
        }
        if (known && !this._isFirst && this.passed === 0) {
            throw new ResumeError('the encoder has changed its configuration');
        }
        this._headers.set(type, body.slice());
        out.push(this._moved(tag));
    }

    _media(type, tag, out) {
        const time = ((tag[7] << 24) | (tag[4] << 16) | (tag[5] << 8) | tag[6]) >>> 0;
        if (this._isMoved) {
            this._move(time);
        }
        if (!this._isFirst && this.last[type] !== null && after(time, this.last[type]) <= 0) {
            this.dropped += 1;
            return;
        }
        this.last[type] = time;
        this.passed += 1;
        this._onFrame(type, (time + this._offset) >>> 0);
        out.push(this._moved(tag));
    }

    // The first frame of another timeline follows the last one of this.
    _move(time) {
        const { [AUDIO]: audio, [VIDEO]: video } = this.last;
        const newest = audio === null || (video !== null && after(video, audio) > 0) ? video : audio;
        this._offset = (this._offset + newest + STEP_MS - time) | 0;
        this._isMoved = false;
        this.last = { [AUDIO]: null, [VIDEO]: null };
    }

    _moved(tag) {
        if (this._offset === 0) {
            return tag;
        }
        const copy = tag.slice();
        const time = ((tag[7] << 24) | (tag[4] << 16) | (tag[5] << 8) | tag[6]) >>> 0;
        const moved = (time + this._offset) >>> 0;
        copy[4] = (moved >>> 16) & 255;
        copy[5] = (moved >>> 8) & 255;
        copy[6] = moved & 255;
        copy[7] = moved >>> 24;
        return copy;
    }
}

/** The address that continues a stream; startPts undefined: without. */
export function resumeUrl(url, startPts) {
    const [path, ...rest] = url.split('?');
    const kept = rest
        .join('?')
        .split('&')
        .filter((part) => part && !/^(startPts|start)=/.test(part));
    if (startPts !== undefined) {
        kept.push(`startPts=${startPts}`);
    }
    return kept.length > 0 ? `${path}?${kept.join('&')}` : path;
}
