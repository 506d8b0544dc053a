// A table of clients with a button that disconnects each.

import { el, fillList, setText } from './dom.js';
import { bytesText, durationText, rateText } from './units.js';

const TYPES = {
    'rtmp-play': 'RTMP viewer',
    'flv-play': 'HTTP viewer',
    'ts-play': 'HTTP-TS viewer',
    'mp3-play': 'MP3 listener',
    'aac-play': 'AAC listener',
    'fmle-publish': 'encoder',
    'flash-publish': 'encoder',
};

export function clientType(client) {
    return TYPES[client.type] || client.type;
}

export class ClientTable {
    /** hasStream: whether the table has a column for the client's stream. */
    constructor(app, hasStream) {
        this.app = app;
        this.hasStream = hasStream;
        this.body = el('tbody');
        this.empty = el('p', { class: 'empty' }, 'No clients');
        this.columns = ['Address', 'Kind', ...(hasStream ? ['Stream'] : []), 'Connected for', 'Bit rate', 'Bytes', 'Page'];
        this.root = el('div', { class: 'scroll' }, this.empty, el('table', {},
            el('thead', {}, el('tr', {}, ...this.columns.map((name) => el('th', { scope: 'col' }, name)),
                el('th', { scope: 'col' }, el('span', { class: 'skip' }, 'Actions')))),
            this.body));
    }

    update(clients) {
        this.empty.hidden = clients.length > 0;
        this.root.lastChild.hidden = clients.length === 0;
        fillList(this.body, clients, (client) => this.make(client), (row, client) => this.fill(row, client));
    }

    make(client) {
        const cells = this.columns.map((name) => el('td', { 'data-label': name }));

        return el('tr', { 'data-entry': '' }, ...cells, el('td', {}, el('button', {
            class: 'danger', type: 'button', 'aria-label': `Disconnect ${client.ip}`,
            onclick: () => this.app.kick(client.id, `${client.ip} (${clientType(client)})`),
        }, 'Disconnect')));
    }

    fill(row, client) {
        const rate = client.publish ? client.kbps?.recv_30s : client.kbps?.send_30s;
        const texts = [
            client.ip || 'UNIX socket',
            clientType(client),
            ...(this.hasStream ? [client.url || client.name] : []),
            durationText(client.alive),
            rateText(rate),
            bytesText(client.publish ? client.recv_bytes : client.send_bytes),
            client.pageUrl || '',
        ];

        texts.forEach((text, i) => setText(row.children[i], text));
    }
}
