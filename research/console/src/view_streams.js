// The list of streams: totals, a filter, and a card for each stream.

import { curve, drawCurve, el, fillList, setText } from './dom.js';
import { linePoints, viewersOf } from './history.js';
import { audioText, countText, percentText, rateText, videoText } from './units.js';

const SORTS = {
    viewers: ['Most viewers', (a, b) => viewersOf(b) - viewersOf(a)],
    rate: ['Highest bit rate', (a, b) => (b.kbps?.recv_30s ?? 0) - (a.kbps?.recv_30s ?? 0)],
    name: ['Name', () => 0],
};

export function streamTitle(stream) {
    return stream.url.replace(/^\//, '');
}

function total(label, points) {
    const value = el('dd');
    const line = points ? curve(label) : null;

    return { node: el('div', { class: 'card' }, el('dt', {}, label), value, line), value, line, points };
}

export class StreamsView {
    constructor(app) {
        this.app = app;
        this.totals = {
            streams: total('Streams'),
            viewers: total('Viewers', 'viewers'),
            in: total('Received', 'in'),
            out: total('Sent', 'out'),
            lag: total('Viewer lag (95 %)', 'lag'),
            cpu: total('CPU'),
            memory: total('Memory'),
        };
        this.filter = el('input', {
            type: 'search', placeholder: 'Filter by name', 'aria-label': 'Filter by name',
            oninput: () => this.update(),
        });
        this.sort = el('select', { 'aria-label': 'Order', onchange: () => this.update() },
            ...Object.entries(SORTS).map(([value, [label]]) => el('option', { value }, label)));
        this.pictures = el('button', { class: 'quiet', type: 'button', onclick: () => this.togglePictures() });
        this.list = el('ul', { class: 'streams' });
        this.empty = el('div', { class: 'card empty', hidden: true });
        this.root = el('section', { 'aria-label': 'Streams' },
            el('dl', { class: 'totals' }, ...Object.values(this.totals).map(({ node }) => node)),
            el('div', { class: 'tools' }, this.filter, this.sort, this.pictures), this.empty, this.list);
        this.markPictures();
    }

    togglePictures() {
        this.app.pictures.toggle();
        this.markPictures();
    }

    markPictures() {
        setText(this.pictures, this.app.pictures.isOn ? 'Pictures: on' : 'Pictures: off');
    }

    update() {
        const { streams, history } = this.app;
        const text = this.filter.value.trim().toLowerCase();
        const found = streams.filter((stream) => streamTitle(stream).toLowerCase().includes(text));

        this.showTotals();
        found.sort((a, b) =>
            SORTS[this.sort.value][1](a, b) || streamTitle(a).localeCompare(streamTitle(b)));
        this.showEmpty(found.length, text);
        fillList(this.list, found, (stream) => this.make(stream),
            (card, stream) => this.fill(card, stream, history.of(stream.id)));
        this.app.pictures.work();
    }

    showTotals() {
        const { streams, history, summary } = this.app;
        const values = {
            streams: String(streams.filter((stream) => stream.publish?.active).length),
            viewers: history.total.value('viewers').toLocaleString('en'),
            in: rateText(history.total.value('in')),
            out: rateText(history.total.value('out')),
            lag: this.app.hasMetrics ? `${Math.round(history.total.value('lag'))} ms` : '–',
            cpu: percentText(summary?.self?.cpu_percent),
            memory: summary?.self?.mem_kbyte > 0 ? `${Math.round(summary.self.mem_kbyte / 1024)} MiB` : '–',
        };

        this.totals.lag.node.hidden = !this.app.hasMetrics;
        for (const [name, { value, line, points }] of Object.entries(this.totals)) {
            setText(value, values[name]);
            if (line) {
                drawCurve(line, linePoints(history.total.points[points], 300, 60));
            }
        }
    }

    showEmpty(count, text) {
        this.empty.hidden = count > 0;
        if (count === 0) {
            this.empty.replaceChildren(
                el('strong', {}, text ? 'No stream has this name' : 'No streams'),
                text ? 'Clear the filter to see all streams.' : 'A stream appears here when an encoder publishes it or a viewer waits for it.');
        }
    }

    make(stream) {
        const href = `#/streams/${encodeURIComponent(stream.id)}`;

        return el('li', { class: 'card stream', 'data-entry': href },
            el('a', { class: 'picture', href, tabindex: '-1', 'aria-hidden': 'true' }),
            el('div', { class: 'stream-text' },
                el('div', { class: 'row' }, el('h2', {}, el('a', { href })), el('span', { class: 'badge' })),
                el('p'), el('div', { class: 'numbers' }, el('span'), el('span')),
                curve('Viewers over the last minutes')));
    }

    fill(card, stream, curves) {
        const [viewers, rate] = card.querySelectorAll('.numbers span');
        const badge = card.querySelector('.badge');
        const isLive = Boolean(stream.publish?.active);

        setText(card.querySelector('h2 a'), streamTitle(stream));
        setText(badge, isLive ? 'live' : 'not published');
        badge.toggleAttribute('data-live', isLive);
        setText(card.querySelector('p'), isLive ? `${videoText(stream.video)} · ${audioText(stream.audio)}` : 'Viewers wait for this stream.');
        setText(viewers, countText(viewersOf(stream), 'viewer'));
        setText(rate, rateText(curves.value('in')));
        drawCurve(card.querySelector('.curve'), linePoints(curves.points.viewers, 300, 60));
        this.app.pictures.watch(card.querySelector('.picture'), stream);
    }
}
