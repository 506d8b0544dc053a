// One stream on the page: a frame with its picture, what is said over it, and its controls. The
// page may show several; one of them is chosen, and only that one is heard.

import { Session, State } from './session.js';
import {
    formatOf,
    httpUrl,
    nameOf,
    reportUrl,
    streamUrl,
    withTransport,
} from './address.js';
import { serverFacts } from './facts.js';
import { Reporter } from './qoe.js';
import { stateText } from './words.js';

const TOUCH_MS = 3000;
export const BACK_SECONDS = 10;

/** A still picture of a video as a file for the user. */
async function saveSnapshot(video, name) {
    if (video.videoWidth === 0) {
        return false;
    }
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext('2d').drawImage(video, 0, 0);
    const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
    const link = document.createElement('a');
    const when = new Date().toISOString().slice(0, 19).replace(/[:T]/g, '-');
    link.href = URL.createObjectURL(blob);
    link.download = `${name.replace(/[^\w.-]+/g, '_')}-${when}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    return true;
}

/** Events: "choose", "close", "change" (its state), "tick", "fallback" (its address changed). */
export class Tile extends EventTarget {
    constructor(template, mpegts) {
        super();
        this.root = template.content.firstElementChild.cloneNode(true);
        this.video = this.find('video');
        this.session = new Session(this.video, mpegts);
        this.reporter = new Reporter(this.session);
        this.address = null;
        this.mayFallBack = false; // its transport is the page's choice, not the user's
        this._listen();
        this._listenToButtons();
        this.find('.pip').hidden = !document.pictureInPictureEnabled;
    }

    find(selector) {
        return this.root.querySelector(selector);
    }

    /** Plays an address, or only shows it. options: latency, play, mayFallBack. */
    open(address, { latency, play = true, mayFallBack = false }) {
        this.address = address;
        this.latency = latency;
        this.mayFallBack = mayFallBack;
        this.find('.tile-name').textContent = `${address.app}/${address.stream}`;
        this._clearStill();
        this.reporter.open(httpUrl(address));
        this.session.rewind = 0;
        this.session.clock = null;
        serverFacts(address).then(({ republishWait, rewind, wantsReports, clock }) => {
            if (this.address === address) {
                this.session.republishWait = republishWait;
                this.session.rewind = rewind;
                this.session.clock = clock;
                this._show();
                this.reporter.want(wantsReports ? reportUrl(address) : null);
            }
        });
        if (play) {
            this.start();
        } else {
            this.session.stop();
            this._show();
        }
    }

    start() {
        this.session.start(streamUrl(this.address), {
            format: formatOf(this.address),
            latency: this.latency,
        });
    }

    toggle() {
        if (this.session.isRunning) {
            this.session.stop();
        } else {
            this.start();
        }
    }

    toggleSound() {
        if (this.video.muted) {
            this.session.unmute();
        } else {
            this.video.muted = true;
        }
    }

    /** Chosen or not: what is not is silent. */
    choose(isChosen, isAlone) {
        this.root.toggleAttribute('data-chosen', isChosen && !isAlone);
        this.find('.close').hidden = isAlone;
        if (!isChosen) {
            this.video.muted = true;
        } else if (this._isSilenced && !this.session.isMutedByBrowser) {
            this.video.muted = false;
        }
        this._isSilenced = !isChosen;
    }

    toggleFull() {
        if (document.fullscreenElement) {
            document.exitFullscreen();
        } else if (this.root.requestFullscreen) {
            this.root.requestFullscreen();
        } else {
            this.video.webkitEnterFullscreen?.(); // iPhones know only this
        }
    }

    async togglePip() {
        try {
            if (document.pictureInPictureElement === this.video) {
                await document.exitPictureInPicture();
            } else {
                await this.video.requestPictureInPicture();
            }
        } catch {
            // Not before there is a picture.
        }
    }

    snapshot() {
        return saveSnapshot(this.video, `${this.address.app}-${nameOf(this.address)}`);
    }

    destroy() {
        this.reporter.close();
        this.session.destroy();
        this.root.remove();
    }

    _emit(name) {
        this.dispatchEvent(new Event(name));
    }

    _listen() {
        const { session, video, root } = this;
        session.addEventListener('change', () => {
            this._fallBack();
            this._show();
            this._emit('change');
        });
        session.addEventListener('tick', () => {
            this._showLive();
            if (session.retryAt) {
                this._showText(); // counts down
            }
            this._emit('tick');
        });
        session.addEventListener('beforeclose', () => this._keepStill());
        video.addEventListener('volumechange', () => this._showSound());
        video.addEventListener('dblclick', () => this.toggleFull());
        root.addEventListener('pointerdown', (event) => {
            this._emit('choose');
            if (event.pointerType === 'touch') {
                // A finger has no hover: a touch shows the controls for a while.
                root.dataset.touched = '';
                clearTimeout(this._touched);
                this._touched = setTimeout(() => delete root.dataset.touched, TOUCH_MS);
            }
        });
        root.addEventListener('focusin', () => this._emit('choose'));
    }

    _listenToButtons() {
        const { session, video } = this;
        const on = (selector, act) => this.find(selector).addEventListener('click', act);
        on('.toggle', () => this.toggle());
        on('.again', () => session.retry());
        on('.unmute', () => session.unmute());
        on('.live', () => session.jumpToLive());
        on('.back', () => session.seekBack(BACK_SECONDS));
        on('.mute', () => this.toggleSound());
        on('.pip', () => this.togglePip());
        on('.full', () => this.toggleFull());
        on('.shot', () => this.snapshot());
        on('.close', (event) => {
            event.stopPropagation();
            this._emit('close');
        });
        on('.cover-play', () => {
            if (session.state === State.BLOCKED) {
                session.unmute();
            } else if (session.state === State.PAUSED) {
                session.resume();
            } else {
                this.start();
            }
        });
        this.find('.volume').addEventListener('input', () => {
            video.volume = Number(this.find('.volume').value);
            if (video.muted && video.volume > 0) {
                session.unmute();
            }
        });
    }

    // The page tries a WebSocket by itself in a grid; HTTP is what there always is.
    _fallBack() {
        if (this.session.hasNoSocket && this.mayFallBack && this.session.retryAt) {
            this.mayFallBack = false;
            this.address = withTransport(this.address, 'http');
            this.start();
            this._emit('fallback');
        }
    }

    _setText(selector, text) {
        const element = this.find(selector);
        if (element.textContent !== text) {
            element.textContent = text;
        }
    }

    _showText() {
        const text = stateText(this.session);
        this.find('.cover').hidden = !text;
        this._setText('.headline', text?.headline || '');
        this._setText('.detail', text?.detail || '');
        return text;
    }

    _show() {
        const { session, root } = this;
        const text = this._showText();
        root.dataset.state = session.state;
        root.toggleAttribute('data-busy', Boolean(text?.busy));
        this._setText('.notice', session.notice);
        this.find('.notice').hidden = !session.notice;
        this.find('.cover-play').hidden = !text?.play;
        this.find('.again').hidden = !text?.again;
        this.find('.toggle use').setAttribute('href', session.isRunning ? '#i-stop' : '#i-play');
        this._showSound();
    }

    _showLive() {
        const { session, video } = this;
        const { latency } = session.statistics;
        const isPlaying = session.state === State.PLAYING;
        const isKnown = isPlaying && latency !== null;
        this.find('.back').hidden = !session.canSeek;
        this.root.toggleAttribute('data-behind', session.isBehind);
        this._setText('.live-text', isKnown ? `Live −${latency.toFixed(1)} s` : 'Live');
        this.root.toggleAttribute('data-sound-only', isPlaying && video.videoWidth === 0);
        this.find('.shot').disabled = video.videoWidth === 0;
    }

    _showSound() {
        const { session, video } = this;
        const isSilent = video.muted || video.volume === 0;
        this.find('.mute use').setAttribute('href', isSilent ? '#i-mute' : '#i-sound');
        this.find('.volume').value = video.muted ? 0 : video.volume;
        const isOurs = session.isMutedByBrowser && video.muted && !this._isSilenced;
        this.find('.unmute').hidden = !(isOurs && session.state === State.PLAYING);
    }

    // The last picture stays, dimmed, while the stream is opened again.
    _keepStill() {
        const still = this.find('.still');
        const { video } = this;
        if (video.videoWidth > 0 && video.readyState >= 2) {
            still.width = video.videoWidth;
            still.height = video.videoHeight;
            still.getContext('2d').drawImage(video, 0, 0);
        }
    }

    _clearStill() {
        const still = this.find('.still');
        still.width = still.width; // resizing clears it
    }
}
