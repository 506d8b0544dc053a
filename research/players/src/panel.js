// What is shown beside the picture: the chosen stream's figures, and lines to copy.

import { commandLines } from './address.js';
import { Chart } from './chart.js';
import { serverFacts } from './facts.js';
import { bytesText, codecText, rateText, secondsText } from './words.js';

const $ = (id) => document.getElementById(id);

function show(id, text) {
    const element = $(id);
    if (element.textContent !== text) {
        element.textContent = text;
    }
}

/** Puts a text into the clipboard and says so for a moment on a label. */
export async function copyText(text, label) {
    let isCopied = true;
    const before = label.textContent;
    try {
        await navigator.clipboard.writeText(text);
    } catch {
        // Without https there is no clipboard to write to but the old way.
        const field = document.createElement('textarea');
        field.value = text;
        document.body.append(field);
        field.select();
        isCopied = document.execCommand('copy');
        field.remove();
    }
    label.textContent = isCopied ? 'Copied' : 'Failed';
    setTimeout(() => (label.textContent = before), 1500);
}

export class Panel {
    constructor() {
        this._latency = new Chart($('c-latency'), 1);
        this._bitrate = new Chart($('c-bitrate'), 500_000);
        this._ticks = 0;
    }

    clear() {
        this._latency.clear();
        this._bitrate.clear();
    }

    showFigures(session) {
        const figures = session.statistics;
        const hasPicture = figures.width > 0;
        show('f-latency', secondsText(figures.latency));
        $('d-true').hidden = figures.trueLatency === null;
        show('f-true', secondsText(figures.trueLatency));
        show('f-true-by', figures.trueLatencyBy === 'encoder' ? 'since the encoder' : 'since the server');
        show('f-bitrate', rateText(figures.bitrate));
        show('f-buffer', secondsText(session.player ? figures.buffer : null));
        show('f-bytes', bytesText(figures.bytes));
        show('f-picture', hasPicture ? `${figures.width} × ${figures.height}` : '–');
        show('f-fps', figures.framesPerSecond ? figures.framesPerSecond.toFixed(0) : '–');
        show('f-video', codecText(figures.videoCodec) || '–');
        show('f-audio', codecText(figures.audioCodec) || '–');
        const share = figures.decodedFrames
            ? ` (${((figures.droppedFrames * 100) / figures.decodedFrames).toFixed(1)} %)`
            : '';
        show('f-dropped', `${figures.droppedFrames}${share}`);
        show('f-reloads', String(figures.reloads));
        $('state').dataset.state = session.state;
        show('state', session.state);
        this._ticks += 1;
        if (this._ticks % 2 === 0 && session.player && figures.bytes > 0) {
            this._latency.add(figures.latency);
            this._bitrate.add(figures.bitrate);
        }
    }

    showAddress(address) {
        show('stream-name', `${address.app}/${address.stream}`);
        this._address = address;
        serverFacts(address).then(({ rtmpPort }) => {
            if (this._address === address) {
                this._showLines(commandLines(address, rtmpPort));
            }
        });
    }

    _showLines(texts) {
        const lines = texts.map(({ label, text }) => {
            const item = $('line').content.cloneNode(true);
            item.querySelector('.line-label').textContent = label;
            item.querySelector('code').textContent = text;
            const button = item.querySelector('button');
            button.setAttribute('aria-label', `Copy: ${label}`);
            button.addEventListener('click', () => copyText(text, button.querySelector('span')));
            return item;
        });
        $('lines').replaceChildren(...lines);
    }
}
