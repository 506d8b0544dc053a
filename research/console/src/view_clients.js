// All clients of the server.

import { ClientTable, clientType } from './client_table.js';
import { el, setText } from './dom.js';
import { countText } from './units.js';

const SHOWN_MAX = 500;

export class ClientsView {
    constructor(app) {
        this.app = app;
        this.needsClients = true;
        this.filter = el('input', {
            type: 'search', placeholder: 'Filter by address, stream, or kind', 'aria-label': 'Filter clients',
            oninput: () => this.update(),
        });
        this.note = el('p', { role: 'status' });
        this.table = new ClientTable(app, true);
        this.root = el('section', { 'aria-label': 'Clients' },
            el('div', { class: 'tools' }, this.filter), el('div', { class: 'card' }, this.note, this.table.root));
    }

    update() {
        const text = this.filter.value.trim().toLowerCase();
        const found = this.app.clients.filter((client) =>
            `${client.ip} ${client.url} ${client.name} ${client.type} ${clientType(client)}`.toLowerCase().includes(text));

        setText(this.note, found.length > SHOWN_MAX
            ? `${countText(found.length, 'client')}, the first ${SHOWN_MAX} are shown. Use the filter to find others.`
            : countText(found.length, 'client'));
        this.table.update(found.slice(0, SHOWN_MAX));
    }
}
