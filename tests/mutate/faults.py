"""Small faults in C sources, found by looking at their tokens.

A fault is (path, line, kind, old line, new line).  Kinds: an operator turned into its
neighbour, a condition turned round or made constant, a constant changed, a call, break or
continue dropped.  Left alone: the preprocessor, comments, text, declarations
of types, and what only writes messages.
"""
import re

TOKEN = re.compile(
    r"(?P<comment>//.*|/\*.*?\*/)|(?P<text>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')"
    r"|(?P<number>\b(?:0x[0-9a-fA-F]+|\d+)[uUlL]*\b)|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<op><<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%&|^~!<>=?:;,.(){}\[\]])"
)
SWAPS = {
    "==": ["!="], "!=": ["=="], "<": ["<=", ">="], ">": [">=", "<="], "<=": ["<", ">"], ">=": [">", "<"],
    "&&": ["||"], "||": ["&&"], "+": ["-"], "-": ["+"], "&": ["|"], "|": ["&"], "<<": [">>"], ">>": ["<<"],
    "+=": ["-=", "="], "-=": ["+=", "="], "|=": ["&=", "="], "&=": ["|=", "="], "++": ["--"], "--": ["++"],
    "*": ["/"], "/": ["*"], "%": ["/"],
}
# Where an operator stands after one of these it has one operand, or belongs to a type.
BINARY_AFTER = re.compile(r"[\w)\]]$")
MESSAGES = re.compile(r"\b(oc_log\w*|oc_say\w*|OC_PROBE\w*|oc_report\w*)\s*\(")
CALL = re.compile(r"^\s*(?:\(void\)\s*)?[a-z_][\w.>-]*\(.*\);\s*$")
TYPES = re.compile(r"\b(char|int|void|long|short|unsigned|const|struct|enum|size_t|s?size_t|off_t|off64_t|FILE|pid_t"
                   r"|u?int\d+_t|bool|_Atomic|static|volatile)\s*$")


def blank_comments(text):
    """The same text with comments (and continued preprocessor lines) as spaces."""
    def spaces(match):
        if match.group(0).startswith(("/*", "//")):
            return re.sub(r"[^\n]", " ", match.group(0))
        return match.group(0)
    text = re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", spaces, text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.M)


def number(token):
    digits = token.rstrip("uUlL")
    value, tail = int(digits, 8 if re.match("0[0-7]+$", digits) else 0), token[len(digits):]
    return ["%d%s" % (value + 1, tail)] + (["0"] if value > 1 else [])


def in_line(line):
    """The faults of one line, as (kind, new line)."""
    found = []

    def put(kind, start, end, new):
        found.append((kind, line[:start] + new + line[end:]))

    tokens = [m for m in TOKEN.finditer(line) if not m.group("comment")]
    for m in tokens:
        text, before = m.group(0), line[: m.start()].rstrip()
        if m.group("op"):
            pointer = text in "*&+-" and (not BINARY_AFTER.search(before) or re.search(r"\breturn$", before)
                                          or TYPES.search(before) or (text == "*" and not line[m.end():].startswith(" ")))
            for new in [] if pointer else SWAPS.get(text, []):
                put("operator", m.start(), m.end(), new)
            if text == "!":
                put("condition", m.start(), m.end(), "")
        elif m.group("number"):
            for new in number(text):
                put("constant", m.start(), m.end(), new)
        elif text in ("true", "false"):
            put("constant", m.start(), m.end(), "false" if text == "true" else "true")
    condition = re.match(r"^(\s*(?:\} else )?(?:if|while) \()(.*)(\)(?: \{)?)\s*$", line)
    if condition:
        head, inner, tail = condition.groups()
        if inner.count("(") == inner.count(")"):
            found.append(("condition", "%s!(%s)%s" % (head, inner, tail)))
    if CALL.match(line):
        found.append(("dropped", re.sub(r"\S.*$", ";", line)))
    if re.match(r"^\s*(break|continue);\s*$", line):
        found.append(("dropped", re.sub(r"\S.*$", ";", line)))
    return found


def bodies(text):
    """The numbers of lines inside functions: from a '{' in the first column to its '}'."""
    inside, lines = False, set()
    for n, line in enumerate(text.split("\n"), 1):
        if line.startswith("}"):
            inside = False
        if inside:
            lines.add(n)
        if line.rstrip() == "{" or re.match(r"^static inline .*\{$", line):
            inside = True
    return lines


def in_file(path, text):
    plain = blank_comments(text).split("\n")
    real = text.split("\n")
    inside = bodies("\n".join(plain))
    faults = []
    for n, line in enumerate(plain, 1):
        if n not in inside or MESSAGES.search(line) or not line.strip():
            continue
        for kind, new in in_line(line):
            faults.append((path, n, kind, real[n - 1], new))
    return faults


def function_of(text, number):
    """The name of the function that line NUMBER is in."""
    for line in reversed(text.split("\n")[:number]):
        line = re.sub(r"__attribute__\(\(.*?\)\)", "", line)
        name = re.match(r"[A-Za-z_].*?\b(\w+)\(", line)
        if name:
            return name.group(1)
    return None
