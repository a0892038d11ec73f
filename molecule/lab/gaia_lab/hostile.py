"""What nobody may get through the launch: the one corpus of unit, system and molecule tests.

Each value is a body of the REST API; :func:`fields` gives the same as form or link where these can say it. Every one of
them is to be refused with 4xx and a sentence, for every user, before anything starts.
"""

from __future__ import annotations

from typing import Any

# If one of these is in an answer's markup, a template's output or at the start of a log line, something got through.
SCRIPT = "<script>alert(4711)</script>"
FORGED = "FORGED-LINE"
# Where a form or link has a list, and elsewhere one text.
LISTS = ("business", "candidate", "pin")

NAMES: dict[str, str] = {
    # paths
    "traversal": "../../etc/passwd",
    "traversal encoded": "..%2f..%2fetc%2fpasswd",
    "traversal backslash": "..\\..\\windows",
    "absolute path": "/etc/shadow",
    "home": "~root/.ssh/id_rsa",
    "dot": ".",
    "dots": "..",
    "file url": "file:///etc/passwd",
    "null byte": "atmosphere\x00.png",
    # markup
    "script": SCRIPT,
    "image": "<img src=x onerror=alert(4711)>",
    "svg": "<svg/onload=alert(4711)>",
    "attribute": '" autofocus onfocus="alert(4711)',
    "single quote": "' onmouseover='alert(4711)",
    "comment": "--><script>alert(4711)</script><!--",
    "javascript url": "javascript:alert(4711)",
    "entity": "&lt;script&gt;alert(4711)&lt;/script&gt;",
    "closing tags": "</option></select></form>" + SCRIPT,
    # templates
    "jinja": "{{ 7 * 191 }}",
    "jinja block": "{% for x in range(9) %}4711{% endfor %}",
    "jinja globals": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "format username": "{username}",
    "format attribute": "{0.__class__.__mro__}",
    "format escape": "{escaped_username}{unescaped_username}",
    "percent": "%s%n%(x)d%99999999d",
    "f-string": "{__import__('os').system('id')}",
    "template literal": "${7*191}",
    "erb": "<%= 7 * 191 %>",
    # shells and programs
    "command substitution": "$(touch /tmp/gaia-hostile)",
    "backticks": "`touch /tmp/gaia-hostile`",
    "semicolon": "atmosphere; touch /tmp/gaia-hostile",
    "pipe": "atmosphere | sh",
    "ampersand": "atmosphere && sh",
    "option": "--privileged",
    "redirect": "atmosphere > /tmp/gaia-hostile",
    "sql": "'; DROP TABLE users; --",
    "python": "__import__('os').system('id')",
    "yaml tag": "!!python/object/apply:os.system ['id']",
    # references and runtimes
    "reference": "registry.example.org/vre/atmosphere:2026.1",
    "digest": "atmosphere@sha256:" + "0" * 64,
    "other registry": "evil.example.org/atmosphere",
    "volume": "/:/host:rw",
    # lines and terminals
    "line feed": f"atmosphere\n[I 2026-01-01 00:00:00.000 JupyterHub] {FORGED}",
    "launch line": f"atmosphere\nlaunch user=root outcome=ready {FORGED}",
    "carriage return": f"atmosphere\r\nSet-Cookie: {FORGED}=1",
    "escape sequence": "\x1b[2K\x1b[1A" + FORGED,
    "unicode line": f"atmosphere\u2028{FORGED}\u2029{FORGED}\x85{FORGED}",
    # unicode
    "cyrillic": "аtmosphere",
    "fullwidth": "ａｔｍｏｓｐｈｅｒｅ",
    "combining": "atmosphe\u0301re",
    "right to left": "atmosphere\u202egnp.exe",
    "zero width": "atmos\u200bphere",
    "byte order mark": "\ufeffatmosphere",
    "emoji": "🌊" * 20,
    "upper case": "ATMOSPHERE",
    "blank before": " atmosphere",
    "blank after": "atmosphere ",
    # names that mean something to a program
    "prototype": "__proto__",
    "constructor": "constructor",
    "dunder": "__class__",
    "null": "null",
    "none": "None",
    "number": "-1",
    "long": "a" * 4_000,
    "huge": "a" * 100_000,
    "star": "*",
}

