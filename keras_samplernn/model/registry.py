"""The tiers and heads that installed packages offer, found through entry points.

Their groups are `keras_samplernn.tiers` and `keras_samplernn.heads`. Listing reads package metadata only; loading
imports the packages, and Keras with them.
"""

import contextlib
import importlib
import sys
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points

from keras_samplernn.errors import UserError
from keras_samplernn.model.blame import package_of, place_in, words_of
from keras_samplernn.spec import Types, check_constructor


class Kind(StrEnum):
    """What a package can offer. The base class of each kind has its name, in the file of its name."""

    TIER = "tier"
    HEAD = "head"

    @property
    def group(self) -> str:
        """The group of its entry points."""
        return f"keras_samplernn.{self}s"


@dataclass(frozen=True)
class Installed:
    """One tier or head as its package's metadata declares it.

    Attributes:
        kind: what it is.
        name: its `type` in specs.
        value: place of the class, "package.module:Class".
        distribution: name of the package.
        version: version of the package.
    """

    kind: Kind
    name: str
    value: str
    distribution: str
    version: str

    @property
    def package(self) -> str:
        """Name and version of the package, for messages."""
        return f"{self.distribution} {self.version}"

    @property
    def is_ours(self) -> bool:
        """Whether it comes with keras_samplernn itself."""
        return package_of(self.value.partition(":")[0]) == package_of(__name__)

    def load(self) -> type:
        """Import the class; what its module prints goes to stderr.

        Raises:
            UserError: it cannot be used, with the package, the reason and the remedy.
        """
        try:
            with contextlib.redirect_stdout(sys.stderr):
                loaded = EntryPoint(self.name, self.value, self.kind.group).load()
        except KeyboardInterrupt:
            raise
        # Whatever the module raises while it is imported is reported as an error of its package.
        except BaseException as error:
            if isinstance(error, SystemExit) and isinstance(error.code, int) and error.code > 128:
                raise  # the program's own, on a signal
            raise self._broken("cannot be loaded", error) from error
        contract = contract_of(self.kind)
        if not (isinstance(loaded, type) and issubclass(loaded, contract)):
            raise self._broken(f"is not a subclass of keras_samplernn.{contract.__name__}")
        try:
            check_constructor(loaded)
        except Exception as error:
            raise self._broken("has a constructor that a spec cannot fill", error) from error
        return loaded

    def _broken(self, fault: str, error: BaseException | None = None) -> UserError:
        reason = ""
        if error is not None:
            place = place_in(error, {package_of(self.value.partition(":")[0])})
            reason = f" ({place}{': ' if place else ''}{type(error).__name__}: {words_of(error)})"
        remedy = f"repair, upgrade or uninstall {self.distribution}"
        return UserError(f"{self.value} of {self.package} {fault}{reason}; {remedy}")


def contract_of(kind: Kind) -> type:
    """Return the base class of a kind; this imports Keras, which listing must not do."""
    return getattr(importlib.import_module(f"keras_samplernn.model.{kind}"), kind.capitalize())


def offers(kind: Kind) -> dict[str, list[Installed]]:
    """Return what installed packages offer of a kind: for each name, sorted, one offer, or the packages that clash."""
    found: dict[str, list[Installed]] = {}
    for point in sorted(entry_points(group=kind.group), key=lambda point: (point.name, point.dist.name)):
        offer = Installed(kind, point.name, point.value, point.dist.name, point.dist.version)
        found.setdefault(point.name, []).append(offer)
    return found


def load_kind(kind: Kind) -> tuple[dict[str, type], dict[str, str]]:
    """Import all that is installed of a kind.

    Returns:
        The classes by name; and, for each name that cannot be used, the reason and the remedy in one line.
    """
    classes, broken = {}, {}
    for name, offered in offers(kind).items():
        if len(offered) > 1:
            broken[name] = clash(offered)
            continue
        try:
            classes[name] = offered[0].load()
        except UserError as error:
            (broken[name],) = error.lines
    return classes, broken


def clash(offered: list[Installed]) -> str:
    """Say that several packages offer one name, and which of them is to have another."""
    packages = " and by ".join(each.package for each in offered)
    others = [each.distribution for each in offered if not each.is_ours]
    which = f"all but one of {', '.join(others)}" if len(others) == len(offered) else ", ".join(others)
    group = offered[0].kind.group
    return (
        f"it is offered by {packages}; give it another name in the entry points ({group}) of {which}, or uninstall that"
    )


def load_types() -> Types:
    """Import every installed tier and head; what cannot be used is an error of the specs that name it alone."""
    (tiers, broken_tiers), (heads, broken_heads) = load_kind(Kind.TIER), load_kind(Kind.HEAD)
    return Types(tiers, heads, broken_tiers, broken_heads)
