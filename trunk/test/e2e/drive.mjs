// What the drivers of all browsers share: one JSON command per line on stdin, one JSON answer per line
// on stdout. browser.py is the other end.

import readline from 'node:readline';

/** Waits until an expression is true in the page. A driver's own waiting function would evaluate a
 *  string within the page, which the page's policy forbids. */
export async function waitUntil(page, expression, timeout) {
    const deadline = Date.now() + timeout * 1000;
    for (;;) {
        const value = await page.evaluate(expression);
        if (value) {
            return value;
        }
        if (Date.now() > deadline) {
            throw new Error('not true in time');
        }
        await new Promise((done) => setTimeout(done, 50));
    }
}

/** Runs the commands until stdin ends. */
export async function serve(commands) {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        const command = JSON.parse(line);
        let answer;
        try {
            answer = { value: (await commands[command.do](command)) ?? null };
        } catch (error) {
            answer = { error: error.message };
        }
        process.stdout.write(JSON.stringify(answer) + '\n');
    }
}
