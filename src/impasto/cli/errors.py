"""Translate the advice of library errors, which names Python arguments, into options of the command line."""

from __future__ import annotations

import re

from impasto.cli.options import FLAGS

_ARGUMENT = re.compile(
    r"""(?<![\w/\\.'"=-])  # not within a path, a quotation or another value
    (?P<name>[a-z_]+)=
    (?: (?P<true>True)\b
      | "(?P<text>[^"\s]*)"
      | \{(?P<number>\d+):\s(?:"(?P<mask>[^"\s{}]*)"|[^{}]*)\}
      | (?P<placeholder>[A-Z]+)\b
      | (?P<count>\d+)(?![\w,]|\.\d)
      | (?=[.,;:)]*(?:\s|$)) )""",
    re.VERBOSE,
)


def as_options(sentence: str) -> str:
    """Replace each Python argument in a sentence by the option for it.

    These forms are replaced: ``force=True`` by ``--force``, ``protect=`` by ``--protect``, ``protect=FILE`` by
    ``--protect FILE``, ``precision="float32"`` by ``--precision float32``, ``masks={2: …}``
    by ``--mask 2=FILE``, ``masks={2: "none"}`` by ``--mask 2=none``, and ``depth=8`` by ``--depth 8``.
    Arguments that no option stands for stay as they are.

    Args:
        sentence: an error or a note of the library.
    """
    return _ARGUMENT.sub(_as_option, sentence)


def _as_option(match: re.Match[str]) -> str:
    flag = FLAGS.get(match["name"])
    if flag is None:
        return match[0]
    mask = match["number"] and f"{match['number']}={match['mask'] or 'FILE'}"
    value = match["text"] or match["placeholder"] or match["count"] or mask
    return f"{flag} {value}" if value else flag
