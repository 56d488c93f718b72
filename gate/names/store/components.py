"""Compute one digest of all that a module can reach through imports, in time that grows only with the imports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from gate.names.store.cache import digest


def reachable_digests(links: Mapping[str, Iterable[str]], own: Mapping[str, str]) -> dict[str, str]:
    """Return a digest for each module, of its `own` digest and of those of every module that it can reach.

    Modules that can all reach each other share one digest. It consists of their own digests and of those of the modules
    they link to, so no set of reachable modules is ever written out.
    """
    digests: dict[str, str] = {}
    for component in components(links):
        if len(component) == 1 and not links[component[0]]:
            digests[component[0]] = digest(component[0], own[component[0]])
            continue
        members = set(component)
        below = {
            digests[link]
            for name in component
            for link in links[name]
            if link in links and link not in members
        }
        shared = digest(*(f"{name} {own[name]}" for name in sorted(component)), *sorted(below))
        digests.update(dict.fromkeys(component, shared))
    return digests


def components(links: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the strongly connected components of a graph, each after those that it links to.

    Links to nodes that aren't in the graph are ignored.
    """
    search = _Search(links)
    for root in links:
        if root not in search.order:
            search.start(root)
    return search.components


class _Search:
    """Tarjan's algorithm with its own stack, because import chains can exceed Python's recursion limit."""

    def __init__(self, links: Mapping[str, Iterable[str]]) -> None:
        self.order: dict[str, int] = {}
        self.components: list[list[str]] = []
        self._links = links
        self._lowest: dict[str, int] = {}
        self._open: dict[str, None] = {}
        """Nodes whose component is incomplete, in order of discovery."""

    def start(self, root: str) -> None:
        """Visit every node that is reachable from `root` and hasn't been visited yet."""
        path = [(root, self._enter(root))]
        while path:
            node, targets = path[-1]
            target = next(targets, None)
            if target is None:
                path.pop()
                self._leave(node, path[-1][0] if path else None)
            elif target not in self.order:
                path.append((target, self._enter(target)))
            elif target in self._open:
                self._lowest[node] = min(self._lowest[node], self.order[target])

    def _enter(self, node: str) -> Iterator[str]:
        self.order[node] = self._lowest[node] = len(self.order)
        self._open[node] = None
        return (link for link in self._links[node] if link in self._links)

    def _leave(self, node: str, parent: str | None) -> None:
        if parent is not None:
            self._lowest[parent] = min(self._lowest[parent], self._lowest[node])
        if self._lowest[node] < self.order[node]:
            return
        component: list[str] = []
        while node in self._open:
            component.append(self._open.popitem()[0])
        self.components.append(component)
