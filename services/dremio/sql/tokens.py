"""A reader over a statement's tokens, for the statements that are Dremio's own."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from services.dremio.sql.dialect import DREMIO
from services.dremio.state.errors import DremioError, ErrorKind


def tokenize(sql: str) -> list[Token]:
    """Return the tokens of `sql`. Raises DremioError (PARSE)."""
    try:
        return DREMIO.tokenize(sql)
    except SqlglotError as error:
        raise DremioError(ErrorKind.PARSE, f"Failure parsing the query. {error}") from error


class Reader:
    """Walks over tokens; words are compared without regard to case."""

    def __init__(self, sql: str, tokens: list[Token]) -> None:
        self.sql = sql
        self.tokens = tokens
        self.at = 0

    @property
    def done(self) -> bool:
        """Whether every token has been read."""
        return self.at >= len(self.tokens)

    def word(self, ahead: int = 0) -> str:
        """Return the upper-cased text of an unquoted token, or '' at the end or for literals."""
        return self._word(self.at + ahead)

    def _word(self, position: int) -> str:
        if position >= len(self.tokens):
            return ""
        token = self.tokens[position]
        if token.token_type in (TokenType.STRING, TokenType.IDENTIFIER):
            return ""
        return token.text.upper()

    def accept(self, *words: str) -> bool:
        """Skip `words` if they come next, all of them."""
        position, rest = self.at, list(words)
        while rest:
            parts = self._word(position).split()  # "PARTITION BY" is one token
            if not parts or parts != rest[: len(parts)]:
                return False
            rest = rest[len(parts) :]
            position += 1
        self.at = position
        return True

    def accept_any(self, *words: str) -> str:
        """Skip one of `words` if it comes next and return it, else ''."""
        word = self.word()
        if word and word in words:
            self.at += 1
            return word
        return ""

    def expect(self, *words: str) -> None:
        """Skip `words`. Raises DremioError (PARSE) when something else comes."""
        if not self.accept(*words):
            raise self.error(f"expected {' '.join(words)}")

    def identifier(self) -> str:
        """Read one name. Raises DremioError (PARSE)."""
        if self.done:
            raise self.error("expected a name")
        token = self.tokens[self.at]
        if token.token_type is TokenType.IDENTIFIER or _is_name(token.text):
            self.at += 1
            return token.text
        raise self.error("expected a name")

    def path(self) -> tuple[str, ...]:
        """Read a dotted path. Raises DremioError (PARSE)."""
        parts = [self.identifier()]
        while self.accept("."):
            parts.append(self.identifier())
        return tuple(parts)

    def string(self) -> str:
        """Read a string literal. Raises DremioError (PARSE)."""
        if self.done or self.tokens[self.at].token_type is not TokenType.STRING:
            raise self.error("expected a string")
        self.at += 1
        return self.tokens[self.at - 1].text

    def group(self, *, types: bool = False) -> list[list[Token]]:
        """Read a parenthesised list; return the tokens of each item. Raises DremioError (PARSE).

        `types`: the items are columns, in whose types (`MAP<INT, DATE>`) angles are brackets.
        """
        opens = (TokenType.L_PAREN, TokenType.LT) if types else (TokenType.L_PAREN,)
        closes = (TokenType.R_PAREN, TokenType.GT) if types else (TokenType.R_PAREN,)
        self.expect("(")
        items: list[list[Token]] = [[]]
        depth = 1
        while not self.done:
            token = self.tokens[self.at]
            self.at += 1
            if token.token_type in opens:
                depth += 1
            elif token.token_type in closes:
                depth -= 1
                if depth == 0:
                    return [item for item in items if item]
            elif token.token_type is TokenType.COMMA and depth == 1:
                items.append([])
                continue
            items[-1].append(token)
        raise self.error("expected )")

    def rest(self) -> list[Token]:
        """Return the tokens not yet read."""
        return self.tokens[self.at :]

    def text(self) -> str:
        """Return the part of the statement not yet read, as written."""
        remaining = self.rest()
        return self.sql[remaining[0].start : remaining[-1].end + 1] if remaining else ""

    def end(self) -> None:
        """Check that nothing follows. Raises DremioError (PARSE)."""
        if not self.done:
            raise self.error("expected the end of the statement")

    def error(self, why: str) -> DremioError:
        """Return the error for what comes next."""
        token = self.tokens[min(self.at, len(self.tokens) - 1)] if self.tokens else None
        near = f'"{token.text}"' if token and not self.done else "the end"
        where = f" at line {token.line}, column {token.col}" if token else ""
        return DremioError(
            ErrorKind.PARSE,
            f"Failure parsing the query. Encountered {near}{where}: {why}",
            line=token.line if token else None,
            column=token.col if token else None,
        )


def parse_tokens(tokens: list[Token], sql: str) -> exp.Expression:
    """Parse exactly one expression or statement with sqlglot. Raises DremioError (PARSE)."""
    try:
        found = DREMIO.parser().parse(_spelled(_unescaped(tokens)), sql)
        trees = [tree for tree in found if tree is not None]
    except SqlglotError as error:
        first: dict[str, object] = (getattr(error, "errors", None) or [{}])[0]
        line, column = first.get("line"), first.get("col")
        raise DremioError(
            ErrorKind.PARSE,
            f"Failure parsing the query. {_described(first, error)}"
            + (f" at line {line}, column {column}" if line else ""),
            line=line if isinstance(line, int) else None,
            column=column if isinstance(column, int) else None,
        ) from error
    if len(trees) != 1:
        raise DremioError(ErrorKind.PARSE, "Failure parsing the query. Expected one statement")
    tree = trees[0]
    if not isinstance(tree, exp.Expression) or isinstance(tree, exp.Command):
        raise DremioError(ErrorKind.PARSE, "Failure parsing the query. Unknown statement")
    return tree


def _described(first: dict[str, object], error: SqlglotError) -> str:
    """Return what went wrong without the parser's own objects."""
    text = str(first.get("description") or error)
    wanted, shown, _ = text.partition(" but got <Token")
    if not shown:
        return text
    token = "the statement ends" if "SENTINEL" in text else f"got {first.get('highlight')}"
    return f"{wanted} but {token}"


