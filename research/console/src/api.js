// The server's API: requests, sign-in, and where the server's HTTP port is.

const PATIENCE_MS = 5000;
const KEY = 'millrace-console-login ';

/** An answer that is not what was asked for. status: the HTTP status, 0 without an answer. */
export class ApiError extends Error {
    constructor(message, status) {
        super(message);
        this.status = status;
    }
}

/**
 * The API's address: this page's own server, or ?port=PORT of the same host. Not any other host: a
 * link must not make the console send the password elsewhere.
 */
export function apiBase(location) {
    const port = new URLSearchParams(location.search).get('port');

    if (port && /^\d{1,5}$/.test(port)) {
        return `${location.protocol}//${location.hostname}:${port}`;
    }
    return '';
}

export class Api {
    constructor(base) {
        this.base = base;
        this.login = sessionStorage.getItem(KEY + base);
    }

    get isSignedIn() {
        return this.login !== null;
    }

    signIn(user, password) {
        const bytes = new TextEncoder().encode(`${user}:${password}`);

        this.login = btoa(String.fromCharCode(...bytes));
        sessionStorage.setItem(KEY + this.base, this.login);
    }

    signOut() {
        this.login = null;
        sessionStorage.removeItem(KEY + this.base);
    }

    async #fetch(path, method, body) {
        const headers = this.login ? { Authorization: `Basic ${this.login}` } : {};

        if (body) {
            headers['Content-Type'] = 'application/json';
        }

        try {
            return await fetch(this.base + path, {
                method,
                headers,
                body: body && JSON.stringify(body),
                cache: 'no-store',
                credentials: 'omit', // the browser would ask for a password in its own dialog
                signal: AbortSignal.timeout(PATIENCE_MS),
            });
        } catch {
            throw new ApiError('The server does not answer.', 0);
        }
    }

    /** The JSON of /api/v1/PATH. sent: an object for the body of the request. */
    async get(path, method = 'GET', sent = undefined) {
        const response = await this.#fetch(`/api/v1/${path}`, method, sent);
        let body;

        try {
            body = await response.json();
        } catch {
            throw new ApiError(`The answer to ${path} is not JSON.`, response.status);
        }
        if (!response.ok) {
            throw new ApiError(body.reason || `Status ${response.status}.`, response.status);
        }
        if (body.code !== 0) {
            throw new ApiError(body.reason || `Code ${body.code}.`, response.status);
        }
        return body;
    }

    /** Disconnects a client. */
    kick(id) {
        return this.get(`clients/${encodeURIComponent(id)}`, 'DELETE');
    }

    /** Starts or stops a recording; the answer has its state. */
    record(id, isStart) {
        return this.get(`streams/${encodeURIComponent(id)}/record`, 'POST', { action: isStart ? 'start' : 'stop' });
    }

    /** The text of /metrics, or '' if this server does not export it. */
    async metrics() {
        const response = await this.#fetch('/metrics', 'GET');
        const isText = (response.headers.get('content-type') || '').startsWith('text/plain');

        return response.ok && isText ? response.text() : '';
    }

    /** All entries of a list that the API gives in parts. */
    async all(name, max = 2000) {
        const found = [];
        const PART = 500;

        while (found.length < max) {
            const body = await this.get(`${name}?start=${found.length}&count=${PART}`);
            const part = body[name] || [];

            found.push(...part);
            if (part.length < PART) {
                break;
            }
        }
        return found;
    }
}
