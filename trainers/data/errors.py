"""What is wrong with a data set, said so that its owner can mend it."""


class UnreadableData(Exception):
    """A data set cannot be used: `path` as the user gave it, the reason, and what to do.

    `pointer` is the JSON pointer of the spec's field that named it.
    """

    def __init__(self, path: str, reason: str, remedy: str, pointer: str = "/dataset") -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.remedy = remedy
        self.pointer = pointer


class UnsuitableSplit(UnreadableData):
    """The data can be read, but not divided as asked."""
