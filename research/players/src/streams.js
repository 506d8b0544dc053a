// The list of what the server has: asked of its API, shown with a button to play each stream and
// one to put it beside the others.

import { listText, viewersText } from './words.js';

const REFRESH_MS = 5000;
const PATIENCE_MS = 4000;
const OFF = 'The list of streams is disabled. “http_api { enabled on; }” in the configuration enables it.';

/** Events: "play" and "add", with the list's item as detail. */
export class StreamList extends EventTarget {
    constructor(root) {
        super();
        this.root = root;
        this._list = root.querySelector('ul');
        this._note = root.querySelector('.note');
        this._template = root.querySelector('template');
        this._url = '';
        this._isOff = false;
        root.querySelector('.refresh').addEventListener('click', () => this.refresh());
        setInterval(() => this._isOff || document.hidden || this.refresh(), REFRESH_MS);
    }

    /** Which server is asked; isPlaying: whether an item is on the page. */
    show(url, isPlaying) {
        this._isPlaying = isPlaying;
        if (url !== this._url) {
            this._url = url;
            this._isOff = false;
            this._list.replaceChildren();
            this.refresh();
        } else {
            this._mark();
        }
    }

    async refresh() {
        const url = this._url;
        const { items, note, isOff } = await this._ask(url);
        if (url !== this._url) {
            return; // another server was chosen in between
        }
        this._isOff = isOff;
        this._note.textContent = note;
        this._fill(items);
    }

    async _ask(url) {
        try {
            const signal = AbortSignal.timeout(PATIENCE_MS);
            const response = await fetch(url, { cache: 'no-store', signal });
            if (response.status === 404) {
                return { items: [], note: OFF, isOff: true };
            }
            if (!response.ok) {
                const note = `The server refused the list: ${response.status}.`;
                return { items: [], note, isOff: true };
            }
            const answer = await response.json();
            const items = Array.isArray(answer.streams) ? answer.streams : [];
            return { items, note: items.length > 0 ? '' : 'No stream is published at the moment.' };
        } catch {
            return { items: [], note: 'Cannot load the list of streams.' };
        }
    }

    // Rows that are there already are kept: a click must not lose its button.
    _fill(items) {
        const rows = new Map([...this._list.children].map((row) => [row.dataset.id, row]));
        const wanted = items.map((item) => {
            const row = rows.get(String(item.id)) || this._make();
            row.dataset.id = item.id;
            row.item = item;
            row.querySelector('.item-name').textContent = `${item.app}/${item.name}`;
            row.querySelector('.item-count').textContent = viewersText(item);
            row.querySelector('.item-text').textContent = listText(item);
            return row;
        });
        if (wanted.some((row, i) => this._list.children[i] !== row) || rows.size !== items.length) {
            this._list.replaceChildren(...wanted);
        }
        this._mark();
    }

    _make() {
        const row = this._template.content.firstElementChild.cloneNode(true);
        const tell = (name) =>
            this.dispatchEvent(new CustomEvent(name, { detail: row.item }));
        row.querySelector('.item-play').addEventListener('click', () => tell('play'));
        row.querySelector('.item-add').addEventListener('click', () => tell('add'));
        return row;
    }

    _mark() {
        for (const row of this._list.children) {
            row.toggleAttribute('data-playing', Boolean(this._isPlaying?.(row.item)));
        }
    }
}
