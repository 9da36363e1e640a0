"""The cells of findings, as a notebook runs them."""

import ast


def value_of(cell, lab):
    """Run a notebook cell and return what it shows: the value of its last line."""
    tree = ast.parse(cell)
    last = ast.Expression(tree.body.pop().value)
    names = {"lab": lab}
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(last, "cell", "eval"), names)
