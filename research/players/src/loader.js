// Fetches a live stream for mpegts.js, by HTTP or by WebSocket, and tells an observer what the
// library would keep to itself: that the server has not answered yet (it waits for a publisher),
// the status and the JSON reason of a refusal, every piece of data as it comes.
//
// With canResume an interruption is not the library's concern: the stream is asked for again from
// the last frame on, and the library gets one continuous response (resume.js). A connection that has
// fallen silent is not given up at once, for the publisher may be silent: others are tried beside it,
// and the first that delivers takes its place.
//
// observer: onRequest(), onOpen({ status, url }), onData(buffer), onRefused({ status, reason }),
// onNoSocket() when HTTP would answer at the address of a WebSocket that could not be opened,
// onAbort() when the library ends the request by itself: it never opens it again without a user;
// onLost() and onResumed() when an interruption begins and ends

import { FlvResume, resumeUrl } from './resume.js';

const ERROR_BODY_MAX = 16384;
const PROBE_MS = 3000;
const WATCH_MS = 250;
const SILENT_MS = 2000; // without data for so long: is the connection dead?
const QUIET_MS = 10000; // another one had nothing new either: ask so much later again
const TRY_EVERY_MS = 1000;
const TRY_MS = 4000; // how long a try may take
const TRIES_MAX = 3; // at once: a browser keeps six connections to a server
const RESUME_MAX_MS = 60000; // then the library has to start again

async function reasonOf(response) {
    try {
        const text = (await response.text()).slice(0, ERROR_BODY_MAX);
        return String(JSON.parse(text).reason || '');
    } catch {
        return ''; // not ours: a proxy's page
    }
}

// A browser tells nothing of why a WebSocket failed; the same address by HTTP does. A GET, as
// only its refusal has a reason in it; it is given up when it is answered or waits.
async function probe(url, signal) {
    const patience = AbortSignal.timeout(PROBE_MS);
    const stop = new AbortController();
    try {
        const response = await fetch(url.replace(/^ws/, 'http'), {
            cache: 'no-store',
            signal: AbortSignal.any([signal, patience, stop.signal]),
        });
        if (!response.ok) {
            return { status: response.status, reason: await reasonOf(response) };
        }
        stop.abort();
        return { status: response.status };
    } catch {
        return null;
    }
}

// One request. `on` is told: open({ status, url }), data(buffer), end() cleanly, fail(message,
// answer): answer is { status, reason } of a refusal, noSocket(). Nothing after close().
class Line {
    constructor(url, on) {
        this.url = url;
        this.startedAt = performance.now();
        this._on = on;
        this._abort = new AbortController();
        this._socket = null;
        this._isOpen = false;
    }

    start() {
        if (/^wss?:/.test(this.url)) {
            try {
                this._openSocket();
            } catch (error) {
                this._fail(error.message); // an address or a policy that allows none
            }
        } else {
            this._openFetch().catch((error) => this._fail(error.message));
        }
    }

    close() {
        this._abort.abort();
        this._socket?.close();
    }

    /** Tells another one from now on. */
    handOver(on) {
        this._on = on;
    }

    get isClosed() {
        return this._abort.signal.aborted;
    }

    _tell(what, ...values) {
        if (!this.isClosed) {
            this._on[what]?.(this, ...values);
        }
    }

    _fail(message, answer = null) {
        this._tell('fail', message, answer);
    }

    async _openFetch() {
        const response = await fetch(this.url, { cache: 'no-store', signal: this._abort.signal });
        if (!response.ok) {
            const reason = await reasonOf(response);
            this._fail(reason, { status: response.status, reason });
            return;
        }
        this._tell('open', { status: response.status, url: response.url });
        const reader = response.body.getReader();
        for (;;) {
            const { done, value } = await reader.read();
            if (done) {
                break;
            }
            // A view may be smaller than its buffer.
            const isWhole = value.byteLength === value.buffer.byteLength;
            this._tell('data', isWhole ? value.buffer : value.slice().buffer);
        }
        this._tell('end');
    }

    _openSocket() {
        const socket = new WebSocket(this.url);
        socket.binaryType = 'arraybuffer';
        socket.onopen = () => {
            this._isOpen = true;
            this._tell('open', { status: 101, url: this.url });
        };
        socket.onmessage = (event) => {
            if (event.data instanceof ArrayBuffer) {
                this._tell('data', event.data);
            }
        };
        socket.onclose = async (event) => {
            if (this._isOpen) {
                if (event.code > 4400 && event.code < 4600) {
                    // Refused after the handshake: the status is in the code.
                    this._fail(event.reason, { status: event.code - 4000, reason: event.reason });
                } else if (event.wasClean) {
                    this._tell('end');
                } else {
                    this._fail(event.reason || 'connection lost');
                }
                return;
            }
            const answer = await probe(this.url, this._abort.signal);
            if (answer?.status >= 400) {
                this._fail(answer.reason, answer);
                return;
            }
            if (answer) {
                this._tell('noSocket');
            }
            this._fail(event.reason || 'the WebSocket could not be opened');
        };
        this._socket = socket;
    }
}

