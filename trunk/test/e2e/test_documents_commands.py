"""The pages' commands and configurations, letter by letter: every configuration is accepted, every
command is run here or named below with what runs it.

The commands of a walk run in the order of the page, in a network namespace, where the ports that
pages name are free. ffplay is replaced by a program that decodes two frames of the address; it and ffmpeg
wait until the address accepts connections, as a reader who types does.
"""

import concurrent.futures
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import netns
import pytest
from harness import PATIENCE, ROOT

sys.path.insert(0, str(ROOT / "trunk" / "test"))
import gate_languages  # noqa: E402

pytestmark = pytest.mark.once

OBJS = Path(os.environ.get("MILLRACE_OBJS", ROOT / "objs")).resolve()
PAGES = ["README.md"] + sorted(f"doc/{path.name}" for path in (ROOT / "doc").glob("*.md"))
COMMAND = re.compile(
    r"(\w+=\S+ )*(\./|(objs|research|conf|doc|3rdparty|trunk)/|(make|ffmpeg|ffplay|curl|openssl|docker|kill|nginx|caddy"
    r"|redis-\w+|apt-get|until|systemctl|journalctl|millrace|python3|cat|printf|gst-launch-1.0|ls|cd|ip|\$) |make$)|ID=\$\(")
CONFIGURATION = re.compile(r"(?:[a-z_]+( [^;{}\n]+)?;|[a-z_]+( \S+)? \{)")
IN_VHOST = {"http_remux", "security", "refer", "token", "http_hooks"}
# In the background: what runs until it is stopped.
ENDLESS = re.compile(r"((\w+=\S+ )*\.?/?objs/server (?!.*-t)|ffmpeg -re|research/hooks/hooks.py|nginx -c|curl .*>|curl .* -o stream)")

