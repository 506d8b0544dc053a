// Drives Firefox by WebDriver BiDi, with the commands of browser.mjs; engines.py is the other end.

import { createRequire } from 'node:module';

import { serve, waitUntil } from './drive.mjs';

const [modules, firefox] = process.argv.slice(2);
const require = createRequire(modules + '/');
const puppeteer = require('puppeteer-core');

const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: firefox,
    headless: true,
    acceptInsecureCerts: true,
    extraPrefsFirefox: {
        'media.autoplay.default': 0,
        'network.captive-portal-service.enabled': false,
        'network.connectivity-service.enabled': false,
        'datareporting.policy.dataSubmissionEnabled': false,
        'extensions.update.enabled': false,
        'app.update.enabled': false,
    },
});

let page = null;
let said = [];

const commands = {
    async open({ url, width = 1280, height = 800 }) {
        await page?.close();
        said = [];
        page = await browser.newPage();
        await page.setViewport({ width, height });
        page.on('console', (message) => {
            if (['error', 'warn'].includes(message.type())) {
                said.push(`${message.type()}: ${message.text()}`);
            }
        });
        page.on('pageerror', (error) => said.push(`uncaught: ${error.message}`));
        await page.goto(url, { waitUntil: 'load', timeout: 30000 });
    },
    async evaluate({ expression }) {
        return page.evaluate(expression);
    },
    async wait({ expression, timeout }) {
        return waitUntil(page, expression, timeout);
    },
    async click({ selector }) {
        await (await page.waitForSelector(selector, { timeout: 60000 })).click();
    },
    async type({ selector, text }) {
        await page.focus(selector);
        await page.keyboard.type(text);
        await page.keyboard.press('Enter');
    },
    async press({ key }) {
        await page.keyboard.press(key);
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
