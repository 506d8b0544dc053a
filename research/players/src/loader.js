// Fetches a live stream for mpegts.js, by HTTP or by WebSocket, and tells an observer what the
// library would keep to itself: that the server has not answered yet (it waits for a publisher),
// the status and the JSON reason of a refusal, every piece of data as it comes.
//
// observer: onOpen({ status, url }), onData(bytes), onRefused({ status, reason })

const ERROR_BODY_MAX = 16384;

async function reasonOf(response) {
    try {
        const text = (await response.text()).slice(0, ERROR_BODY_MAX);
        return String(JSON.parse(text).reason || '');
    } catch {
        return ''; // not ours: a proxy's page
    }
}

// A browser tells nothing of why a WebSocket failed; the same address by HTTP does.
async function probe(url, signal) {
    try {
        const response = await fetch(url.replace(/^ws/, 'http'), { method: 'HEAD', signal });
        return response.ok ? null : { status: response.status, reason: '' };
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
        }

        destroy() {
            this.abort();
            super.destroy();
        }

        open(source) {
            this._status = mpegts.LoaderStatus.kConnecting;
            if (/^wss?:/.test(source.url)) {
                this._openSocket(source.url);
            } else {
                this._openFetch(source.url).catch((error) => this._fail(error.message));
            }
        }

        abort() {
            this._abort.abort();
            this._socket?.close();
            this._status = mpegts.LoaderStatus.kComplete;
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
            observer.onData(buffer.byteLength);
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
            socket.onopen = () => observer.onOpen({ status: 101, url });
            socket.onmessage = (event) => {
                if (event.data instanceof ArrayBuffer) {
                    this._data(event.data);
                }
            };
            socket.onclose = async (event) => {
                if (this._received > 0 && event.wasClean) {
                    this._complete();
                    return;
                }
                const answer = this._received > 0 ? null : await probe(url, this._abort.signal);
                if (answer) {
                    this._refuse(answer);
                } else {
                    this._fail(event.reason || 'the WebSocket was closed');
                }
            };
            this._socket = socket;
        }
    };
}
