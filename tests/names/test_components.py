"""Digests of what modules can reach, beside sets of reachable modules that are written out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gate.names.store.components import components, reachable_digests

NAMES = "abcdefgh"
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES + "xyz")), min_size=1)


def reachable(links: dict[str, set[str]], name: str) -> set[str]:
    """All modules that can be reached from one, itself included."""
    seen, waiting = {name}, [name]
    while waiting:
        fresh = (links[waiting.pop()] & links.keys()) - seen
        seen |= fresh
        waiting += fresh
    return seen


@given(GRAPHS)
def test_a_component_is_what_can_reach_each_other_and_comes_after_what_it_links_to(
    links: dict[str, set[str]],
) -> None:
    found = components(links)
    assert sorted(name for component in found for name in component) == sorted(links)
    reach = {name: reachable(links, name) for name in links}
    place = {name: number for number, component in enumerate(found) for name in component}
    for name in links:
        for other in reach[name]:
            assert place[other] <= place[name]
            assert (place[other] == place[name]) == (name in reach[other])


@given(GRAPHS, st.data())
def test_a_digest_changes_exactly_for_modules_that_can_reach_what_changed(
    links: dict[str, set[str]], data: st.DataObject
) -> None:
    own = dict.fromkeys(links, "1")
    changed = data.draw(st.sampled_from(sorted(links)))
    before = reachable_digests(links, own)
    after = reachable_digests(links, {**own, changed: "2"})
    assert {name for name in links if before[name] != after[name]} == {
        name for name in links if changed in reachable(links, name)
    }


def test_a_chain_of_imports_may_be_longer_than_python_recurses() -> None:
    links = {f"m{number}": {f"m{number + 1}"} for number in range(20_000)}
    assert len(set(reachable_digests(links, dict.fromkeys(links, "")).values())) == len(links)
