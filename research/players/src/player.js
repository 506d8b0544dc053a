// The page: holds its streams, and hands them what people do.

import * as addresses from './address.js';
import { ladderOf } from './ladder.js';
import { copyText, Panel } from './panel.js';
import { StreamList } from './streams.js';
import { BACK_SECONDS, Tile } from './tile.js';

const $ = (id) => document.getElementById(id);
const { mpegts } = window;
const SOUND_KEY = 'millrace.sound';
// Browsers open so many connections to one server by HTTP/1.1; a WebSocket counts apart.
const HTTP_CONNECTIONS = 6;

const page = addresses.pageFromQuery(location.search, location);
const panel = new Panel();
const list = new StreamList($('streams'));
const tiles = [];
let chosen = null;
let { latency } = page;
let isTransportChosen = false;
let ladder = null; // of the chosen stream

// What is shown.

function showPage() {
    const { address } = chosen;
    const isAlone = tiles.length === 1;
    $('grid').dataset.count = tiles.length;
    tiles.forEach((tile) => tile.choose(tile === chosen, isAlone));
    $('address').value = addresses.streamUrl(address);
    document.title = `${address.app}/${address.stream} – Millrace player`;
    panel.showAddress(address);
    panel.showFigures(chosen.session);
    document.querySelector(`[name=format][value=${addresses.formatOf(address)}]`).checked = true;
    document.querySelector(`[name=transport][value=${addresses.transportOf(address)}]`).checked = true;
    showLatency();
    showLimit();
    showQualities();
    list.show(addresses.listUrl(address), (item) =>
        tiles.some((tile) =>
            addresses.isSameStream(tile.address, addresses.addressFromList(item, tile.address))));
}

function showLatency() {
    const select = $('latency');
    const value = String(latency);
    if (![...select.options].some((option) => option.value === value)) {
        select.add(new Option(`${value} s`, value));
    }
    select.value = value;
}

// The menu of the stream's ladder, if it has one. At the address of a ladder the server is to choose,
// unless the address says otherwise.
async function showQualities() {
    const tile = chosen;
    const { address } = tile;
    const found = await ladderOf(address);
    if (tile !== chosen || address !== tile.address) {
        return;
    }
    ladder = found;
    $('quality-choice').hidden = !found;
    if (!found) {
        return;
    }
    const wanted = addresses.qualityOf(address);
    if (found.isOwn && !wanted && addresses.formatOf(address) === 'flv') {
        replay((own) => addresses.withQuality(own, found.name, addresses.QUALITY_AUTO));
        return;
    }
    const names = [addresses.QUALITY_AUTO, ...found.qualities];
    const options = names.map((name) => new Option(name === addresses.QUALITY_AUTO ? 'Auto' : name, name));
    $('quality').replaceChildren(...options);
    $('quality').value = wanted || found.quality;
}

// Beyond the browser's limit a stream would wait forever without a visible reason.
function showLimit() {
    const counts = new Map();
    for (const { address } of tiles) {
        if (addresses.transportOf(address) === 'http') {
            const host = addresses.hostOf(address);
            counts.set(host, (counts.get(host) || 0) + 1);
        }
    }
    const most = Math.max(0, ...counts.values());
    $('limit').hidden = most < HTTP_CONNECTIONS;
    $('limit-count').textContent = String(most);
}

function keepAddress() {
    const streams = tiles.map((tile) => tile.address);
    history.replaceState(null, '', addresses.pageQuery(streams, latency));
}

// Streams.

function choose(tile) {
    if (tile !== chosen && tiles.includes(tile)) {
        chosen = tile;
        panel.clear();
        showPage();
    }
}

function play(tile, address, options = {}) {
    tile.open(address, { latency, ...options });
    if (tile === chosen) {
        panel.clear();
    }
    showPage();
}

function add(address, options = {}) {
    const tile = new Tile($('tile'), mpegts);
    tile.video.volume = storedVolume();
    tiles.push(tile);
    chosen ||= tile;
    tile.choose(tile === chosen, tiles.length === 1);
    $('grid').append(tile.root);
    tile.addEventListener('choose', () => choose(tile));
    tile.addEventListener('close', () => remove(tile));
    tile.addEventListener('fallback', () => {
        showPage();
        keepAddress();
    });
    const showIfChosen = () => tile === chosen && panel.showFigures(tile.session);
    tile.addEventListener('tick', showIfChosen);
    tile.addEventListener('change', showIfChosen);
    // A ladder may have got its rungs meanwhile.
    tile.addEventListener('change', () => {
        const isNews = ['playing', 'missing', 'waiting'].includes(tile.session.state);
        if (tile === chosen && isNews && !ladder) {
            showQualities();
        }
    });
    tile.video.addEventListener('volumechange', () => tile === chosen && storeVolume(tile.video));
    play(tile, address, options);
    return tile;
}

function remove(tile) {
    if (tiles.length < 2) {
        return;
    }
    tiles.splice(tiles.indexOf(tile), 1);
    tile.destroy();
    if (tile === chosen) {
        chosen = tiles[0];
    }
    showPage();
    keepAddress();
}