export function liveLoader(mpegts, observer, { isFlv = false, canResume = () => false } = {}) {
    return class LiveLoader extends mpegts.BaseLoader {
        constructor() {
            super('live-loader');
            this._needStash = true;
            this._received = 0;
            this._line = null;
            this._tries = new Set(); // lines beside it
            this._filter = isFlv ? new FlvResume(observer) : null;
            this._lostAt = 0;
            this._lastData = 0;
            this._nextTry = 0;
            this._onOnline = () => this._look(true);
        }

        destroy() {
            this.abort();
            super.destroy();
        }

        open(source) {
            this._url = source.url;
            this._status = mpegts.LoaderStatus.kConnecting;
            observer.onRequest?.();
            this._watch = setInterval(() => this._look(false), WATCH_MS);
            globalThis.addEventListener?.('online', this._onOnline);
            this._line = new Line(source.url, {
                open: (_, answer) => observer.onOpen(answer),
                data: (_, buffer) => this._data(buffer),
                end: () => this._complete(),
                fail: (_, message, answer) => this._broken(message, answer),
                noSocket: () => observer.onNoSocket(),
            });
            this._line.start();
        }

        abort() {
            const wasOver = this._isOver;
            this._close();
            this._status = mpegts.LoaderStatus.kComplete;
            if (!wasOver) {
                observer.onAbort?.();
            }
        }

        get _isOver() {
            return (
                !this._watch || this._status === mpegts.LoaderStatus.kComplete ||
                this._status === mpegts.LoaderStatus.kError
            );
        }

        _close() {
            clearInterval(this._watch);
            this._watch = 0;
            globalThis.removeEventListener?.('online', this._onOnline);
            this._line?.close();
            this._tries.forEach((line) => line.close());
            this._tries.clear();
        }

        _fail(message, detail = mpegts.LoaderErrors.EXCEPTION, code = -1) {
            if (this._isOver) {
                return;
            }
            this._close();
            this._status = mpegts.LoaderStatus.kError;
            this._onError?.(detail, { code, msg: message });
        }

        _refuse(answer) {
            if (this._isOver) {
                return;
            }
            observer.onRefused(answer);
            this._fail(answer.reason, mpegts.LoaderErrors.HTTP_STATUS_CODE_INVALID, answer.status);
        }

        _complete() {
            if (this._isOver) {
                return;
            }
            this._close();
            this._status = mpegts.LoaderStatus.kComplete;
            this._onComplete?.(0, this._received - 1);
        }

        _data(buffer) {
            if (this._isOver) {
                return;
            }
            this._lastData = performance.now();
            observer.onData(buffer);
            const bytes = this._filtered(buffer);
            if (bytes === null || bytes.byteLength === 0) {
                return;
            }
            const start = this._received;
            this._received += bytes.byteLength;
            this._status = mpegts.LoaderStatus.kBuffering;
            this._onDataArrival?.(bytes, start, this._received);
        }

        // The part that the library does not have yet; null if it has to start again.
        _filtered(buffer) {
            if (this._filter === null) {
                return buffer;
            }
            try {
                return this._filter.feed(new Uint8Array(buffer)).slice().buffer;
            } catch (error) {
                if (this._isResumed) {
                    this._fail(error.message);
                    return null;
                }
                const rest = this._filter.release(); // the library says what is wrong with it
                this._filter = null;
                return rest.buffer;
            }
        }

        get _canResume() {
            return Boolean(this._filter?.hasMedia) && canResume();
        }

        // The connection is lost: by an error, which a server that dies leaves, or by a refusal.
        _broken(message, answer) {
            if (this._isOver) {
                return;
            }
            if (answer === null && this._canResume) {
                this._line.close();
                this._lose();
                this._look(true);
            } else if (answer !== null) {
                this._refuse(answer);
            } else {
                this._fail(message);
            }
        }

        _lose() {
            if (this._lostAt === 0) {
                this._lostAt = performance.now();
                observer.onLost?.();
            }
        }

        // Opens another connection when it is time. isSoon: the network has changed.
        _look(isSoon) {
            if (this._isOver || !this._canResume) {
                return;
            }
            const now = performance.now();
            const silence = now - this._lastData;
            const isDead = this._line.isClosed;
            if (!isDead && silence < (isSoon ? SILENT_MS / 10 : SILENT_MS)) {
                return;
            }
            if (now - Math.max(this._lastData, this._lostAt) > RESUME_MAX_MS) {
                this._fail('connection lost');
                return;
            }
            for (const line of this._tries) {
                if (now - line.startedAt > TRY_MS) {
                    this._drop(line);
                }
            }
            if ((isSoon || now >= this._nextTry) && this._tries.size < TRIES_MAX) {
                this._nextTry = now + TRY_EVERY_MS;
                this._try(this._filter.startPts);
            }
        }

        _drop(line) {
            line.close();
            this._tries.delete(line);
        }

        _try(startPts) {
            const line = new Line(resumeUrl(this._url, startPts), {
                data: (own, buffer) => this._taken(own, buffer, startPts === undefined),
                end: (own) => this._drop(own),
                fail: (own, _, answer) => this._tryFailed(own, answer, startPts),
            });
            this._tries.add(line);
            line.start();
        }

        _tryFailed(line, answer, startPts) {
            this._drop(line);
            if (answer?.status === 404 && startPts !== undefined) {
                this._try(undefined); // it has another timeline
            } else if (answer?.status === 401 || answer?.status === 403) {
                this._refuse(answer);
            }
        }

        // The first data of another connection: it takes over.
        _taken(line, buffer, isMoved) {
            this._tries.delete(line);
            this._tries.forEach((other) => this._drop(other));
            const silence = performance.now() - this._lastData;
            const wasAlive = !this._line.isClosed;
            this._line.close();
            this._line = line;
            line.handOver({
                data: (_, more) => this._data(more),
                end: () => this._complete(),
                fail: (_, message, answer) => this._broken(message, answer),
            });
            this._isResumed = true;
            this._filter.reopen({ isMoved });
            this._lostAt = 0;
            this._nextTry = performance.now() + (wasAlive && silence < QUIET_MS ? QUIET_MS : TRY_EVERY_MS);
            observer.onResumed?.({ isMoved });
            this._data(buffer);
        }
    };
}
