"""Pickles, read without running them.

A pickle is a program for a stack machine, whose instructions Python's pickletools describes.
Python's own machine imports and calls what the program names, and hashes what it has built. This
one has the same instructions, but a program can reach nothing outside it (`pickled_names`), and
each instruction takes little time and memory.
"""

import pickletools
from collections.abc import Callable
from typing import IO, Any

import torch
from torch import Tensor

from magnify.checkpoints.limits import MOST_INSTRUCTIONS, MOST_TENSORS
from magnify.checkpoints.pickled_names import (
    FUNCTIONS,
    Inert,
    checked_name,
    stand_in,
    under_strings,
)
from magnify.errors import CheckpointError

_MOST_ARGUMENTS = 16

Storage = Callable[[torch.dtype, str, int], Tensor]
"""From type, key and number of elements to a storage, as a tensor of one axis."""


def unpickle(file: IO[bytes], storage: Storage | None = None) -> object:
    """What the pickle at the file's position holds; the file is then past it.

    A dict keeps what is under a string. A set is a list. A class, a function, an object and a
    result are an `Inert` each; the memory of a tensor is asked of `storage`.

    Raises:
        CheckpointError: it asks for code to be run, or has more to it than any network.
        Exception: any kind, where it is damaged.
    """
    machine = _Machine(storage)
    for opcode, argument, _ in pickletools.genops(file):
        machine.spend(1)
        if opcode.name == "STOP":
            break
        if opcode.name not in _INSTRUCTIONS:
            raise CheckpointError(f"its pickle uses {opcode.name}, which is not supported")
        _INSTRUCTIONS[opcode.name](machine, argument)
    return machine.take()


class _Machine:
    def __init__(self, storage: Storage | None) -> None:
        self.storage = storage
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        """The stack that each MARK has put aside."""
        self.memo: dict[int, object] = {}
        self.named: dict[tuple[str, str], object] = {}
        self.work = self.tensors = 0

    def spend(self, work: int) -> None:
        self.work += work
        if self.work > MOST_INSTRUCTIONS:
            raise CheckpointError(
                f"its pickle has over {MOST_INSTRUCTIONS:,} instructions, more than any network"
            )

    def push(self, value: object) -> None:
        self.stack.append(value)

    def top(self) -> Any:
        if not self.stack:
            raise EOFError("its pickle takes what is not there")
        return self.stack[-1]

    def take(self) -> Any:
        value = self.top()
        self.stack.pop()
        return value

    def take_last(self, count: int) -> list[Any]:
        """Takes the last ones, in the order in which they were pushed."""
        if len(self.stack) < count:
            raise EOFError("its pickle takes what is not there")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def take_marked(self) -> list[Any]:
        """Takes what has been pushed since the last MARK."""
        if not self.below:
            raise EOFError("its pickle takes what is not there")
        items, self.stack = self.stack, self.below.pop()
        return items

    def drop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.take_marked()

    def put(self, index: int) -> None:
        self.memo[index] = self.top()

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise EOFError(f"its pickle fetches {index}, which was not put away")
        self.push(self.memo[index])

    def extend(self, items: list[Any]) -> None:
        target = self.top()
        if isinstance(target, list):
            target.extend(items)
        elif not isinstance(target, Inert):
            raise TypeError(f"its pickle appends to {type(target).__name__}")

    def update(self, items: list[Any]) -> None:
        """Sets keys and values, which come in turns."""
        target = self.top()
        if isinstance(target, dict):
            target.update(under_strings(zip(items[::2], items[1::2], strict=True)))
        elif not isinstance(target, Inert):
            raise TypeError(f"its pickle sets items of {type(target).__name__}")

    def push_dict(self, items: list[Any]) -> None:
        self.push({})
        self.update(items)

    def build(self) -> None:
        state, target = self.take(), self.top()
        if isinstance(target, Inert) and isinstance(state, dict):
            target.state = state

    def name(self, module: object, name: object) -> None:
        pair = checked_name(module), checked_name(name)
        if pair not in self.named:
            self.named[pair] = stand_in(*pair)
        self.push(self.named[pair])

    def instantiate(self, named: object) -> None:
        if not isinstance(named, Inert):
            raise TypeError(f"its pickle wants an object of {type(named).__name__}")
        self.push(Inert(named.published))

    def instantiate_named(self, named: str) -> None:
        self.take_marked()  # the arguments
        self.name(*named.split(" ", 1))
        self.instantiate(self.take())

    def call(self) -> None:
        arguments, named = self.take(), self.take()
        if not isinstance(named, Inert) or named.published not in FUNCTIONS:
            return self.instantiate(named)
        if not isinstance(arguments, tuple) or len(arguments) > _MOST_ARGUMENTS:
            raise TypeError(f"its pickle calls {named.published} with other arguments")
        self.spend(sum(len(part) for part in arguments if isinstance(part, list | tuple)))
        result = FUNCTIONS[named.published](*arguments)
        self.tensors += isinstance(result, Tensor)
        if self.tensors > MOST_TENSORS:
            raise CheckpointError(f"has over {MOST_TENSORS:,} tensors, more than any network")
        self.push(result)

    def load_persistent(self) -> None:
        match self.take():
            case ("module", named, _, _):  # beside the source code that legacy files keep of it
                self.push(named)
            case ("storage", torch.dtype() as dtype, str(key), _, int(numel)) | (
                "storage",
                torch.dtype() as dtype,
                str(key),
                _,
                int(numel),
                None,
            ) if self.storage is not None:
                self.push(self.storage(dtype, checked_name(key), numel))
            case _:
                raise CheckpointError("its tensors are stored in a way that is not supported")


_Instruction = Callable[[_Machine, Any], object]


def _pushes(*names: str) -> dict[str, _Instruction]:
    """The instructions that push their argument."""
    return dict.fromkeys(names, _Machine.push)


_INSTRUCTIONS: dict[str, _Instruction] = {
    **_pushes("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    **_pushes("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
    **_pushes("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    **_pushes("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_SET": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.take_last(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.take_last(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.take_last(3))),
    "MARK": lambda machine, _: machine.mark(),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.take_marked())),
    "LIST": lambda machine, _: machine.push(machine.take_marked()),
    "FROZENSET": lambda machine, _: machine.push(machine.take_marked()),
    "DICT": lambda machine, _: machine.push_dict(machine.take_marked()),
    "APPEND": lambda machine, _: machine.extend([machine.take()]),
    "APPENDS": lambda machine, _: machine.extend(machine.take_marked()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.take_marked()),
    "SETITEM": lambda machine, _: machine.update(machine.take_last(2)),
    "SETITEMS": lambda machine, _: machine.update(machine.take_marked()),
    "POP": lambda machine, _: machine.drop(),
    "POP_MARK": lambda machine, _: machine.take_marked(),
    "DUP": lambda machine, _: machine.push(machine.top()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memo)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "GLOBAL": lambda machine, named: machine.name(*named.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.name(*machine.take_last(2)),
    "REDUCE": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
    "NEWOBJ": lambda machine, _: machine.instantiate(machine.take_last(2)[0]),
    "NEWOBJ_EX": lambda machine, _: machine.instantiate(machine.take_last(3)[0]),
    "OBJ": lambda machine, _: machine.instantiate(machine.take_marked()[0]),
    "INST": lambda machine, named: machine.instantiate_named(named),
    "BINPERSID": lambda machine, _: machine.load_persistent(),
}
