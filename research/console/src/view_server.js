// The server's health: the process, the machine, and what viewers reported.

import { el, setText } from './dom.js';
import { quantileOf, sumOf } from './metrics.js';
import { bytesText, durationText, percentText } from './units.js';

function secondsText(seconds) {
    return seconds === null ? '–' : `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
}

function numberText(value) {
    return value === null || value === undefined ? '–' : Number(value).toLocaleString('en');
}

class Facts {
    constructor(title) {
        this.list = el('dl', { class: 'facts' });
        this.root = el('div', { class: 'card' }, el('h2', {}, title), this.list);
    }

    show(rows) {
        if (this.list.children.length !== rows.length) {
            this.list.replaceChildren(...rows.map(([name]) => el('div', {}, el('dt', {}, name), el('dd'))));
        }
        rows.forEach(([, text], i) => setText(this.list.children[i].lastChild, text));
    }
}

export class ServerView {
    constructor(app) {
        this.app = app;
        this.process = new Facts('Process');
        this.machine = new Facts('Machine');
        this.quality = new Facts('Viewers, all streams');
        this.note = el('p', { hidden: true }, 'The server exports no metrics: set “exporter { enabled on; }” to see latencies here.');
        this.root = el('section', { 'aria-label': 'Server' },
            el('div', { class: 'pair' }, this.process.root, this.machine.root),
            this.quality.root, this.note);
    }

    update() {
        const { summary, versions, metrics } = this.app;
        const self = summary?.self || {};
        const system = summary?.system || {};

        this.process.show([
            ['Version', `${versions?.name || ''} ${versions?.release || versions?.version || '–'}`.trim()],
            ['Server id', this.app.serverId || '–'],
            ['Process', String(self.pid ?? '–')],
            ['Running for', durationText(self.srs_uptime)],
            ['CPU, of one core', percentText(self.cpu_percent)],
            ['Memory', self.mem_kbyte > 0 ? bytesText(self.mem_kbyte * 1024) : '–'],
            ['Clients', numberText(system.conn_srs)],
            ['Event loop late (50 %, 99 %)', `${secondsText(quantileOf(metrics, 'millrace_loop_lag_seconds', 0.5))}, ${secondsText(quantileOf(metrics, 'millrace_loop_lag_seconds', 0.99))}`],
        ]);
        this.machine.show([
            ['Processors', numberText(system.cpus_online)],
            ['CPU', percentText(system.cpu_percent)],
            ['Memory used', percentText(system.mem_ram_percent)],
            ['Load', [system.load_1m, system.load_5m, system.load_15m].map((v) => v?.toFixed(2) ?? '–').join(' · ')],
            ['Up for', durationText(system.uptime)],
            ['TCP connections', numberText(system.conn_sys_et)],
        ]);
        this.quality.show([
            ['Start of playback (50 %, 95 %)', ['0.5', '0.95'].map((q) => secondsText(quantileOf(metrics, 'millrace_startup_seconds', Number(q)))).join(', ')],
            ['Viewer lag (50 %, 95 %)', ['0.5', '0.95'].map((q) => secondsText(quantileOf(metrics, 'millrace_viewer_lag_seconds', Number(q)))).join(', ')],
            ['Keyframe jumps', numberText(sumOf(metrics, 'millrace_stream_keyframe_jumps_total'))],
            ['Refusals', numberText(sumOf(metrics, 'millrace_refusals_total'))],
            ['Reported by players: stalls', numberText(sumOf(metrics, 'millrace_qoe_stalls_total'))],
            ['Reported by players: errors', numberText(sumOf(metrics, 'millrace_qoe_errors_total'))],
        ]);
        this.note.hidden = metrics.size > 0;
    }
}
