"""`python -m magnify` and the `magnify` command."""


def main() -> None:
    from magnify.cli import app

    app(prog_name="magnify")


if __name__ == "__main__":
    main()
