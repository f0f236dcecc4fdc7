"""Narrow models of what we read of a forge's answers; anything else than they say is `Unavailable`."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from src.forge import Unavailable


class Resource(BaseModel):
    """Base of the wire models: unknown fields are ignored, numeric ids become text."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


ResourceT = TypeVar("ResourceT", bound=Resource)


def read(kind: type[ResourceT], data: object) -> ResourceT:
    """Validate one object. The error names the field, never its value."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field, problem = ".".join(str(part) for part in first["loc"]) or "the whole", first["type"]
    # Raised here and not above: pydantic's error holds the values and must not come along as the context.
    raise Unavailable(f"The forge's answer is not what its API promises: {kind.__name__}, {field}: {problem}.")


def read_list(kind: type[ResourceT], data: object) -> list[ResourceT]:
    """Validate a list of objects."""
    if not isinstance(data, list):
        raise Unavailable(f"The forge's answer is not what its API promises: a list of {kind.__name__}.")
    return [read(kind, item) for item in data]