SERVE = "objs/server -c conf/http.flv.live.conf"
PUBLISH = "ffmpeg -re -stream_loop -1 -i doc/source.flv -c copy -f flv rtmp://localhost/live/livestream"
WATCH = "ffplay http://localhost:8080/live/livestream.flv"
# A callback server says nowhere that it is ready.
CALLBACKS = "until (exec 3<>/dev/tcp/127.0.0.1/8085) 2>/dev/null; do sleep 0.05; done; "
# Walk: (page, its sections; none: all), what goes before, what comes after (inline code of the page,
# or whether it worked), what is put in place of words.
WALKS = {
    "readme": (("README.md", {"publish-and-watch"}), [SERVE],
               ["ffplay http://localhost:8080/live/livestream.flv", "ffplay rtmp://localhost/live/livestream"], {}),
    "environment": (("doc/getting-started.md", {"in-a-container"}), [], [PUBLISH, WATCH], {}),
    "publish": (("doc/getting-started.md", {"publish"}), [SERVE], [WATCH], {}),
    "edge": (("doc/edge.md", None), [], [], {}),
    "forward": (("doc/forward.md", {"try-it"}), [], [], {}),
    "backend": (("doc/forward.md", {"destinations-from-a-backend"}), [], [], {"ffmpeg -re": CALLBACKS + "ffmpeg -re"}),
    "directory": (("doc/directory.md", None), [], [], {}),
    "hls": (("doc/hls.md", None), [], [], {}),
    "hooks": (("doc/hooks.md", None), [], [], {"ffmpeg -re": CALLBACKS + "ffmpeg -re"}),
    "proxy": (("doc/proxy.md", None), [], [], {"/tmp/nginx": "$PWD/nginx"}),
    "https": (("doc/https.md", None), ["openssl ecparam -name prime256v1 -genkey -noout -out conf/server.key", PUBLISH],
              ["ffplay https://localhost:8088/live/livestream.flv", "ffplay rtmps://localhost:1443/live/livestream"], {}),
    "mp4": (("doc/formats.md", None), ["objs/server -c conf/http.mp4.live.conf", PUBLISH], [], {}),
    "rewind": (("doc/rewind.md", None), ["objs/server -c page.conf", PUBLISH], [], {}),
    "over http": (("doc/http.md", {"publishing"}), ["objs/server -c page.conf"],
                  ["ffplay http://localhost:8080/live/show.flv"], {"show.flv http": "doc/source.flv http",
                                                                                 "-i show": "-i doc/source"}),
    "api": (("doc/api.md", None), [SERVE, PUBLISH], [], {}),
    "access": (("doc/access.md", None), ["echo secret >KEYFILE"], [], {"$KEY": "secret"}),
    "recording": (("doc/recording.md", {"try-it"}), [], [],
                  {"-t 10": "-t 1", "ls ": "until ls objs/nginx/html/live/*.flv; do sleep 0.2; done; ls ",
                   "show.TIME.flv": "$(ls objs/nginx/html/live)", "starttime=5": "starttime=0.5"}),
    "reload": (("doc/reload.md", {"reload"}), ["objs/server -c my.conf",
                                                  "until (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; do sleep 0.05; done"], [], {}),
    "signals": (("doc/signals.md", {"signals"}), ["echo 'grace_redirect b.example.com; grace_start_wait 60000;' >>my.conf"], [],
                # The tests' curl fails at an error, and there is no page here.
                {"8080/;": "8080/ || test $? = 22;"}),
    "srs": (("doc/srs.md", None), ["cp conf/full.conf srs.conf"], [], {}),
    "workers": (("doc/workers.md", None), [], [PUBLISH, WATCH], {}),
}
# What is not run here, by page and the beginning of the command: what runs it or the same with other ports and
# lengths (a file of trunk/test), or why nothing does.
ELSEWHERE = [
    ("README.md", "make run", "clean-room.sh"),
    ("README.md", "make test", "clean-room.sh"),
    ("README.md", "3rdparty/install.sh build", "clean-room.sh"),
    ("README.md", "./configure", "no test: compiles everything and installs it"),
    ("README.md", "make", "no test: compiles everything and installs it"),
    ("doc/getting-started.md", "make run", "clean-room.sh"),
    ("doc/getting-started.md", "3rdparty/install.sh build", "clean-room.sh"),
    ("doc/getting-started.md", "./configure", "no test: compiles everything and installs it"),
    ("doc/getting-started.md", "make && make install", "no test: compiles everything and installs it"),
    ("doc/getting-started.md", "cd /usr/local/millrace", "no test: compiles everything and installs it"),
    ("doc/getting-started.md", "ffmpeg -re -i FILE -c:v libx264", "no test: costs a core for seconds"),
    ("doc/getting-started.md", "gst-launch-1.0", "e2e/test_rtmp.py"),
    ("doc/getting-started.md", "kill", "e2e/test_process.py"),
    ("doc/behind-a-proxy.md", "", "e2e/test_proxies.py"),
    ("doc/deployment.md", "ip route", "no test: the machine's own routes"),
    ("doc/docker.md", "docker run --rm -it -p 1935:1935 -p 8080:8080 -v", "no test: there is no Docker"),
    ("doc/docker.md", "docker run --rm -it -p 1935:1935 -p 8080:8080 -e", "no test: there is no Docker"),
    ("doc/docker.md", "docker compose", "e2e/test_deploy.py"),
    ("doc/docker.md", "docker", "container.sh"),
    ("doc/https.md", "openssl genrsa", "e2e/test_documents.py"),
    ("doc/https.md", "openssl req", "e2e/test_documents.py"),
    ("doc/http.md", "ffplay 'http://HOST", "e2e/test_vod.py"),
    ("doc/ladder.md", "objs/server -c conf/ladder.conf", "e2e/test_process.py"),
    ("doc/ladder.md", "ffmpeg", "no test: costs a core for seconds; e2e/test_ladder.py has ladders"),
    ("doc/ladder.md", "curl", "e2e/test_ladder.py"),
    ("doc/ladder.md", "ffplay", "e2e/test_ladder.py"),
    ("doc/nginx.md", "", "e2e/test_import_nginx.py"),
    ("doc/package.md", "systemctl", "no test: there is no systemd"),
    ("doc/package.md", "journalctl", "no test: there is no systemd"),
    ("doc/package.md", "millrace -t", "no test: there is no package; e2e/test_process.py runs -t"),
    ("doc/package.md", "", "package.sh"),
    ("doc/recording.md", "ID=", "e2e/test_record.py"),
    ("doc/recording.md", "curl", "e2e/test_record.py"),
    ("doc/reload.md", "$ objs/server", "e2e/test_reload_files.py"),
    ("doc/source.md", "doc/make-source.sh", "no test: its result is doc/source.flv, which the tests publish"),
    ("doc/upgrade.md", "make && kill -USR2", "e2e/test_upgrade.py"),
    ("doc/upgrade.md", "docker", "no test: there is no Docker"),
]

