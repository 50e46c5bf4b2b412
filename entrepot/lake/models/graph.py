"""All models of a project, in order of dependency, compiled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from entrepot.kernel.errors import EntrepotError, Place, ProjectError, raise_all
from entrepot.kernel.names import Dataset
from entrepot.lake.models.compile import compile_model
from entrepot.lake.models.model import Model, ModelKind
from entrepot.sql.tables import find_table_uses


class ModelGraph:
    """Datasets and what is made of what. `models` are compiled and in dependency order; rows of `carrying` have record ids."""

    def __init__(self, models: Iterable[Model], sources: Collection[Dataset] = ()) -> None:
        """Check and compile the models.

        Args: sources: the datasets that come in from outside.
        Raises: ProjectError, or ManyErrors: names used twice, missing inputs, cycles, driving inputs without record ids.
        """
        found = sorted(models, key=lambda model: model.name)
        self.sources = frozenset(sources)
        raise_all(_find_doubles(found, self.sources))
        given = {model.name: model for model in found}
        raise_all(_find_missing(found, self.sources | given.keys()))
        ordered = [given[name] for name in _sort(given)]
        self.carrying = carrying = self.sources | {model.name for model in ordered if model.kind.is_driven}
        raise_all(_find_undriven(ordered, given, carrying))
        self.models: tuple[Model, ...] = _compile(ordered, carrying)
        self._by_name = {model.name: model for model in self.models}

    def ordered(self) -> tuple[Model, ...]:
        """The models, each after those it reads."""
        return self.models

    def find(self, name: Dataset) -> Model | None:
        """The model of that name; None for sources and unknown names."""
        return self._by_name.get(name)

    def tables(self, model: Model) -> tuple[Dataset, ...]:
        """The tables below a model, looking through views."""
        found: dict[Dataset, None] = {}
        for name in model.inputs:
            view = self._view(name)
            found.update(dict.fromkeys(self.tables(view) if view else (name,)))
        return tuple(found)

    def views(self, model: Model) -> dict[Dataset, str]:
        """The views below a model with their SELECTs, each after those it reads."""
        found: dict[Dataset, str] = {}
        for view in filter(None, map(self._view, model.inputs)):
            found |= self.views(view)
            found[view.name] = view.sql
        return found

    def _view(self, name: Dataset) -> Model | None:
        model = self._by_name.get(name)
        return model if model is not None and model.kind is ModelKind.VIEW else None


def _find_doubles(models: Sequence[Model], sources: frozenset[Dataset]) -> Iterator[ProjectError]:
    seen: dict[Dataset, Model] = {}
    for model in models:
        if model.name in sources:
            yield ProjectError(
                f"{model.name} comes from a source already.", place=model.place, hint="Rename the model."
            )
        if model.name in seen:
            yield ProjectError(
                f"{model.name} is defined twice, also in {seen[model.name].path}.",
                place=model.place,
                hint="Rename one.",
            )
        seen[model.name] = model


def _find_missing(models: Sequence[Model], known: Collection[Dataset]) -> Iterator[ProjectError]:
    names = [str(name) for name in known]
    for model in models:
        for name in model.inputs:
            if name in known:
                continue
            near = get_close_matches(str(name), names, n=3)
            meant = (
                f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(sorted(names)) or 'none'}."
            )
            yield ProjectError(
                f"{model.name} reads {name}, which does not exist.", place=_place_of(model, name), hint=meant
            )


def _place_of(model: Model, name: Dataset) -> Place:
    uses = find_table_uses(model.query) if model.query is not None else ()
    return next((use.place for use in uses if use.dataset == name and use.place is not None), model.place)


def _sort(models: Mapping[Dataset, Model]) -> list[Dataset]:
    edges = {name: [parent for parent in sorted(model.inputs) if parent in models] for name, model in models.items()}
    try:
        return list(TopologicalSorter(edges).static_order())
    except CycleError as error:
        cycle: list[Dataset] = list(reversed(error.args[1]))
        chain = " reads ".join(map(str, cycle))
        first = models[cycle[0]]
        raise ProjectError(
            f"models read each other in a circle: {chain}.",
            place=_place_of(first, cycle[1]),
            hint="Take one of these inputs out, or split a model in two.",
        ) from error


def _find_undriven(
    models: Sequence[Model], given: Mapping[Dataset, Model], carrying: Collection[Dataset]
) -> Iterator[ProjectError]:
    for model in models:
        if model.driving is not None and model.driving not in carrying:
            kind = given[model.driving].kind
            yield ProjectError(
                f"{model.driving} cannot drive {model.name}: it is of kind {kind}, whose rows have no record ids.",
                place=model.place,
                hint="A driving input comes from a source or is a model of kind append or merge.",
            )


def _compile(models: Sequence[Model], carrying: Collection[Dataset]) -> tuple[Model, ...]:
    compiled: dict[Dataset, Model] = {}
    errors: list[EntrepotError] = []
    for model in models:
        try:
            compiled[model.name] = compile_model(model, carrying, compiled)
        except EntrepotError as error:
            errors.append(error)
            compiled[model.name] = model  # so that those after it are looked at too
    raise_all(errors)
    return tuple(compiled.values())