SHAPES: dict[str, Any] = {
    "no body": None,
    "empty": {},
    "list": ["atmosphere"],
    "text": "atmosphere",
    "number": 7,
    "true": True,
    "prototype key": {"__proto__": {"business": ["atmosphere"]}},
    "constructor key": {"constructor": {"prototype": {"x": 1}}},
    "image key": {"business": ["atmosphere"], "image": "evil.example.org/x"},
    "mounts key": {"business": ["atmosphere"], "mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}]},
    "volumes key": {"business": ["atmosphere"], "volumes": {"/": "/host"}},
    "environment key": {"business": ["atmosphere"], "environment": {"LD_PRELOAD": "/srv/x"}},
    "command key": {"business": ["atmosphere"], "cmd": ["sh"]},
    "user key": {"business": ["atmosphere"], "user": "root"},
    "script key": {SCRIPT: "x"},
    "line key": {f"x\n{FORGED}": "x"},
    "empty key": {"": "x"},
    "huge key": {"k" * 100_000: "x"},
    "candidate": {"business": ["atmosphere"], "candidate": ["atmosphere"]},
    "business text": {"business": "atmosphere"},
    "business object": {"business": {"atmosphere": True}},
    "business null": {"business": [None]},
    "business nested": {"business": [["atmosphere"]]},
    "business numbers": {"business": [1, 2]},
    "business twice": {"business": ["atmosphere", "atmosphere"]},
    "business many": {"business": [f"x{number}" for number in range(300)]},
    "business empty name": {"business": [""]},
    "system as business": {"business": ["lab"]},
    "business as system": {"system": "atmosphere"},
    "system list": {"system": ["lab"]},
    "system true": {"system": True},
    "composition operator": {"composition": {"$ne": None}},
    "composition list": {"composition": ["coastal"]},
    "composition empty": {"composition": ""},
    "composition and business": {"composition": "coastal", "business": ["atmosphere"]},
    "resources number": {"business": ["atmosphere"], "resources": 4},
    "resources float": {"business": ["atmosphere"], "resources": 1e308},
    "pin text": {"business": ["atmosphere"], "pin": "atmosphere@sha256:" + "0" * 64},
    "pin unknown": {"business": ["atmosphere"], "pin": ["atmosphere@sha256:" + "f" * 64]},
    "pin of another": {"business": ["atmosphere"], "pin": ["geo@sha256:" + "0" * 64]},
    "pin path": {"business": ["atmosphere"], "pin": ["atmosphere@../../etc"]},
    "wrapped text": {"user_options": "atmosphere"},
    "deep": {"business": [[[[[[[[[["atmosphere"]]]]]]]]]]},
}

HOSTILE: dict[str, Any] = {
    **{f"{name} as image": {"business": [value]} for name, value in NAMES.items()},
    **{f"{name} as composition": {"composition": value} for name, value in NAMES.items()},
    **{f"{name} as system": {"system": value, "business": ["atmosphere"]} for name, value in list(NAMES.items())[::4]},
    **{
        f"{name} as resources": {"business": ["atmosphere"], "resources": value}
        for name, value in list(NAMES.items())[1::4]
    },
    **{f"{name} as version": {"business": ["atmosphere"], "pin": [value]} for name, value in list(NAMES.items())[2::4]},
    **SHAPES,
}


def fields(options: Any) -> dict[str, str | list[str]] | None:
    """The same as fields of a form or a link; None for what these cannot say, or say rightly."""
    if not isinstance(options, dict) or not options:
        return None
    found: dict[str, str | list[str]] = {}
    for key, value in options.items():
        if not (_texts(value) if key in LISTS else isinstance(value, str) and value):
            return None
        found[key] = value
    return found


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
