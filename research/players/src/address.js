// Addresses: what the page's parameters mean, and the addresses and command lines made of them.
// No DOM in here.

const OWN = ['schema', 'server', 'port', 'vhost', 'app', 'stream', 'autostart', 'latency', 'also'];
const SCHEMAS = ['http', 'https', 'ws', 'wss'];
const DEFAULT_VHOST = '__defaultVhost__';
const EXTENSION = /\.[a-z0-9]{2,4}$/i;

/** The formats that the page offers; the extension of the address selects one. */
export const FORMATS = ['flv', 'ts', 'mp3', 'aac'];

/** Latencies that the page offers, in seconds; the page's parameter may set any other. */
export const LATENCIES = [0.3, 0.6, 1, 2, 4];
export const LATENCY_DEFAULT = 0.6;

export const TILES_MAX = 16;

/** The server changes the quality. */
export const QUALITY_AUTO = 'auto';

function isSecure(schema) {
    return schema === 'https' || schema === 'wss';
}

function isSocket(schema) {
    return schema.startsWith('ws');
}

function schemaOf(socket, secure) {
    return (socket ? 'ws' : 'http') + (secure ? 's' : '');
}

// The port of an address that names none: the page's own where the schema fits, else the
// server's documented default.
function defaultPort(schema, page) {
    const isPageSecure = page.protocol === 'https:';
    if (isSecure(schema) === isPageSecure) {
        return page.port || (isPageSecure ? '443' : '80');
    }
    return isSecure(schema) ? '8088' : '8080';
}

// "live/show" and "livestream.flv?token=1" as one writes them in an address bar.
function splitStream(text) {
    const mark = text.indexOf('?');
    const name = mark < 0 ? text : text.slice(0, mark);
    const query = mark < 0 ? [] : [...new URLSearchParams(text.slice(mark + 1))];
    return { name: EXTENSION.test(name) ? name : name + '.flv', query };
}

/** Parameters of the page (a query string) to an address. page: location. */
export function addressFromQuery(search, page) {
    const query = new URLSearchParams(search);
    const given = (name, fallback) => query.get(name) || fallback;

    let schema = given('schema', page.protocol.slice(0, -1)).toLowerCase();
    let port = given('port', '');
    if (!SCHEMAS.includes(schema)) {
        // A browser plays no RTMP; the same stream is there by HTTP-FLV.
        schema = page.protocol === 'https:' ? 'https' : 'http';
        port = '';
    }
    if (page.protocol === 'https:' && !isSecure(schema)) {
        // Browsers let a page that came by TLS fetch by TLS only.
        schema = schemaOf(isSocket(schema), true);
        port = '';
    }
    const stream = splitStream(given('stream', 'livestream.flv'));
    return {
        schema,
        server: given('server', page.hostname),
        port: /^\d{1,5}$/.test(port) ? port : defaultPort(schema, page),
        vhost: given('vhost', ''),
        app: given('app', 'live').replace(/^\/+|\/+$/g, ''),
        stream: stream.name.replace(/^\/+/, ''),
        extra: [...stream.query, ...[...query].filter(([name]) => !OWN.includes(name))],
    };
}

/** Parses the text of the address field; null if it is not an address. */
export function addressFromText(text, page) {
    let url;
    try {
        const full = /^[a-z]+:\/\//i.test(text) ? text : new URL(text, page.href).href;
        // URL() knows hosts and ports only of the schemas it has heard of.
        url = new URL(full.replace(/^rtmps?:/i, 'http:'));
    } catch {
        return null;
    }
    const isRtmp = /^rtmps?:/i.test(text);
    const path = url.pathname.replace(/^\/+/, '');
    const slash = path.lastIndexOf('/');
    if (!url.hostname || slash <= 0 || slash === path.length - 1) {
        return null;
    }
    const query = new URLSearchParams();
    query.set('server', url.hostname);
    try {
        query.set('app', decodeURIComponent(path.slice(0, slash)));
        query.set('stream', decodeURIComponent(path.slice(slash + 1)));
    } catch {
        return null; // a lone percent sign
    }
    if (!isRtmp) {
        const schema = url.protocol.slice(0, -1);
        if (!SCHEMAS.includes(schema)) {
            return null;
        }
        query.set('schema', schema);
        query.set('port', url.port || (isSecure(schema) ? '443' : '80'));
    }
    const address = addressFromQuery(query.toString(), page);
    // Everything after the mark is the stream's, also what the page would take for itself.
    address.extra = [...url.searchParams].filter(([name]) => name !== 'vhost');
    address.vhost = url.searchParams.get('vhost') || '';
    return address;
}

export function formatOf(address) {
    const found = EXTENSION.exec(address.stream);
    const name = found ? found[0].slice(1).toLowerCase() : '';
    return FORMATS.includes(name) ? name : 'flv';
}

export function withFormat(address, format) {
    return { ...address, stream: `${nameOf(address)}.${format}` };
}

/** The quality of a ladder that the address asks for; '': none. */
export function qualityOf(address) {
    return address.extra.find(([name]) => name === 'quality')?.[1] || '';
}

/** The ladder of this name in one of its qualities. Only FLV has "auto". */
export function withQuality(address, ladder, quality) {
    const extra = address.extra.filter(([name]) => name !== 'quality');
    const format = quality === QUALITY_AUTO ? 'flv' : formatOf(address);
    return { ...address, stream: `${ladder}.${format}`, extra: [...extra, ['quality', quality]] };
}

/** "http" or "ws"; whether it is over TLS is another matter. */
export function transportOf(address) {
    return isSocket(address.schema) ? 'ws' : 'http';
}

