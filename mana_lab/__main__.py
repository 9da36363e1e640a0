"""The commands: ``python -m mana_lab``."""

from mana_lab.commands import app


def main() -> None:
    """Run the command that the arguments name."""
    app(prog_name="python -m mana_lab")


if __name__ == "__main__":
    main()
