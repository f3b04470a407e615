"""What the maker of a bundle says of the model, checked."""

from pydantic import ValidationError

from keras_samplernn.bundles.facts import bundled_manifest
from keras_samplernn.bundles.manifest import About
from keras_samplernn.errors import UserError
from keras_samplernn.run_folder import RunFolder


def about_of(run: RunFolder, title: str | None, licence: str | None, about: str | None) -> About:
    """Return what the maker says of a model; what is None is as in the bundle that the run came out of, if it did.

    Raises:
        UserError: one line for each that is empty, too long, or has control characters in it.
    """
    given = {"title": title, "licence": licence, "about": about}
    given = {name: text.strip() for name, text in given.items() if text is not None}
    before = bundled_manifest(run.folder)
    try:
        return About.model_validate(({} if before is None else before.about.model_dump()) | given)
    except ValidationError as error:
        wrong = dict.fromkeys(str(each["loc"][0]) for each in error.errors())
        raise UserError(*(f"--{name}: must be {_must_be(name)}" for name in wrong)) from None


def _must_be(name: str) -> str:
    return "text of 1 to 20,000 characters" if name == "about" else "one line of 1 to 200 characters"
