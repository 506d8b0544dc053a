// Fetches a live stream for mpegts.js, by HTTP or by WebSocket, and tells an observer what the
// library would keep to itself: that the server has not answered yet (it waits for a publisher),
// the status and the JSON reason of a refusal, every piece of data as it comes.
//
// observer: onRequest(), onOpen({ status, url }), onData(buffer), onRefused({ status, reason }),
// onNoSocket() when HTTP would answer at the address of a WebSocket that could not be opened,
// onAbort() when the library ends the request by itself: it never opens it again without a user

const ERROR_BODY_MAX = 16384;
const PROBE_MS = 3000;

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

export function liveLoader(mpegts, observer) {
    return class LiveLoader extends mpegts.BaseLoader {
        constructor() {
            super('live-loader');
            this._needStash = true;
            this._abort = new AbortController();
            this._received = 0;
            this._socket = null;
            this._isOpen = false;
        }

        destroy() {
            this.abort();
            super.destroy();
        }

        open(source) {
            this._status = mpegts.LoaderStatus.kConnecting;
            observer.onRequest?.();
            if (/^wss?:/.test(source.url)) {
                try {
                    this._openSocket(source.url);
                } catch (error) {
                    this._fail(error.message); // an address or a policy that allows none
                }
            } else {
                this._openFetch(source.url).catch((error) => this._fail(error.message));
            }
        }

        abort() {
            const wasOver = this._isOver || this._status === mpegts.LoaderStatus.kComplete;
            this._abort.abort();
            this._socket?.close();
            this._status = mpegts.LoaderStatus.kComplete;
            if (!wasOver) {
                observer.onAbort?.();
            }
        }

        get _isOver() {
            return this._abort.signal.aborted;
        }

        _fail(message, detail = mpegts.LoaderErrors.EXCEPTION, code = -1) {
            if (this._isOver) {
                return;
            }
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

        _data(buffer) {
            if (this._isOver) {
                return;
            }
            const start = this._received;
            this._received += buffer.byteLength;
            this._status = mpegts.LoaderStatus.kBuffering;
            observer.onData(buffer);
            this._onDataArrival?.(buffer, start, this._received);
        }

        _complete() {
            if (this._isOver) {
                return;
            }
            this._status = mpegts.LoaderStatus.kComplete;
            this._onComplete?.(0, this._received - 1);
        }

        async _openFetch(url) {
            const response = await fetch(url, { cache: 'no-store', signal: this._abort.signal });
            if (!response.ok) {
                this._refuse({ status: response.status, reason: await reasonOf(response) });
                return;
            }
            observer.onOpen({ status: response.status, url: response.url });
            const reader = response.body.getReader();
            for (;;) {
                const { done, value } = await reader.read();
                if (done) {
                    break;
                }
                // A view may be smaller than its buffer.
                const isWhole = value.byteLength === value.buffer.byteLength;
                this._data(isWhole ? value.buffer : value.slice().buffer);
            }
            this._complete();
        }

        _openSocket(url) {
            const socket = new WebSocket(url);
            socket.binaryType = 'arraybuffer';
            socket.onopen = () => {
                this._isOpen = true;
                observer.onOpen({ status: 101, url });
            };
            socket.onmessage = (event) => {
                if (event.data instanceof ArrayBuffer) {
                    this._data(event.data);
                }
            };
            socket.onclose = async (event) => {
                if (this._isOpen) {
                    if (event.code > 4400 && event.code < 4600) {
                        // Refused after the handshake: the status is in the code.
                        this._refuse({ status: event.code - 4000, reason: event.reason });
                    } else if (event.wasClean) {
                        this._complete();
                    } else {
                        this._fail(event.reason || 'connection lost');
                    }
                    return;
                }
                const answer = await probe(url, this._abort.signal);
                if (answer?.status >= 400) {
                    this._refuse(answer);
                    return;
                }
                if (answer && !this._isOver) {
                    observer.onNoSocket();
                }
                this._fail(event.reason || 'the WebSocket could not be opened');
            };
            this._socket = socket;
        }
    };
}
