"""The one way in which a function or a setting of ministack is replaced."""

import functools
import inspect


def corrects(*owners, name):
    """Replaces `name` of each owner, a module or a dispatch table, by the
    decorated function, which gets the original as its first argument.

    The program exits if there is no such function, or if its parameters are
    not those of the replacement: that ministack needs another correction.
    """

    def decorate(replacement):
        for owner in owners:
            table = owner if isinstance(owner, dict) else vars(owner)
            original = table.get(name)
            if original is None:
                raise SystemExit(f"correction {replacement.__name__}: ministack has no {name}")
            expected, given = _parameters(original), _parameters(replacement)[1:]
            if given != expected:
                raise SystemExit(f"correction {replacement.__name__}: {name} of ministack takes {expected}, not {given}")
            corrected = functools.partial(replacement, original)
            functools.update_wrapper(corrected, original)
            table[name] = corrected
        return replacement

    return decorate


def sets(owner, **settings):
    """Gives settings of a class other values of the same type. The program exits if there is no such setting."""
    for name, value in settings.items():
        if type(vars(owner).get(name)) is not type(value):
            raise SystemExit(f"correction of {owner.__name__}: ministack has no setting {name} like {value}")
        setattr(owner, name, value)


def _parameters(function):
    return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]
