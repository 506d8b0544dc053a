"""Firefox and WebKitGTK for tests, with the interface of browser.Browser."""

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from browser import PLAYERS, Browser, install_playwright
from harness import PATIENCE, free_port, wait_for

FIREFOX = os.environ.get("FIREFOX", "/usr/bin/firefox-esr")
WEBKIT_DRIVER = os.environ.get("WEBKIT_DRIVER", "/usr/bin/WebKitWebDriver")
MINI_BROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # key of an element (WebDriver, section 12.1)
KEYS = {"Enter": "\ue007", "Escape": "\ue00c"}   # WebDriver, section 17.4.2


class Firefox(Browser):
    """One Firefox with one page, driven by puppeteer-core through firefox.mjs."""

    def __init__(self, *, log):
        install_playwright()
        self.log_path = Path(log)
        with open(self.log_path, "ab") as out:
            self.child = subprocess.Popen(
                [shutil.which("node") or "node", Path(__file__).with_name("firefox.mjs"), PLAYERS,
                 FIREFOX],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out)


class WebKit(Browser):
    """One MiniBrowser with one page, under Xvfb, driven by WebKitWebDriver (W3C WebDriver)."""

    def __init__(self, *, log):
        self.log_path = Path(log)
        self.out = open(self.log_path, "ab")
        self.xvfb, display = self._start_xvfb()
        self.port = free_port()
        self.driver = subprocess.Popen(
            [WEBKIT_DRIVER, f"--port={self.port}", "--host=127.0.0.1"],
            stdout=self.out, stderr=self.out, start_new_session=True,
            env={**os.environ, "DISPLAY": display, "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
                 "WEBKIT_GST_ENABLE_HLS_SUPPORT": "1",  # off by default, unlike in Safari
                 "GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1"})
        wait_for(lambda: self._is_ready(), what="WebKitWebDriver")
        options = {"binary": MINI_BROWSER, "args": ["--automation", "--autoplay-policy=allow"]}
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "webkitgtk:browserOptions": options, "acceptInsecureCerts": True}}})
        self.session = f"/session/{answer['sessionId']}"

    def _start_xvfb(self):
        reading, writing = os.pipe()
        xvfb = subprocess.Popen(["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x1000x24",
                                 "-nolisten", "tcp"], pass_fds=[writing], stdout=self.out,
                                stderr=self.out)
        os.close(writing)
        with os.fdopen(reading) as lines:
            number = lines.readline().strip()
        assert number, "Xvfb does not start:\n" + self.log_path.read_text()[-2000:]
        return xvfb, f":{number}"

    def _is_ready(self):
        try:
            return self._call("GET", "/status")["ready"]
        except OSError:
            return False

    def _call(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60 * PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise AssertionError(f"{path}: {value['error']}: {value['message']}") from None

    def open(self, url, width=1280, height=800):
        self._call("POST", f"{self.session}/window/rect",
                   {"x": 0, "y": 0, "width": width, "height": height})
        self._call("POST", f"{self.session}/url", {"url": url})
        self.wait("document.readyState === 'complete'", 30)

    def evaluate(self, expression):
        return self._call("POST", f"{self.session}/execute/sync",
                          {"script": f"return ({expression});", "args": []})

    def wait(self, expression, timeout=15):
        end = time.monotonic() + timeout * PATIENCE
        while True:
            value = self.evaluate(expression)
            if value:
                return value
            assert time.monotonic() < end, f"waited {timeout} s for {expression}"
            time.sleep(0.05)

    def _find(self, selector):
        return self._call("POST", f"{self.session}/element",
                          {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        self._call("POST", f"{self.session}/element/{self._find(selector)}/click", {})

    def type(self, selector, text):
        self._call("POST", f"{self.session}/element/{self._find(selector)}/value",
                   {"text": text + KEYS["Enter"]})

    def press(self, key):
        key = KEYS.get(key, key)
        self._call("POST", f"{self.session}/actions", {"actions": [{
            "type": "key", "id": "keyboard",
            "actions": [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]}]})

    def screenshot(self, path, full=False):
        assert not full
        Path(path).write_bytes(base64.b64decode(self._call("GET", f"{self.session}/screenshot")))

    def said(self):
        return []  # WebDriver has no command for the console

    def close(self):
        try:
            self._call("DELETE", self.session)
        except (AssertionError, OSError):
            pass  # it ends below in any case
        for child in (self.driver, self.xvfb):
            child.terminate()
            child.wait(10)
        self.out.close()
