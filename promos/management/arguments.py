"""Kinds of arguments that several commands take; a wrong one gets a sentence."""

from argparse import ArgumentTypeError


def port(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**16:
        raise ArgumentTypeError(f"{text} is no port: take a number up to 65535.")
    return int(text)