export function withTransport(address, transport) {
    return { ...address, schema: schemaOf(transport === 'ws', isSecure(address.schema)) };
}

/** The stream without its extension. */
export function nameOf(address) {
    return address.stream.replace(EXTENSION, '');
}

/** Host and port, as browsers count connections. */
export function hostOf(address) {
    return `${hostName(address)}:${address.port}`;
}

function hostName(address) {
    const bare = address.server.replace(/^\[|\]$/g, '');
    return bare.includes(':') ? `[${bare}]` : bare;
}

function pathOf(address, stream) {
    const encode = (text) => text.split('/').map(encodeURIComponent).join('/');
    const query = new URLSearchParams(address.extra);
    if (address.vhost && address.vhost !== DEFAULT_VHOST && address.vhost !== address.server) {
        query.set('vhost', address.vhost);
    }
    // Every server reads %20 as a space, but + only in forms.
    const text = query.toString().replaceAll('+', '%20');
    return `${encode(address.app)}/${encode(stream)}${text ? '?' + text : ''}`;
}

function baseOf(address) {
    const standard = isSecure(address.schema) ? '443' : '80';
    const port = address.port === standard ? '' : `:${address.port}`;
    return `${address.schema}://${hostName(address)}${port}/`;
}

/** The address to fetch. */
export function streamUrl(address) {
    return baseOf(address) + pathOf(address, address.stream);
}

/** The same by http or https, for programs that know no WebSocket. */
export function httpUrl(address) {
    return streamUrl(withTransport(address, 'http'));
}

/** Where this stream's server tells what is published. */
export function listUrl(address) {
    return `${baseOf(withTransport(address, 'http'))}players/streams.json?count=100`;
}

/** Where the server describes the ladder of this name. */
export function manifestUrl(address, ladder) {
    const extra = address.extra.filter(([name]) => name !== 'quality');
    const http = withTransport({ ...address, extra }, 'http');
    return baseOf(http) + pathOf(http, `${ladder}.las.json`);
}

/** Where this stream's server tells what the page has to know of it. */
export function factsUrl(address) {
    return `${baseOf(withTransport(address, 'http'))}players/server.json`;
}

/** Where this stream's server takes reports (qoe.js). */
export function reportUrl(address) {
    return `${baseOf(withTransport(address, 'http'))}api/v1/qoe`;
}

/** A stream of the list (SRS's JSON) at the server and in the format of another address. */
export function addressFromList(item, like) {
    // "vhost/app/stream", or "/app/stream" in the default vhost.
    const [vhost] = String(item.url || '').split('/');
    return {
        ...like,
        app: String(item.app),
        stream: `${item.name}.${formatOf(like)}`,
        vhost,
        extra: [],
    };
}

/** The same stream, whatever the transport, the format and the parameters. */
export function isSameStream(a, b) {
    const key = ({ server, vhost, app }) => [server, vhost, app].join('\n');
    return key(a) === key(b) && nameOf(a) === nameOf(b);
}

/** All that the page's address says: streams (the first one is chosen), latency, autostart. */
export function pageFromQuery(search, page) {
    const query = new URLSearchParams(search);
    const first = addressFromQuery(search, page);
    const others = query
        .getAll('also')
        .map((text) => addressFromText(text.includes('://') ? text : baseOf(first) + text, page))
        .filter(Boolean);
    const latency = Number(query.get('latency'));
    return {
        addresses: [first, ...others].slice(0, TILES_MAX),
        latency: latency >= 0.1 && latency <= 30 ? latency : LATENCY_DEFAULT,
        autostart: !/^(false|off|no|0)$/i.test(query.get('autostart') || ''),
    };
}

/** The page's own parameters for these streams: a link to share. */
export function pageQuery([first, ...others], latency) {
    const query = new URLSearchParams();
    for (const name of ['schema', 'server', 'port', 'vhost', 'app', 'stream']) {
        if (first[name]) {
            query.set(name, first[name]);
        }
    }
    for (const [name, value] of first.extra) {
        query.append(name, value);
    }
    if (latency !== LATENCY_DEFAULT) {
        query.set('latency', String(latency));
    }
    for (const other of others) {
        const isNear = baseOf(other) === baseOf(first);
        query.append('also', isNear ? pathOf(other, other.stream) : streamUrl(other));
    }
    return '?' + query.toString();
}

/** Lines to copy into a terminal or another program; the server takes RTMP at rtmpPort. */
export function commandLines(address, rtmpPort) {
    const quote = (text) => `'${text.replace(/'/g, `'\\''`)}'`;
    const url = httpUrl(address);
    const path = pathOf(address, nameOf(address));
    const rtmpHost = hostName(address) + (rtmpPort === 1935 ? '' : `:${rtmpPort}`);
    const rtmp = `rtmp://${rtmpHost}/${path}`;
    const slash = path.split('?')[0].lastIndexOf('/');
    return [
        { label: 'Address', text: url },
        { label: 'ffplay', text: `ffplay -fflags nobuffer -flags low_delay ${quote(url)}` },
        { label: 'VLC', text: `vlc --network-caching=300 ${quote(url)}` },
        { label: 'OBS server', text: `rtmp://${rtmpHost}/${path.slice(0, slash)}` },
        { label: 'OBS key', text: path.slice(slash + 1) },
        {
            label: 'ffmpeg',
            text: `ffmpeg -re -stream_loop -1 -i ./doc/source.flv -c copy -f flv ${quote(rtmp)}`,
        },
    ];
}