// A stream beside others goes by WebSocket, unless the user said which it shall be.
function addBeside(address) {
    if (tiles.length >= addresses.TILES_MAX) {
        return;
    }
    const isFree = !isTransportChosen;
    add(isFree ? addresses.withTransport(address, 'ws') : address, { mayFallBack: isFree });
    keepAddress();
}

function replay(change) {
    play(chosen, change(chosen.address));
    keepAddress();
}

// The volume is kept; without storage (private windows) it is forgotten.

function storedVolume() {
    try {
        const stored = localStorage.getItem(SOUND_KEY);
        return stored === null ? 1 : Math.min(1, Math.max(0, Number(stored) || 0));
    } catch {
        return 1;
    }
}

function storeVolume(video) {
    try {
        localStorage.setItem(SOUND_KEY, String(video.volume));
    } catch {
        // As above.
    }
}

// What people do.

function entered() {
    const address = addresses.addressFromText($('address').value.trim(), location);
    $('address').setAttribute('aria-invalid', String(!address));
    return address;
}

$('address-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const address = entered();
    if (address) {
        replay(() => address);
    }
});
$('beside').addEventListener('click', () => {
    const address = entered();
    if (address) {
        addBeside(address);
    }
});
list.addEventListener('play', ({ detail }) => {
    replay((address) => addresses.addressFromList(detail, address));
});
list.addEventListener('add', ({ detail }) => {
    addBeside(addresses.addressFromList(detail, chosen.address));
});
$('options').addEventListener('change', ({ target }) => {
    if (target.name === 'format') {
        replay((address) => addresses.withFormat(address, target.value));
    } else if (target.name === 'transport') {
        isTransportChosen = true;
        replay((address) => addresses.withTransport(address, target.value));
    } else if (target.id === 'quality') {
        replay((address) => addresses.withQuality(address, ladder.name, target.value));
    } else if (target.id === 'latency') {
        latency = Number(target.value);
        tiles.forEach((tile) => play(tile, tile.address, { play: tile.session.isRunning }));
        keepAddress();
    }
});
$('use-sockets').addEventListener('click', () => {
    for (const tile of tiles) {
        if (addresses.transportOf(tile.address) === 'http') {
            play(tile, addresses.withTransport(tile.address, 'ws'), { mayFallBack: true });
        }
    }
    keepAddress();
});
$('copy-json').addEventListener('click', ({ currentTarget }) => {
    copyText(report(), currentTarget.querySelector('span'));
});
$('show-keys').addEventListener('click', () => $('keys').showModal());

// Everything about the chosen stream, for a report of a fault. Its parameters are left out: they
// may hold a token.
function report() {
    const stream = addresses.streamUrl({ ...chosen.address, extra: [] });
    const { statistics } = chosen.session;
    const about = { time: new Date().toISOString(), stream, userAgent: navigator.userAgent };
    return JSON.stringify({ ...about, ...statistics }, null, 2);
}

const keys = {
    ' ': () => chosen.toggle(),
    m: () => chosen.toggleSound(),
    f: () => chosen.toggleFull(),
    l: () => chosen.session.jumpToLive(),
    ArrowLeft: () => chosen.session.seekBack(BACK_SECONDS),
    p: () => chosen.togglePip(),
    s: () => chosen.snapshot(),
    r: () => chosen.session.retry(),
    '?': () => $('keys').showModal(),
    ArrowUp: () => changeVolume(0.1),
    ArrowDown: () => changeVolume(-0.1),
};

function changeVolume(step) {
    const { video } = chosen;
    video.volume = Math.min(1, Math.max(0, video.volume + step));
}

document.addEventListener('keydown', (event) => {
    // A dialog just closed keeps the focus until the next picture is drawn.
    const isNowhere = event.target.closest('dialog:not([open])');
    const isText = !isNowhere && event.target.closest('input, select, textarea, dialog');
    const isPress = !isNowhere && event.key === ' ' && event.target.closest('button');
    if (isText || isPress || event.ctrlKey || event.metaKey || event.altKey) {
        return;
    }
    const tile = /^[1-9]$/.test(event.key) ? tiles[Number(event.key) - 1] : null;
    const act = tile ? () => choose(tile) : keys[event.key];
    if (act) {
        event.preventDefault();
        act();
    }
});

document.addEventListener('visibilitychange', () => {
    for (const { session } of document.hidden ? [] : tiles) {
        session.show();
    }
});

if (mpegts) {
    // The page says what is wrong; the library's own lines would only repeat it.
    mpegts.LoggingControl.enableAll = false;
}

// For tests and for the curious: the chosen stream.
window.millrace = {
    get session() {
        return chosen.session;
    },
    get state() {
        return chosen.session.state;
    },
    get statistics() {
        return chosen.session.statistics;
    },
    get address() {
        return addresses.streamUrl(chosen.address);
    },
    get tiles() {
        return tiles.map(({ address, session }) => ({
            address: addresses.streamUrl(address),
            ...session.statistics,
        }));
    },
    report,
};

page.addresses.forEach((address) => add(address, { play: page.autostart }));
