// The effective configuration, as a tree with a filter. Secrets are masked by the server.

import { el, setText } from './dom.js';

function leafText(value) {
    return value === null ? 'not set' : String(value);
}

/** The tree of a value; text: only branches that contain it. Gives null if nothing matches. */
function branch(name, value, text, isMatched) {
    const matches = isMatched || name.toLowerCase().includes(text);

    if (value === null || typeof value !== 'object') {
        return matches || leafText(value).toLowerCase().includes(text)
            ? el('p', {}, el('b', {}, `${name} `), leafText(value)) : null;
    }
    const children = Object.entries(value)
        .map(([key, child]) => branch(Array.isArray(value) ? `#${Number(key) + 1}` : key, child, text, matches))
        .filter(Boolean);

    return children.length > 0 || matches
        ? el('details', { open: true }, el('summary', {}, el('b', {}, name)), ...children) : null;
}

export class ConfigView {
    constructor(app) {
        this.app = app;
        this.filter = el('input', {
            type: 'search', placeholder: 'Filter by directive or value', 'aria-label': 'Filter the configuration',
            oninput: () => this.show(),
        });
        this.note = el('p', { role: 'status' });
        this.tree = el('div', { class: 'tree' });
        this.root = el('section', { 'aria-label': 'Configuration' },
            el('div', { class: 'tools' }, this.filter, el('button', { class: 'quiet', type: 'button', onclick: () => this.load() }, 'Read again')),
            el('div', { class: 'card' }, this.note, this.tree));
        this.load();
    }

    async load() {
        try {
            this.config = await this.app.readConfig();
            this.show();
        } catch (error) {
            setText(this.note, error.message);
            this.tree.replaceChildren();
        }
    }

    show() {
        const text = this.filter.value.trim().toLowerCase();
        const parts = Object.entries(this.config || {})
            .map(([name, value]) => branch(name, value, text, text === ''))
            .filter(Boolean);

        setText(this.note, parts.length > 0 ? '' : 'Nothing in the configuration matches.');
        this.tree.replaceChildren(...parts);
    }

    update() {}
}
