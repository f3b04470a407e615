"""The tiers and heads that installed packages offer, found through entry points.

Their groups are `keras_samplernn.tiers` and `keras_samplernn.heads`. Listing reads package metadata only; loading
imports the packages, and Keras with them.
"""

import importlib
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points

from keras_samplernn.errors import UserError, collect
from keras_samplernn.spec import Types


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

    def load(self) -> type:
        """Import the class; UserError with the package and the reason if that fails."""
        try:
            loaded = EntryPoint(self.name, self.value, self.kind.group).load()
        # Whatever the module raises while it is imported is reported as an error of its package.
        except Exception as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f'{self.kind} "{self.name}" of package {self.package} cannot be loaded from {self.value} '
                f"({type(error).__name__}: {reason}); repair, upgrade or uninstall {self.distribution}"
            ) from error
        base = self.kind.capitalize()
        # It imports Keras, which listing must not do.
        contract = getattr(importlib.import_module(f"keras_samplernn.model.{self.kind}"), base)
        if not (isinstance(loaded, type) and issubclass(loaded, contract)):
            raise UserError(
                f'{self.kind} "{self.name}" of package {self.package}: {self.value} is not a subclass of '
                f"keras_samplernn.{base}; repair, upgrade or uninstall {self.distribution}"
            )
        return loaded


def installed(kind: Kind) -> dict[str, Installed]:
    """Return what is installed of a kind, sorted by name; UserError with a line for each name of several packages."""
    claims: dict[str, list[Installed]] = {}
    for point in sorted(entry_points(group=kind.group), key=lambda point: (point.name, point.dist.name)):
        found = Installed(kind, point.name, point.value, point.dist.name, point.dist.version)
        claims.setdefault(point.name, []).append(found)
    problems = [
        f'{kind} "{name}" is offered by {" and by ".join(each.package for each in offers)}; '
        "uninstall all of these packages but one"
        for name, offers in claims.items()
        if len(offers) > 1
    ]
    if problems:
        raise UserError(*problems)
    return {name: offers[0] for name, offers in claims.items()}


def load_types() -> Types:
    """Import every installed tier and head; UserError with one line for each that fails to load."""
    problems: list[str] = []
    tiers, heads = (
        {name: collect(problems, each.load) for name, each in installed(kind).items()}
        for kind in (Kind.TIER, Kind.HEAD)
    )
    if problems:
        raise UserError(*problems)
    return Types(tiers, heads)
