// Addresses: what the page's parameters mean, and the addresses and command lines made of them.
// No DOM in here.

const OWN = ['schema', 'server', 'port', 'vhost', 'app', 'stream', 'autostart'];
const SCHEMAS = ['http', 'https', 'ws', 'wss'];
const DEFAULT_VHOST = '__defaultVhost__';

function isSecure(schema) {
    return schema === 'https' || schema === 'wss';
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
    const hasExtension = /\.[a-z0-9]{2,4}$/i.test(name);
    return { name: hasExtension ? name : name + '.flv', query };
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
    const stream = splitStream(given('stream', 'livestream.flv'));
    return {
        schema,
        server: given('server', page.hostname),
        port: /^\d{1,5}$/.test(port) ? port : defaultPort(schema, page),
        vhost: given('vhost', ''),
        app: given('app', 'live').replace(/^\/+|\/+$/g, ''),
        stream: stream.name.replace(/^\/+/, ''),
        extra: [...stream.query, ...[...query].filter(([name]) => !OWN.includes(name))],
        autostart: !/^(false|off|no|0)$/i.test(query.get('autostart') || ''),
    };
}

/** What somebody typed into the address field; null when it is no address. */
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
    const query = new URLSearchParams(url.search);
    query.set('server', url.hostname);
    query.set('app', decodeURIComponent(path.slice(0, slash)));
    query.set('stream', decodeURIComponent(path.slice(slash + 1)));
    if (!isRtmp) {
        const schema = url.protocol.slice(0, -1);
        if (!SCHEMAS.includes(schema)) {
            return null;
        }
        query.set('schema', schema);
        query.set('port', url.port || (isSecure(schema) ? '443' : '80'));
    }
    return addressFromQuery(query.toString(), page);
}

function hostOf(address) {
    const bare = address.server.replace(/^\[|\]$/g, '');
    return bare.includes(':') ? `[${bare}]` : bare;
}

function pathOf(address, stream) {
    const encode = (text) => text.split('/').map(encodeURIComponent).join('/');
    const query = new URLSearchParams(address.extra);
    if (address.vhost && address.vhost !== DEFAULT_VHOST && address.vhost !== address.server) {
        query.set('vhost', address.vhost);
    }
    // %20 means a space to everybody, + does so only in forms.
    const text = query.toString().replaceAll('+', '%20');
    return `${encode(address.app)}/${encode(stream)}${text ? '?' + text : ''}`;
}

/** The address to fetch. */
export function streamUrl(address) {
    const standard = isSecure(address.schema) ? '443' : '80';
    const port = address.port === standard ? '' : `:${address.port}`;
    return `${address.schema}://${hostOf(address)}${port}/${pathOf(address, address.stream)}`;
}

/** The same by http or https, for programs that know no WebSocket. */
export function httpUrl(address) {
    return streamUrl({ ...address, schema: isSecure(address.schema) ? 'https' : 'http' });
}

/** The page's own parameters for this address: a link to share. */
export function pageQuery(address) {
    const query = new URLSearchParams();
    for (const name of ['schema', 'server', 'port', 'vhost', 'app', 'stream']) {
        if (address[name]) {
            query.set(name, address[name]);
        }
    }
    for (const [name, value] of address.extra) {
        query.append(name, value);
    }
    return '?' + query.toString();
}

/** Lines to copy into a terminal or another program. */
export function commandLines(address) {
    const quote = (text) => `'${text.replace(/'/g, `'\\''`)}'`;
    const url = httpUrl(address);
    const name = address.stream.replace(/\.[a-z0-9]{2,4}$/i, '');
    const rtmp = `rtmp://${hostOf(address)}/${pathOf(address, name)}`;
    return [
        { label: 'Address', text: url },
        { label: 'ffplay', text: `ffplay -fflags nobuffer -flags low_delay ${quote(url)}` },
        { label: 'VLC', text: `vlc --network-caching=300 ${quote(url)}` },
        {
            label: 'Publish',
            text: `ffmpeg -re -stream_loop -1 -i ./doc/source.flv -c copy -f flv ${quote(rtmp)}`,
        },
    ];
}
