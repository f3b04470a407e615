"""The tiers that installed packages offer, found through the entry-point group `keras_samplernn.tiers`.

Listing reads package metadata only; loading imports the packages, and Keras with them.
"""

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from keras_samplernn.errors import UserError, collect

GROUP = "keras_samplernn.tiers"


@dataclass(frozen=True)
class InstalledTier:
    """One tier as its package's metadata declares it.

    Attributes:
        name: its `type` in specs.
        value: place of the class, "package.module:Class".
        distribution: name of the package.
        version: version of the package.
    """

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
            loaded = EntryPoint(self.name, self.value, GROUP).load()
        # Whatever the module raises while it is imported is reported as an error of its package.
        except Exception as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f'tier "{self.name}" of package {self.package} cannot be loaded from {self.value} '
                f"({type(error).__name__}: {reason}); repair, upgrade or uninstall {self.distribution}"
            ) from error
        from keras_samplernn.model.tier import Tier  # imports Keras, which listing must not do

        if not (isinstance(loaded, type) and issubclass(loaded, Tier)):
            raise UserError(
                f'tier "{self.name}" of package {self.package}: {self.value} is not a subclass of '
                f"keras_samplernn.Tier; repair, upgrade or uninstall {self.distribution}"
            )
        return loaded


def installed_tiers() -> dict[str, InstalledTier]:
    """Return the installed tiers sorted by name; UserError with one line for each name that several packages offer."""
    claims: dict[str, list[InstalledTier]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.dist.name)):
        tier = InstalledTier(point.name, point.value, point.dist.name, point.dist.version)
        claims.setdefault(point.name, []).append(tier)
    problems = [
        f'tier "{name}" is offered by {" and by ".join(tier.package for tier in tiers)}; '
        "uninstall all of these packages but one"
        for name, tiers in claims.items()
        if len(tiers) > 1
    ]
    if problems:
        raise UserError(*problems)
    return {name: tiers[0] for name, tiers in claims.items()}


def load_tiers() -> dict[str, type]:
    """Import every installed tier; return the classes by name. UserError with one line for each that fails to load."""
    problems: list[str] = []
    classes = {name: collect(problems, tier.load) for name, tier in installed_tiers().items()}
    if problems:
        raise UserError(*problems)
    return classes
