"""Queries on the views as SQL for Spark, by sqlglot.

Some of what sqlglot translates means something else in Spark, and it doesn't say so: exact percentiles become
approximate ones, the order within a list is lost, `->> 'a.b'` looks for `b` in `a`, types and functions that Spark
doesn't have stay as they are. So only what was seen to give the same answers is translated.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from one_logger.analysis.errors import ReadError

try:
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError
except ImportError as error:
    raise ReadError("SQL for Spark needs sqlglot: pip install 'one-logger-analysis[spark]'.") from error

_KEY = re.compile(r"[\w.-]+")


def _has_only(*names: str) -> Callable[[Any], bool]:
    """Whether an expression has nothing but these parts."""
    return lambda node: not {name for name, value in node.args.items() if value} - set(names)


def _is_plain_join(node: exp.Join) -> bool:
    return _has_only("this", "on", "side", "kind")(node) and node.kind in {"", "INNER", "CROSS", "OUTER"}


def _is_key(node: exp.JSONExtractScalar) -> bool:
    # Of a path with two keys one cannot tell whether it was meant as one key with a dot.
    path = node.expression
    keys = path.expressions[1:] if isinstance(path, exp.JSONPath) else []
    return len(keys) == 1 and isinstance(keys[0], exp.JSONPathKey) and bool(_KEY.fullmatch(str(keys[0].this)))


def _is_text_or_whole(node: exp.Literal) -> bool:
    return bool(node.is_string) or (node.this.isdecimal() and int(node.this) < 2**63)


def _is_whole(node: exp.Cast, *operands: type[exp.Expr]) -> bool:
    return node.to.this is exp.DataType.Type.BIGINT and isinstance(node.this, operands)


_ALWAYS = (
    *(exp.From, exp.Where, exp.Having, exp.Limit, exp.CTE, exp.Alias, exp.TableAlias, exp.Subquery, exp.Exists),
    *(exp.Column, exp.Identifier, exp.Boolean, exp.Null, exp.Paren, exp.JSONPath, exp.JSONPathRoot, exp.JSONPathKey),
    *(exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.NullSafeEQ),
    *(exp.NullSafeNEQ, exp.Case, exp.If, exp.Coalesce, exp.Greatest, exp.Least, exp.Add, exp.Sub, exp.Mul, exp.DPipe),
    *(exp.Replace, exp.Count, exp.Sum, exp.Min, exp.Max, exp.RowNumber, exp.DenseRank, exp.Order, exp.Ordered),
)
_ON_CONDITION: dict[type[exp.Expr], Callable[[Any], bool]] = {
    # Of other texts DuckDB takes some for numbers that Spark doesn't, as 1e3.
    exp.Cast: lambda node: _is_whole(node, exp.Sum, exp.Least, exp.Coalesce),
    exp.DataType: lambda node: node.this is exp.DataType.Type.BIGINT,
    exp.Distinct: lambda node: not node.args.get("on"),
    exp.Group: _has_only("expressions"),
    exp.In: _has_only("this", "expressions"),
    exp.Join: _is_plain_join,
    exp.JSONExtractScalar: _is_key,
    exp.Lag: _has_only("this", "offset", "default"),
    exp.Like: lambda node: isinstance(node.expression, exp.Literal) and "\\" not in node.expression.this,
    exp.Literal: _is_text_or_whole,
    exp.RegexpExtract: lambda node: node.args["group"].this == "0",
    exp.Select: _has_only(
        *("expressions", "distinct", "from_", "with_", "joins", "where", "group", "having", "order", "limit")
    ),
    exp.Star: _has_only(),
    exp.Table: lambda node: isinstance(node.this, exp.Identifier),
    exp.TryCast: lambda node: _is_whole(node, exp.RegexpExtract),
    exp.Union: lambda node: _has_only("this", "expression", "with_")(node) and node.args.get("distinct") is False,
    exp.Window: _has_only("this", "partition_by", "order", "spec", "over"),
    exp.WindowSpec: lambda node: node.args.get("kind") == "ROWS",
    exp.With: _has_only("expressions"),
}


def translate(query: str) -> str:
    """A query on the views as SQL for Spark 4 in its ANSI mode, which is its default.

    Args:
        query: In DuckDB's SQL.

    Raises:
        ReadError: The query isn't right, or has something of which nobody has seen that it gives the same in Spark.
    """
    return _written(_checked(query))


def steps(query: str, name: str) -> list[tuple[str, str]]:
    """A query as several for Spark, each with the name under which its answer is to be kept for the next ones.

    Spark puts the text of each CTE wherever its name stands: where ten of them use the one before twice, that is a
    thousand times. So each CTE that is used more than once is a query of its own.

    Args:
        query: In DuckDB's SQL.
        name: What the query's own answer is to be called.

    Raises:
        ReadError: As `translate`.
    """
    tree = _checked(query)
    found: list[tuple[str, str]] = []
    for cte in list(tree.find_all(exp.CTE)):
        tables = [table for table in tree.find_all(exp.Table) if table.name == cte.alias]
        if len(tables) > 1:
            step = f"{name}_{cte.alias}"
            for table in tables:
                table.set("this", exp.to_identifier(step))
            cte.pop()
            found.append((step, _written(cte.this)))
    with_ = tree.args.get("with_")
    if with_ is not None and not with_.expressions:
        with_.pop()
    return [*found, (name, _written(tree))]


def _checked(query: str) -> exp.Expr:
    try:
        tree = parse_one(query, read="duckdb")
    except SqlglotError as error:
        raise ReadError(f"The query isn't right: {error}") from error
    if not isinstance(tree, exp.Query):
        raise ReadError(f"{query!r} is no query.")
    for node in tree.walk():
        condition = _ON_CONDITION.get(type(node))
        if type(node) not in _ALWAYS and (condition is None or not condition(node)):
            raise ReadError(
                f"{node.sql('duckdb')!r} may mean something else in Spark. Leave that out, and write it in Spark's own "
                "SQL on the views."
            )
    return tree


def _written(tree: exp.Expr) -> str:
    tree = tree.copy()
    for total in tree.find_all(exp.Sum):
        # DuckDB's sum of whole numbers is one of 128 bits. Spark's has 64, and fails where they are not enough.
        total.set("this", exp.cast(total.this, "DECIMAL(38, 0)", dialect="spark"))
    return tree.sql("spark", pretty=True, comments=False)
