"""Rows of ratings, and data that were published."""

import pandas as pd


def rows_of(*rows, **same):
    """Make rows of tuples of persona, module and rating."""
    return pd.DataFrame(
        [{"persona_id": who, "module": what, "rating": said, **same} for who, what, said in rows],
        columns=["persona_id", "module", "rating", *same],
    )


# Randall (1989), "The analysis of sensory data by generalised linear model", Biometrical Journal
# 31: the bitterness of wine as rated by nine judges (columns); the first four bottles are cold,
# bottles 3, 4, 7 and 8 had contact with the skins. Table 1 of the tutorials of the R package
# ordinal (Christensen), where they are the data set ``wine``.
_WINE = """
2 1 2 3 2 3 1 2 1
3 2 3 2 3 2 1 2 2
3 1 3 3 4 3 2 2 3
4 3 2 2 3 2 2 3 2
4 2 5 3 3 2 2 3 3
4 3 5 2 3 4 3 3 2
5 5 4 5 3 5 2 3 4
5 4 4 3 3 4 3 4 4
"""


def wine():
    """Return the 72 ratings of wine."""
    return pd.DataFrame(
        [
            {
                "persona_id": f"judge {judge}",
                "rating": int(rating),
                "temp": "warm" if bottle >= 4 else "cold",
                "contact": "yes" if bottle % 4 >= 2 else "no",
            }
            for bottle, line in enumerate(_WINE.strip().splitlines())
            for judge, rating in enumerate(line.split(), start=1)
        ]
    )
