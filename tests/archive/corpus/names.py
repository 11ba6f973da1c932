"""Names that lead out of the folder, mean a device, or are read as two things. The manifest lists them where it can."""

from __future__ import annotations

import functools

from tests.archive.corpus.case import Case
from tests.archive.corpus.parts import Part, bundle, good_parts, zipped

#: (what, the name as text)
_TEXT = (
    ("a way up", "../evil"),
    ("a way up in the middle", "model/../../evil"),
    ("many ways up", "../" * 20 + "evil"),
    ("a way up at the end", "model/.."),
    ("two dots alone", ".."),
    ("dot alone", "."),
    ("dot in front", "./model/x"),
    ("absolute", "/kbundle-corpus/evil"),
    ("two slashes in front", "//host/share/evil"),
    ("drive", "C:/evil"),
    ("drive without slash", "C:evil"),
    ("UNC", "\\\\host\\share\\evil"),
    ("device path", "\\\\?\\C:\\evil"),
    ("backslash", "model\\evil"),
    ("way up by backslash", "..\\..\\evil"),
    ("way up by backslash below", "model/..\\..\\evil"),
    ("stream", "model/x:stream"),
    ("stream of the data", "model/x::$DATA"),
    ("console", "model/CON"),
    ("console in small letters", "model/con"),
    ("console with a suffix", "model/con.txt"),
    ("console with spaces", "model/con  .txt"),
    ("null device", "model/NUL"),
    ("folder that is a device", "model/aux/x"),
    ("serial port", "model/COM1"),
    ("serial port with a superscript", "model/COM\u00b9"),
    ("printer", "model/lpt9.x"),
    ("console by the dotless i", "model/con\u0131n$"),
    ("console input", "model/CONIN$"),
    ("dot behind", "model/x."),
    ("three dots", "model/..."),
    ("space behind", "model/x "),
    ("space in front", "model/ x"),
    ("only a space", "model/ /x"),
    ("double slash", "model//x"),
    ("dot segment", "model/./x"),
    ("slash behind", "model/x/"),
    ("home", "~/x"),
    ("variable", "%TEMP%/x"),
    ("asterisk", "model/*"),
    ("question mark", "model/?"),
    ("quotation mark", 'model/"x"'),
    ("less than", "model/<x"),
    ("pipe", "model/|x"),
    ("semicolon", "model/x;1"),
    ("newline", "model/a\nb"),
    ("carriage return", "model/a\rb"),
    ("tab", "model/a\tb"),
    ("escape sequence", "model/\x1b[2Jx"),
    ("bell", "model/\x07"),
    ("delete", "model/\x7f"),
    ("C1 control", "model/\x9b"),
    ("right-to-left override", "model/\u202egpj.exe"),
    ("left-to-right mark", "model/\u200ex"),
    ("isolate", "model/\u2066x"),
    ("zero-width space", "model/a\u200bb"),
    ("zero-width joiner", "model/a\u200db"),
    ("byte-order mark", "model/\ufeffx"),
    ("soft hyphen", "model/a\u00adb"),
    ("no-break space", "model/a\u00a0b"),
    ("ideographic space", "model/a\u3000b"),
    ("Hangul filler", "model/\u3164"),
    ("Braille blank", "model/\u2800"),
    ("combining joiner", "model/a\u034fb"),
    ("tag character", "model/a\U000e0041"),
    ("line separator", "model/a\u2028b"),
    ("private use", "model/\ue000"),
    ("unassigned", "model/\u0378"),
    ("noncharacter", "model/\uffff"),
    ("not in normal form C", "model/e\u0301"),
    ("angstrom sign", "model/\u212b"),
    ("segment of 256 bytes", "model/" + "a" * 256),
    ("name of 1025 bytes", "model/" + "/".join(["a" * 254] * 3 + ["b" * 254])),
    ("name of 5000 bytes", "model/" + "/".join(["a" * 250] * 20)),
    ("name of 65,535 bytes", "model/" + "a" * 65_529),
    ("seventeen segments", "model/" + "/".join("abcdefghijklmnop")),
    ("outside the places", "evil.py"),
    ("git hook", ".git/hooks/post-checkout"),
    ("folder of a place only", "model"),
    ("place in capitals", "MODEL/x"),
    ("site customisation", "sitecustomize.py"),
    ("place with a dot", "./code/x.py"),
)

#: (what, the name as bytes, fields of both headers)
_BYTES = (
    ("zero byte", b"model/x\0.txt", {}),
    ("zero byte behind", b"model/x\0", {}),
    ("zero byte in front", b"\0model/x", {}),
    ("empty", b"", {}),
    ("Latin-1 without the flag", b"model/\xe9", {"flags": 0}),
    ("Latin-1 with the flag", b"model/\xe9", {"flags": 0x0800}),
    ("code page 437", b"model/\x82\x9b", {"flags": 0}),
    ("UTF-8 without the flag", "model/\u00e9".encode(), {"flags": 0}),
    ("ASCII with the flag", b"model/x", {"flags": 0x0800}),
    ("overlong slash", b"model/..\xc0\xafevil", {"flags": 0x0800}),
    ("surrogate", b"model/\xed\xa0\x80", {"flags": 0x0800}),
    ("surrogate pair in six bytes", b"model/\xed\xa0\xbd\xed\xb8\x80", {"flags": 0x0800}),
    ("beyond Unicode", b"model/\xf4\x90\x80\x80", {"flags": 0x0800}),
    ("half a character", b"model/\xc3", {"flags": 0x0800}),
    ("Shift-JIS with a backslash", b"model/\x83\x5c", {"flags": 0}),
    ("UTF-16", "model/x".encode("utf-16-le"), {}),
    ("UTF-7", b"model/+AGE-", {}),
)


def _listed(name: str) -> bytes:
    return zipped(good_parts([(name, b"content")]))


def _raw(name: bytes, both: dict[str, int]) -> bytes:
    return bundle(lambda parts: parts.append(Part(name=name, content=b"content", both=both)))


# The format allows a name that looks like UTF-7: it is ASCII; but its file is not in the manifest here.
CASES = (
    *(Case(f"name: {what}", functools.partial(_listed, name)) for what, name in _TEXT),
    *(Case(f"name: {what}", functools.partial(_raw, name, both)) for what, name, both in _BYTES),
)
