"""The gate on what may switch coroutine. Prints file:line: what; exits 1 on any.

A function that may switch coroutine says so: its last parameter is a timeout (or a deadline), or its
declaration bears MAY_YIELD (base/yield.h). Whether it may is computed from its calls: those of State
Threads that switch, those of functions that may, and those through pointers that may. A pointer (a
member, a parameter, a type) may by the same two signs, and a function that bears MAY_YIELD is given
only to a pointer that bears it too. So observers, gates,
formats and the like, whose pointers have neither, cannot reach a switch. NO_YIELD(call) is the
author's word that this call does not; what a function that never returns does (a child process) is
not its caller's. A mark on a function that cannot switch is a fault as well.
"""

import re
import sys

sys.dont_write_bytecode = True

from source_graph import Graph, pointers

# State Threads' calls: those that switch, and those that do not. Another one is a fault.
SWITCHES = {"st_usleep", "st_cond_timedwait", "st_cond_wait", "st_netfd_poll", "st_poll", "st_sleep",
            "st_thread_yield", "st_thread_join", "st_thread_exit"}
STAYS = {"st_cond_destroy", "st_cond_new", "st_cond_signal", "st_cond_broadcast", "st_get_eventsys_name",
         "st_init", "st_netfd_open", "st_set_eventsys", "st_set_utime_function", "st_thread_create",
         "st_thread_self", "st_utime_last_clock", "st_utime"}
# Calls outside of trunk that start a coroutine: their function may switch.
STARTS = {"st_thread_create"}
LIMIT = re.compile(r"^\s*usec_t\s+(timeout|deadline)$")


def has_limit(parameters):
    """The last parameter, or the last before a format and its values."""
    if parameters and parameters[-1].strip() == "...":
        parameters = parameters[:-2]
    return bool(parameters) and LIMIT.match(parameters[-1]) is not None


def may(pointer):
    return pointer.marked or has_limit(pointer.parameters)


class Gate:
    def __init__(self, graph):
        self.graph, self.faults = graph, []
        self.members = {(p.name, len(p.parameters)) for p in graph.members if may(p)}
        self.marked_members = {(p.name, len(p.parameters)) for p in graph.members if p.marked}
        self.typed = set()  # what a file declares by a type of its own
        typed = "|".join(name for name, pointer in graph.types.items() if may(pointer))
        if typed:
            for source in graph.sources:
                for name in re.findall(rf"\b(?:{typed})\s+(\w+)\s*[;,)=]", source.path.read_text()):
                    for pointer in graph.types.values():
                        if may(pointer):
                            self.members.add((name, len(pointer.parameters)))
                            self.typed.add((source.path, name, len(pointer.parameters)))
                        self.marked_members |= {(name, len(pointer.parameters))} if pointer.marked else set()
        self.why = {}  # function: the call by which it may switch

    def complain(self, function, what):
        self.faults.append(f"{function.path}:{function.line}: {what}")

    def through_pointer(self, function, name, count, member):
        if (name, count) in self.members if member else (function.path, name, count) in self.typed:
            return True
        return not member and any(p.name == name and may(p) for text in function.parameters for p in pointers(text))

    def spread(self):
        callers, work = {}, []
        for source, function in self.graph.bodies():
            if function.name in ("main", "NO_YIELD"):
                continue
            for name, count, member in function.calls:
                called = None if member else self.graph.find(source, name)
                if called is not None and called.body is not None:
                    callers.setdefault(called, []).append(function)
                elif called is None and (name in SWITCHES or self.through_pointer(function, name, count, member)):
                    work.append((function, name))
                elif called is None and name.startswith("st_") and name not in STAYS:
                    self.complain(function, f"{name}() is neither in SWITCHES nor in STAYS of gate_yield.py")
        while work:
            function, name = work.pop()
            if function not in self.why:
                self.why[function] = name
                if function.returns:
                    work += [(caller, function.name) for caller in callers.get(function, [])]

    def judge(self):
        for _, function in self.graph.bodies():
            limit = has_limit(function.parameters)
            if function in self.why and not limit and not function.marked:
                self.complain(function, f"{function.name}() may switch coroutine by {self.why[function]}(): "
                              "a timeout as its last parameter, or MAY_YIELD")
            elif function.marked and limit:
                self.complain(function, f"{function.name}() bears MAY_YIELD beside a timeout")
            elif function.marked and function not in self.why:
                self.complain(function, f"{function.name}() bears MAY_YIELD, but cannot switch coroutine")

    def accepts(self, source, function, where, table):
        """Whether a function that bears MAY_YIELD may be named there."""
        if where == ("excused",):
            return True
        if where is None:
            return any(f"struct {name}" in table for name in self.graph.structs_marked)
        if where[0] == "member":
            return (where[1], len(function.parameters)) in self.marked_members
        called = self.graph.find(source, where[1])
        if called is None:
            return where[1] in STARTS
        if where[2] >= len(called.parameters):
            return False
        text = called.parameters[where[2]]
        return (any(p.marked for p in pointers(text))
                or any(re.search(rf"\b{name}\b", text) for name, p in self.graph.types.items() if p.marked))

    def handed(self):
        for source in self.graph.sources:
            named = [(function.path, function.line, ref, "") for function in source.functions.values()
                     if function.body is not None for ref in function.refs]
            named += [(source.path, line, ref, head) for line, head, refs in source.tables for ref in refs]
            for path, line, (name, where), table in named:
                function = self.graph.find(source, name)
                if function is None or not function.marked or self.accepts(source, function, where, table):
                    continue
                self.faults.append(f"{path}:{line}: {name}() bears MAY_YIELD and is given to what must not switch")

    def run(self):
        self.spread()
        self.judge()
        self.handed()
        return self.faults


def main():
    faults = Gate(Graph()).run()
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
