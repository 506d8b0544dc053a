"""What run.py, workers.py and edge.py begin with: the options that they share, the tools built, and
what every case needs to know."""

import argparse
import os
import pathlib
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def parser(doc):
    found = argparse.ArgumentParser(description=doc,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--objs", type=pathlib.Path, default=ROOT / "objs")
    found.add_argument("--server", help="the program to measure (OBJS/server)")
    found.add_argument("--file", default=ROOT / "doc/source.flv")
    found.add_argument("--seconds", type=float, default=5, help="length of a window")
    found.add_argument("--warmup", type=float, default=2)
    found.add_argument("--server-core", type=int, default=0)
    found.add_argument("--load-core", type=int, default=1)
    found.add_argument("--realtime", action="store_true",
                       help="run everything before other work on a machine that is not idle")
    return found


class Setup:
    """For the length of a run: what its servers write is gone afterwards."""

    def __init__(self, options):
        self.server = pathlib.Path(options.server or options.objs / "server").resolve()
        self.tools = pathlib.Path(options.objs / "bench").resolve()
        self.file = pathlib.Path(options.file).resolve()
        self.seconds, self.warmup = options.seconds, options.warmup
        self.server_core, self.load_core = options.server_core, options.load_core
        self.realtime = options.realtime

    def __enter__(self):
        subprocess.run([HERE / "build.sh", self.tools], check=True)
        if self.realtime:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))  # inherited by all we start
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.work, ignore_errors=True)
