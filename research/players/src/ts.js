// What a transport stream says of itself in its PMT: mpegts.js tells the codecs only once it has
// seen both tracks, so of a stream with one it would never say anything. ISO/IEC 13818-1, 2.4.4.

const PACKET = 188;
const SYNC = 0x47;
const VIDEO = { 0x1b: 'avc1', 0x24: 'hvc1', 0x33: 'vvc1', 0x01: 'MPEG-1', 0x02: 'MPEG-2' };
const AUDIO = { 0x03: 'mp3', 0x04: 'mp3', 0x0f: 'mp4a', 0x11: 'mp4a', 0x81: 'ac-3', 0x87: 'ec-3' };

// The section that begins in a packet, without its header and CRC; null if none does. The tables
// of a stream with few tracks fit into a packet.
function section(packet, tableId) {
    const hasStart = (packet[1] & 0x40) !== 0;
    const control = (packet[3] >> 4) & 3;
    const start = control & 2 ? 5 + packet[4] : 4;
    if (!hasStart || !(control & 1) || start >= PACKET) {
        return null;
    }
    const at = start + 1 + packet[start];
    const length = ((packet[at + 1] & 15) << 8) | packet[at + 2];
    if (packet[at] !== tableId || at + 3 + length > PACKET || length < 9) {
        return null;
    }
    return packet.subarray(at + 8, at + 3 + length - 4);
}

function programMapPid(body) {
    for (let at = 0; at + 4 <= body.length; at += 4) {
        if (body[at] !== 0 || body[at + 1] !== 0) {
            return ((body[at + 2] & 31) << 8) | body[at + 3];
        }
    }
    return -1;
}

function tracks(body) {
    const info = { hasVideo: false, hasAudio: false, videoCodec: '', audioCodec: '' };
    let at = 4 + (((body[2] & 15) << 8) | body[3]);
    while (at + 5 <= body.length) {
        const type = body[at];
        if (VIDEO[type]) {
            info.hasVideo = true;
            info.videoCodec = VIDEO[type];
        } else if (AUDIO[type]) {
            info.hasAudio = true;
            info.audioCodec = AUDIO[type];
        }
        at += 5 + (((body[at + 3] & 15) << 8) | body[at + 4]);
    }
    return info;
}

/** The tracks that the first PMT in these bytes (whole packets) names; null if none is there. */
export function tsInfo(bytes) {
    let pmt = -1;
    for (let at = 0; at + PACKET <= bytes.length && bytes[at] === SYNC; at += PACKET) {
        const packet = bytes.subarray(at, at + PACKET);
        const pid = ((packet[1] & 31) << 8) | packet[2];
        if (pid === 0) {
            const body = section(packet, 0);
            pmt = body ? programMapPid(body) : pmt;
        } else if (pid === pmt) {
            const body = section(packet, 2);
            if (body) {
                return tracks(body);
            }
        }
    }
    return null;
}
