// Drives Chromium for the tests: one JSON command per line on stdin, one JSON answer per line on
// stdout. browser.py is the other end.

import { createRequire } from 'node:module';

import { serve, waitUntil } from './drive.mjs';

const [modules, chromium, ...flags] = process.argv.slice(2);
const require = createRequire(modules + '/');
const playwright = require('playwright-core');

const browser = await playwright.chromium.launch({
    executablePath: chromium,
    headless: true,
    args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        ...flags,
    ],
});

let page = null;
let said = [];
let downloads = [];

// Patience with the machine: see harness.py.
const PATIENT = 60000;

// A page has a context of its own: no cookies, cache, passwords or connections of the one before.
async function leave() {
    await page?.context().close();
    page = null;
    said = [];
    downloads = [];
}

const commands = {
    leave,
    // init: a script that runs in the page before its own.
    async open({ url, width = 1280, height = 800, touch = false, scheme = 'dark', init = '' }) {
        await leave();
        const context = await browser.newContext({
            viewport: { width, height },
            hasTouch: touch,
            isMobile: touch,
            deviceScaleFactor: touch ? 2 : 1,
            colorScheme: scheme,
            ignoreHTTPSErrors: true,
        });
        page = await context.newPage();
        if (init) {
            await page.addInitScript(init);
        }
        page.on('download', (download) => downloads.push(download));
        page.on('console', (message) => {
            if (['error', 'warning'].includes(message.type())) {
                said.push(`${message.type()}: ${message.text()} (${message.location().url})`);
            }
        });
        page.on('pageerror', (error) => said.push(`uncaught: ${error.message}`));
        await page.goto(url, { waitUntil: 'load', timeout: PATIENT });
    },
    async evaluate({ expression }) {
        return page.evaluate(expression);
    },
    async wait({ expression, timeout }) {
        return waitUntil(page, expression, timeout);
    },
    async click({ selector }) {
        await page.click(selector, { timeout: PATIENT });
    },
    async type({ selector, text }) {
        await page.fill(selector, text, { timeout: PATIENT });
        await page.press(selector, 'Enter');
    },
    async press({ key }) {
        await page.keyboard.press(key);
    },
    // Saves the last download; its name, or null while there is none.
    async download({ path }) {
        const last = downloads.at(-1);
        await last?.saveAs(path);
        return last?.suggestedFilename();
    },
    async screenshot({ path, full = false }) {
        await page.screenshot({ path, fullPage: full });
    },
    async said() {
        return said;
    },
};

await serve(commands);
await browser.close();
