"""Where ministack 1.5.33 differs from AWS in what the product meets, corrected.

Each correction replaces one function or setting of ministack, always towards what AWS
documents, and is tested against both the corrected and the stock emulator: a
newer ministack that no longer needs one makes that test fail.
"""


def apply():
    """Puts every correction in place, or exits if ministack has no such place."""
    from corrections import (  # noqa: F401
        authorization, deletions, deployer, functions, gone, iam, labels, listings, resources, rotation, s3, schedule, secrets,
        server, stacks, unanswered)
