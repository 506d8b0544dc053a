// The console: asks the API, keeps what it answers, and shows the view that the address names.

import { Api, ApiError, apiBase } from './api.js';
import { History } from './history.js';
import { bucketsOf, bucketsSince, parseMetrics, quantileOfBuckets } from './metrics.js';
import { bindKeys } from './keys.js';
import { Pictures } from './pictures.js';
import { ClientsView } from './view_clients.js';
import { ConfigView } from './view_config.js';
import { ServerView } from './view_server.js';
import { StreamView } from './view_stream.js';
import { StreamsView } from './view_streams.js';
import { el, setText } from './dom.js';

const POLL_MS = 2000;
const NOTICE_MS = 5000;

class Console {
    constructor() {
        this.api = new Api(apiBase(location));
        this.history = new History();
        this.pictures = new Pictures((stream) => this.flvUrl(stream));
        this.streams = [];
        this.clients = [];
        this.metrics = new Map();
        this.summary = null;
        this.versions = null;
        this.serverId = '';
        this.httpPort = '';
        this.hasMetrics = false;
        this.view = null;
    }

    /* ---- addresses ---- */

    /** The origin that serves streams: this page's, or the HTTP port of the configuration. */
    get httpOrigin() {
        const isOther = this.httpPort && this.httpPort !== location.port;

        return isOther ? `http://${location.hostname}:${this.httpPort}` : location.origin;
    }

    flvUrl(stream) {
        const path = [stream.app, stream.name].filter(Boolean).map(encodeURIComponent).join('/');
        const query = stream.url.startsWith('/') ? '' : `?vhost=${encodeURIComponent(stream.url.split('/')[0])}`;

        return `${this.httpOrigin}/${path}.flv${query}`;
    }

    playerUrl(stream) {
        return `${this.httpOrigin}/players/?${new URLSearchParams({ url: this.flvUrl(stream) })}`;
    }

    /* ---- what the server says ---- */

    async readConfig() {
        const body = await this.api.get('config');

        return body.data ?? body.config;
    }

    /** What the console needs to know; the port is the last number of the first address. */
    readSettings(config) {
        const listen = [config?.http_server?.listen ?? []].flat().join(' ').split(/\s+/)[0];

        this.httpPort = /(\d+)$/.exec(listen)?.[1] || '';
        this.hasMetrics = Boolean(config?.exporter?.enabled);
    }

    /** How much of the stream 95 % of the viewers still miss, in ms, since the last reading; or null. */
    lagMs() {
        const buckets = bucketsOf(this.metrics, 'millrace_viewer_lag_seconds');
        const recent = bucketsSince(buckets, this.lagBuckets || buckets);
        const seconds = quantileOfBuckets(recent, 0.95);

        this.lagBuckets = buckets;
        return seconds === null ? null : seconds * 1000;
    }

    async poll() {
        try {
            if (this.versions === null) {
                const body = await this.api.get('versions');
                this.versions = body.data;
                this.serverId = body.server;
                this.readSettings(await this.readConfig());
            }
            const [summary, streams, clients, metrics] = await Promise.all([
                this.api.get('summaries'),
                this.api.all('streams'),
                this.view?.needsClients ? this.api.all('clients') : [],
                this.hasMetrics ? this.api.metrics() : '',
            ]);
            this.summary = summary.data;
            this.streams = streams;
            this.clients = clients;
            this.metrics = parseMetrics(metrics);
            this.history.add(streams, performance.now(), this.lagMs());
            this.setState('good', 'connected');
            this.view?.update();
        } catch (error) {
            this.fail(error);
        }
    }

    fail(error) {
        if (!(error instanceof ApiError)) {
            throw error;
        }
        if (error.status === 401) {
            this.setState('bad', 'signed out');
            this.askLogin(this.api.isSignedIn ? 'The user name or the password is wrong.' : '');
        } else if (error.status === 403 || error.status === 404) {
            this.versions = null;
            this.setState('bad', 'no access');
            this.notice(this.noAccessText(error));
        } else {
            this.versions = null;
            this.setState('bad', error.status === 0 ? 'unreachable' : 'error');
            this.notice(error.message);
        }
    }