WAITS = r"""#!/bin/bash
# Waits until the addresses accept connections.
for word; do
    if [[ $word =~ ^(rtmp|http|https|rtmps)://(localhost|127\.0\.0\.1)(:([0-9]+))?/ ]]; then
        port=${BASH_REMATCH[4]:-1935}
        until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.05; done
    fi
done
"""
TOOLS = {
    "ffmpeg": WAITS + 'exec FFMPEG -nostdin -v error "$@"\n',
    "ffplay": WAITS + 'exec FFMPEG -nostdin -v error '
                      '-probesize 64k -analyzeduration 300k "${@:1:$#-1}" -i "${@: -1}" -frames:v 2 -f null -\n',
    "curl": WAITS + 'exec CURL -fsS "$@"\n',
}


def page(path):
    return gate_languages.Page(ROOT / path)


def sections(path):
    """The blocks of a page: (anchor of the section, kind, lines)."""
    parsed = page(path)
    for number, kind, lines in parsed.blocks:
        yield [anchor for line, _, anchor in parsed.headings if line < number][-1], kind, lines


def commands_of(lines):
    """The commands of a block: a command may continue after a backslash, within quotes, in a here-document."""
    rest = textwrap.dedent("\n".join(lines)).split("\n")
    while rest:
        command = rest.pop(0)
        end = re.search(r"<<'(\w+)'", command)
        while rest and (command.endswith("\\") or command.count("'") % 2 or (end and not command.endswith("\n" + end.group(1)))):
            command += "\n" + rest.pop(0)
        if COMMAND.match(command):
            yield command


def is_commands(kind, lines):
    return kind == "" and any(COMMAND.match(line.strip()) and not line.endswith(";") for line in lines)


def all_commands():
    for path in PAGES:
        for section, kind, lines in sections(path):
            if is_commands(kind, lines):
                yield from ((path, section, command) for command in commands_of(lines))


def elsewhere(path, command):
    """The row of ELSEWHERE, or nothing."""
    return next((row for row in ELSEWHERE if row[0] == path and command.startswith(row[1])), None)


def walk_of(path, section):
    return [name for name, ((one, wanted), *_) in WALKS.items() if one == path and (wanted is None or section in wanted)]


def configurations(path):
    """The configurations of a page, with a vhost around what belongs into one: (section, text)."""
    for section, kind, lines in sections(path):
        words = [line.strip() for line in lines]
        if kind in ("", "nginx") and CONFIGURATION.match(words[0]) and not COMMAND.match(words[0]):
            text = "\n".join(line for line, word in zip(lines, words) if not COMMAND.match(word) or word.endswith(";"))
            if words[0].split()[0] in IN_VHOST:
                text = "vhost __defaultVhost__ {\n" + text + "\n}"
            yield section, text


# Not ours: a program's lines, and the configurations of nginx, logrotate and Redis.
FOREIGN = ("millrace.", "rtmp {", "user millrace on", "const ", "publication_", "name value")


def test_every_configuration_in_the_pages(tmp_path):
    """-t accepts it, without a warning that concerns a line of it."""
    for name in ("server.key", "server.crt", "k.pem", "c.pem", "other.conf"):
        (tmp_path / name).touch()
    (tmp_path / "conf").symlink_to(tmp_path)
    tried = []
    for path in PAGES:
        for section, text in configurations(path):
            if text.lstrip().startswith(FOREIGN):
                continue
            name = f"{Path(path).stem}-{section}-{len(tried)}.conf"
            (tmp_path / name).write_text(text if re.search(r"^\s*listen ", text, re.M) and "http" not in text.split()[0]
                                         else "listen 1935;\n" + text)
            tried.append(name)
    assert len(tried) >= 40

    def check(name):
        done = subprocess.run([OBJS / "server", "-t", "-c", name], cwd=tmp_path, capture_output=True, text=True,
                              timeout=20 * PATIENCE)
        return "" if done.returncode == 0 and not re.search(rf"{name}:\d", done.stderr) else f"{name}: {done.stderr}"
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [said for said in pool.map(check, tried) if said]
    assert not wrong, "\n".join(wrong)


