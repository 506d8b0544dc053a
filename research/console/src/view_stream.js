// One stream: its curves, its facts, its clients.

import { curve, drawCurve, el, setText } from './dom.js';
import { linePoints, viewersOf } from './history.js';
import { quantileOf, sumOf } from './metrics.js';
import { audioText, bytesText, countText, durationText, rateText, videoText } from './units.js';
import { ClientTable } from './client_table.js';
import { streamTitle } from './view_streams.js';

const CHARTS = { viewers: 'Viewers', in: 'Received', out: 'Sent to viewers' };

function msText(seconds) {
    return seconds === null ? '–' : `${Math.round(seconds * 1000)} ms`;
}

function recordText(record) {
    if (!record?.active) {
        return '–';
    }
    return record.file ? `${record.file}, ${bytesText(record.bytes)}` : 'waiting for a keyframe';
}

export class StreamView {
    constructor(app, id) {
        this.app = app;
        this.id = id;
        this.needsClients = true;
        this.title = el('h2');
        this.badge = el('span', { class: 'badge' });
        this.play = el('a', { class: 'quiet', target: '_blank', rel: 'noopener' }, 'Watch');
        this.stop = el('button', { class: 'danger', type: 'button', onclick: () => this.kickPublisher() }, 'Disconnect the encoder');
        this.record = el('button', { class: 'quiet', type: 'button', onclick: () => this.toggleRecord() });
        this.charts = Object.entries(CHARTS).map(([name, label]) => ({
            name, value: el('dd'), line: curve(`${label} over the last minutes`), label,
        }));
        this.facts = el('dl', { class: 'facts' });
        this.table = new ClientTable(app, false);
        this.root = el('section', { 'aria-label': 'Stream' },
            el('div', { class: 'row' }, el('a', { class: 'quiet', href: '#/streams' }, '← Streams'), this.title, this.badge, this.play, this.record, this.stop),
            el('div', { class: 'charts' }, ...this.charts.map(({ label, value, line }) =>
                el('div', { class: 'card chart' }, el('dl', {}, el('dt', {}, label), value), line))),
            el('div', { class: 'card' }, this.facts),
            el('div', { class: 'pair' }, el('div', { class: 'card' }, el('h2', {}, 'Clients'), this.table.root)));
    }

    get stream() {
        return this.app.streams.find((stream) => stream.id === this.id);
    }

    kickPublisher() {
        this.app.kick(this.stream?.publish?.cid, 'the encoder of this stream');
    }

    toggleRecord() {
        const { stream } = this;

        if (stream) {
            this.app.record(stream, !stream.record?.active);
        }
    }

    update() {
        const { stream } = this;
        const curves = this.app.history.of(this.id);

        if (!stream) {
            setText(this.title, 'This stream has ended');
            this.badge.hidden = this.play.hidden = this.record.hidden = this.stop.hidden = true;
            this.table.update([]);
            return;
        }
        this.showHead(stream);
        const values = { viewers: countText(viewersOf(stream), 'viewer'), in: rateText(curves.value('in')), out: rateText(curves.value('out')) };
        for (const { name, value, line } of this.charts) {
            setText(value, values[name]);
            drawCurve(line, linePoints(curves.points[name], 300, 60));
        }
        this.showFacts(stream);
        this.table.update(this.app.clients.filter((client) => client.stream === this.id));
    }

    showHead(stream) {
        const isLive = Boolean(stream.publish?.active);
        const page = this.app.playerUrl(stream);

        setText(this.title, streamTitle(stream));
        setText(this.badge, isLive ? 'live' : 'not published');
        this.badge.toggleAttribute('data-live', isLive);
        this.play.hidden = !isLive || !page;
        this.stop.hidden = !stream.publish?.cid;
        this.record.hidden = !isLive;
        this.record.setAttribute('aria-pressed', String(Boolean(stream.record?.active)));
        setText(this.record, stream.record?.active ? 'Stop recording' : 'Record');
        if (page) {
            this.play.href = page;
        }
    }

    showFacts(stream) {
        const encoder = this.app.clients.find((client) => client.id === stream.publish?.cid);
        const wanted = { app: stream.app, stream: stream.name };
        const lag = (q) => quantileOf(this.app.metrics, 'millrace_viewer_lag_seconds', q);
        const seen = (name) => msText(quantileOf(this.app.metrics, `millrace_qoe_${name}_seconds`, 0.5, wanted));
        const stalls = sumOf(this.app.metrics, 'millrace_qoe_stalls_total', wanted);
        const rows = [
            ['Video', videoText(stream.video)],
            ['Audio', audioText(stream.audio)],
            ['Published for', encoder ? durationText(encoder.alive) : '–'],
            ['Encoder', encoder ? encoder.ip : '–'],
            ['Received', bytesText(stream.recv_bytes)],
            ['Sent', bytesText(stream.send_bytes)],
            ['Video frames', Number(stream.frames).toLocaleString('en')],
            ['Viewer lag, all streams (50 %, 95 %)', `${msText(lag(0.5))}, ${msText(lag(0.95))}`],
            ['Start-up at viewers (50 %)', seen('startup')],
            ['Latency at viewers (50 %)', seen('latency')],
            ['Stalls at viewers', stalls === null ? '–' : stalls.toLocaleString('en')],
            ['Recording', recordText(stream.record)],
            ['Address', stream.tcUrl],
        ];

        if (this.facts.children.length !== rows.length) {
            this.facts.replaceChildren(...rows.map(([name]) => el('div', {}, el('dt', {}, name), el('dd'))));
        }
        rows.forEach(([, text], i) => setText(this.facts.children[i].lastChild, text));
    }
}