def _spelled(tokens: list[Token]) -> list[Token]:
    """Return the tokens as sqlglot knows them: MINUS is EXCEPT, LIMIT ALL is no limit."""
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        word, after = tokens[at], tokens[at + 1 : at + 3]
        if word.token_type is TokenType.LIMIT and after and after[0].text.upper() == "ALL":
            at += 2
            continue
        if _is_minus(word, after):
            where = (word.line, word.col, word.start, word.end)
            word = Token(TokenType.EXCEPT, "EXCEPT", *where, [])
        found.append(word)
        at += 1
    return found


def _is_minus(word: Token, after: list[Token]) -> bool:
    """Whether a word stands between two queries; a column may be called so."""
    if word.token_type is not TokenType.VAR or word.text.upper() != "MINUS" or not after:
        return False
    starts = [token.token_type for token in after]
    if starts[0] in (TokenType.ALL, TokenType.DISTINCT, TokenType.L_PAREN):
        return len(starts) > 1 and starts[1] in _QUERIES
    return starts[0] in _QUERIES


_QUERIES = (TokenType.SELECT, TokenType.VALUES, TokenType.WITH, TokenType.L_PAREN)
_ESCAPES = {"d": TokenType.DATE, "t": TokenType.TIME, "ts": TokenType.TIMESTAMP}


def _unescaped(tokens: list[Token]) -> list[Token]:
    """Return JDBC's `{d '…'}`, `{t '…'}`, `{ts '…'}` as DATE, TIME and TIMESTAMP literals."""
    if all(token.token_type is not TokenType.L_BRACE for token in tokens):
        return tokens
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        four = tokens[at : at + 4]
        kind = _ESCAPES.get(four[1].text.lower()) if len(four) == 4 else None
        if kind is not None and [t.token_type for t in (four[0], *four[2:])] == [
            TokenType.L_BRACE,
            TokenType.STRING,
            TokenType.R_BRACE,
        ]:
            word = four[1]
            found.append(Token(kind, kind.name, word.line, word.col, word.start, word.end, []))
            found.append(four[2])
            at += 4
            continue
        found.append(tokens[at])
        at += 1
    return found


def _is_name(text: str) -> bool:
    return bool(text) and (text[0].isalpha() or text[0] in "_$@")