    noAccessText({ status, message }) {
        return status === 404
            ? 'This port does not serve the API. Open the console at the port of http_api, or add ?port=1985 to the address.'
            : message;
    }

    setState(state, text) {
        const node = document.getElementById('state');

        node.dataset.state = state;
        setText(node, text);
        document.getElementById('sign-out').hidden = !this.api.isSignedIn;
    }

    async run() {
        for (;;) {
            if (!document.hidden && !document.getElementById('sign-in').open) {
                await this.poll();
            }
            await new Promise((resolve) => {
                this.wake = resolve;
                setTimeout(resolve, POLL_MS);
            });
        }
    }

    /* ---- dialogs ---- */

    askLogin(note) {
        const dialog = document.getElementById('sign-in');

        setText(document.getElementById('sign-in-note'), note);
        if (!dialog.open) {
            dialog.showModal();
        }
    }

    notice(text) {
        const node = document.getElementById('notice');

        setText(node, text);
        node.hidden = false;
        clearTimeout(this.noticeTimer);
        this.noticeTimer = setTimeout(() => { node.hidden = true; }, NOTICE_MS);
    }

    confirm(title, text) {
        const dialog = document.getElementById('confirm');

        setText(document.getElementById('confirm-title'), title);
        setText(document.getElementById('confirm-text'), text);
        dialog.returnValue = 'no';
        dialog.showModal();
        return new Promise((resolve) => {
            dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
        });
    }

    async kick(id, what) {
        if (!id || !(await this.confirm(`Disconnect ${what}?`, 'The client may connect again. To keep it out, use security rules, tokens, or hooks.'))) {
            return;
        }
        try {
            await this.api.kick(id);
            this.notice(`Disconnected ${what}.`);
            this.wake?.();
        } catch (error) {
            this.notice(error.message);
        }
    }

    async record(stream, isStart) {
        try {
            const { record } = await this.api.record(stream.id, isStart);

            stream.record = record;
            this.notice(isStart ? `Recording ${stream.name}.` : `Stopped recording ${stream.name}.`);
            this.view.update();
            this.wake?.();
        } catch (error) {
            this.notice(error.message);
        }
    }

    /* ---- views ---- */

    route() {
        const [name = 'streams', id] = location.hash.replace(/^#\//, '').split('/').map(decodeURIComponent);
        const make = {
            streams: () => (id ? new StreamView(this, id) : new StreamsView(this)),
            clients: () => new ClientsView(this),
            server: () => new ServerView(this),
            config: () => new ConfigView(this),
        }[name] || (() => new StreamsView(this));

        this.view = make();
        document.getElementById('view').replaceChildren(this.view.root);
        for (const link of document.querySelectorAll('#tabs a')) {
            const isHere = link.hash === `#/${name || 'streams'}`;
            isHere ? link.setAttribute('aria-current', 'page') : link.removeAttribute('aria-current');
        }
        this.view.update();
        this.wake?.();
    }

    start() {
        const signIn = document.getElementById('sign-in');

        signIn.addEventListener('close', () => {
            const [user, password] = ['user', 'password'].map((id) => document.getElementById(id));
            if (user.value !== '') {
                this.api.signIn(user.value, password.value);
                password.value = '';
            }
            this.wake?.();
        });
        document.getElementById('sign-out').addEventListener('click', () => {
            this.api.signOut();
            this.wake?.();
        });
        addEventListener('hashchange', () => this.route());
        document.addEventListener('visibilitychange', () => this.wake?.());
        bindKeys(this);
        this.route();
        this.run();
    }
}

const app = new Console();
window.millraceConsole = app; // for tests and for curious operators
if (!window.mpegts) {
    document.head.append(el('meta', { name: 'pictures', content: 'unavailable' }));
}
app.start();