def test_every_command_is_run():
    """A command in a page belongs to a walk, or a line of ELSEWHERE says what runs it."""
    unknown, used = [], set()
    for path, section, command in all_commands():
        row = elsewhere(path, command)
        used.add(row)
        if row is None and not walk_of(path, section):
            unknown.append(f"{path} ({section}): {command}")
    assert not unknown, "\n".join(unknown)
    for row in ELSEWHERE:
        assert row in used, f"{row[0]}: no command {row[1]}"
        where = row[2]
        assert where.startswith("no test: ") or (ROOT / "trunk" / "test" / where).is_file(), where


class Walk:
    def __init__(self, name, folder):
        self.folder = folder
        (self.path, self.wanted), self.before, self.after, self.words = WALKS[name]
        folder.mkdir()
        # "make run" makes a certificate in the tree; the page makes its own.
        shutil.copytree(ROOT / "conf", folder / "conf", ignore=shutil.ignore_patterns("server.key", "server.crt"))
        for one in ("doc", "research"):
            (folder / one).symlink_to(ROOT / one)
        for one in ("objs", "bin"):
            (folder / one).mkdir()
        for one in ("server", "sign"):
            (folder / "objs" / one).symlink_to(OBJS / one)
        for one, text in TOOLS.items():
            tool = folder / "bin" / one
            tool.write_text(text.replace("FFMPEG", shutil.which("ffmpeg")).replace("CURL", shutil.which("curl")))
            tool.chmod(0o755)
        server = "listen 1935; http_server { enabled on; listen 8080; }\n"
        (folder / "my.conf").write_text(server + "pid ./objs/millrace.pid;\n")
        texts = [text for section, text in configurations(self.path) if self.wanted is None or section in self.wanted]
        if texts and not texts[0].startswith(FOREIGN):
            (folder / "page.conf").write_text(server + texts[0])

    def script(self):
        lines = [*self.before]
        for section, kind, block in sections(self.path):
            if (self.wanted is None or section in self.wanted) and is_commands(kind, block):
                lines += [command for command in commands_of(block) if elsewhere(self.path, command) is None]
        lines += self.after
        out = ["set -e"]
        for line in lines:
            endless = ENDLESS.match(line) or "serve_forever" in line
            for word, other in self.words.items():
                line = line.replace(word, other)
            line = re.sub(r" +# [^\n]*$", "", line)
            out.append(line + " &" if endless and not line.endswith("&") else line)
        return "\n".join(out) + "\n"

    def run(self):
        """What went wrong, or nothing."""
        space = netns.Namespace()
        environment = {**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}
        script = self.script()
        with space.inside(), open(self.folder / "out", "w+") as out:
            shell = subprocess.Popen(["/bin/bash", "-c", script], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                                     stdout=out, stderr=out, start_new_session=True)
        try:
            status = shell.wait(30 * PATIENCE)
        except subprocess.TimeoutExpired:
            status = "timeout"
        finally:
            with contextlib.suppress(ProcessLookupError):   # nothing was in the background
                os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
            space.close()
        said = (self.folder / "out").read_text(errors="replace")
        return "" if status == 0 else f"{self.path}: {status}\n{script}\n{said[-3000:]}"


def test_walks(tmp_path):
    """All at the same time: most of their time is waiting."""
    netns.require()
    wrong = []

    def walk(name):
        said = Walk(name, tmp_path / name.replace(" ", "-")).run()
        if said:
            wrong.append(said)
    threads = [threading.Thread(target=walk, args=(name,)) for name in WALKS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, "\n\n".join(wrong)
