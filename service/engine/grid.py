"""The cells of a grid in their fixed order, found by rank without walking the whole grid."""

from collections.abc import Mapping, Sequence

from service.domain.space import (
    FAMILY,
    Params,
    Scalar,
    SpaceEntry,
    distributions,
    grid_values,
    is_active,
    topological_order,
)


class Grid:
    """All combinations of a discrete space, conditions collapsed.

    Parameters run in topological order (a searched family first), the last one fastest;
    a cell is the params without the inactive ones, so no two cells are equal. The number of
    cells below a node of this tree depends only on the values chosen for the parameters
    that later conditions name: counts are kept by those, so a cell among 100,000 is found
    in microseconds. Raises ValueError for a continuous range.
    """

    def __init__(self, space: Mapping[str, SpaceEntry], families: Sequence[str]) -> None:
        searched = distributions(space)
        order = topological_order(space)
        self._space = space
        self._values: dict[str, list[Scalar]] = {n: grid_values(searched[n]) for n in order}
        if len(families) > 1:
            order.insert(0, FAMILY)
            self._values[FAMILY] = list(families)
        self._order = order
        self._named_later = [
            {parent for name in order[index:] if name in space for parent in self._when(name)}
            for index in range(len(order) + 1)
        ]
        self._counts: dict[tuple[object, ...], int] = {}

    def _when(self, name: str) -> Mapping[str, list[Scalar]]:
        return getattr(self._space[name], "when", None) or {}

    def __len__(self) -> int:
        return self._count(0, {})

    def __getitem__(self, rank: int) -> Params:
        """The cell of a rank, names sorted. Raises IndexError beyond the last."""
        if not 0 <= rank < len(self):
            raise IndexError(f"the grid has {len(self)} cells; there is no cell {rank}")
        cell: Params = {}
        for index, name in enumerate(self._order):
            if not self._is_active(name, cell):
                continue
            if name not in self._named_later[index + 1]:
                position, rank = divmod(rank, self._count(index + 1, cell))
                cell[name] = self._values[name][position]
                continue
            for value in self._values[name]:
                below = self._count(index + 1, {**cell, name: value})
                if rank < below:
                    cell[name] = value
                    break
                rank -= below
        return dict(sorted(cell.items()))

    def _is_active(self, name: str, chosen: Params) -> bool:
        return name == FAMILY or is_active(name, self._space, chosen)

    def _count(self, index: int, chosen: Params) -> int:
        """Cells below a node: parameters from `index` on, given the values before."""
        if index == len(self._order):
            return 1
        relevant = self._named_later[index]
        key = (index, *((n, type(v), v) for n, v in sorted(chosen.items()) if n in relevant))
        if key not in self._counts:
            name = self._order[index]
            if not self._is_active(name, chosen):
                count = self._count(index + 1, chosen)
            elif name not in self._named_later[index + 1]:
                count = len(self._values[name]) * self._count(index + 1, chosen)
            else:
                count = sum(
                    self._count(index + 1, {**chosen, name: value}) for value in self._values[name]
                )
            self._counts[key] = count
        return self._counts[key]
