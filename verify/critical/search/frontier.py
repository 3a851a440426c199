"""What to try next: ways from points that were found, guesses that follow from pairs of them, and random starts.

Ways from a point go along its eigenvectors, so that the graph of points whose indices differ by one is walked. Two
edges at one point span a parallelogram, whose fourth corner is guessed: where f nearly separates, in whatever
coordinates, that finds points for a gradient each. A point may also be the centre of a symmetry.

Data
    ``Frontier``  the points found so far, and the tasks that are open.

The most important functions are ``Frontier.add``, ``Frontier.take`` and ``Frontier.learn``.
Reference: Yin, Yu, Zhang (2020), Searching the solution landscape by generalized high-index saddle dynamics, Sci.
China Math. (up and down from found points).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np

from verify.critical.points import Array
from verify.critical.search.landscape import Region
from verify.critical.search.polish import Polished
from verify.critical.search.tasks import Ended, Known, Task

__all__ = ["Frontier"]

# Tasks that are done before what they found is looked at: a number that does not depend on who does them.
ROUND = 32
STARTS = 8
# Along so many of the softest eigenvectors one goes up at first; more where that leads to points.
SOFTEST = 4
# A kind of task is left when so many in a row found nothing new; guesses from one point, or about one centre, too.
PATIENCE = {"middle": 24, "guess": 192, "follow": 48, "up": 32, "aimed": 16, "again": 16}
GUESSES, MIRRORS = 12, 2
# Two guesses are one, or a guess is a known point, if they are this near as a share of the shorter edge.
SAME = 0.05
# An edge goes along an eigenvector if the cosine of their angle is at least this.
ALONG = 0.95
# Two edges whose cosine is larger than this span no parallelogram.
PARALLEL = 0.8
# Third derivatives vanish at a centre of symmetry: they are at most this share of the second ones, by rounding.
ODD = 1e-4
# Points have the same eigenvalues within this share of the largest; the middles to so many of them are tried.
ALIKE, HALVED = 1e-5, 3
# The first step along an eigenvector, as a share of the usual distance between neighbours.
FIRST = 0.5
# How far a way that is aimed at an index begins from the point.
BESIDE = 0.25


@dataclass(eq=False)
class Node:
    """A nondegenerate point from which ways begin; ``edges`` are the other points it is joined to."""

    found: Polished
    values: Array
    vectors: Array
    edges: list[int] = field(default_factory=list)
    tried: int = 0
    hit: int = 0
    ups: list[int] = field(default_factory=list)


class Frontier:
    """Points by number, and tasks by kind in the order in which they are done."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.points: list[Array] = []
        self.nodes: dict[int, Node] = {}
        self.queues: dict[str, deque[Task]] = {
            kind: deque() for kind in ("middle", "mirror", "guess", "follow", "up", "aimed", "again")
        }
        self.lengths: list[float] = []
        self.barren: dict[str, int] = {}
        self.centres: dict[int, list[int]] = {}
        self._known: Known | None = None

    # --------------------------------------------------------------------------------------------------- points

    @property
    def known(self) -> Known:
        """The points so far."""
        if self._known is None:
            points = np.array(self.points).reshape(-1, self.region.dimension)
            spacing = np.full(len(points), np.inf)
            if len(points) > 1:
                squares = np.sum(points**2, axis=1)
                gaps = squares[:, None] + squares - 2.0 * points @ points.T
                np.fill_diagonal(gaps, np.inf)
                spacing = np.sqrt(np.maximum(np.min(gaps, axis=1), 0.0))
            self._known = Known(points, spacing)
        return self._known

    @property
    def edge(self) -> float:
        """The usual distance between neighbours."""
        return float(np.median(self.lengths)) if self.lengths else 0.3

    @property
    def highest(self) -> int:
        """The highest index found."""
        return max((int(np.sum(node.values < 0)) for node in self.nodes.values()), default=0)

    def add(self, found: Polished, ends: tuple[int, ...], walkable: bool) -> int:
        """A new point that is joined to the ends, with the tasks that it opens; its number."""
        number = len(self.points)
        self.points.append(found.y)
        self._known = None
        if not walkable:
            return number
        values, vectors = np.linalg.eigh(found.hessian)
        node = self.nodes[number] = Node(found, values, vectors)
        for end in ends:
            self.join(end, number)
        flat = np.linalg.norm(found.flat.T @ vectors, axis=0) > 0.5 if found.flat.shape[1] else values == np.inf
        down = [int(k) for k in np.flatnonzero((values < 0) & ~flat)]
        node.ups = [int(k) for k in np.flatnonzero((values > 0) & ~flat)]
        for k in down[::-1]:
            self.queues["follow"].append(self._along(number, k, "follow"))
        self._further(number)
        self._halved(number)
        self._mirrored(number)
        return number

    def join(self, one: int, two: int) -> None:
        """An edge between two points, and the guesses that it makes possible."""
        if one == two or one not in self.nodes or two not in self.nodes or two in self.nodes[one].edges:
            return
        self.lengths.append(float(np.linalg.norm(self.points[two] - self.points[one])))
        for here, there in ((one, two), (two, one)):
            node = self.nodes[here]
            for corner in node.edges:
                if corner != there and self._spread(here, there, corner):
                    self.queues["guess"].append(self._corner(here, there, corner))
            node.edges.append(there)

    def _spread(self, at: int, one: int, two: int) -> bool:
        """Whether two edges are far from parallel, so that they span a parallelogram."""
        a, b = self.points[one] - self.points[at], self.points[two] - self.points[at]
        return abs(float(a @ b)) <= PARALLEL * float(np.linalg.norm(a) * np.linalg.norm(b))

    def _further(self, number: int) -> None:
        """Ways up along the next softest eigenvectors."""
        node = self.nodes[number]
        ahead, node.ups = node.ups[:SOFTEST], node.ups[SOFTEST:]
        self.queues["up"].extend(self._along(number, k, "up") for k in ahead)

    def _along(self, number: int, k: int, kind: str) -> Task:
        node = self.nodes[number]
        # a column has another layout here than in another process, where sums would be rounded otherwise
        vector = np.ascontiguousarray(node.vectors[:, k])
        return Task(kind, node.found.y, node.found.hessian, 0.0, None, vector, number, (number,))

    def _corner(self, at: int, one: int, two: int) -> Task:
        """The fourth corner of a parallelogram; the Hessian changes by the sum of its changes along the edges."""
        matrix = self.nodes[one].found.hessian + self.nodes[two].found.hessian - self.nodes[at].found.hessian
        x = self.points[one] + self.points[two] - self.points[at]
        sides = [float(np.linalg.norm(self.points[end] - self.points[at])) for end in (one, two)]
        return Task("guess", x, matrix, min(sides), parent=at, ends=(one, two))

    def _halved(self, number: int) -> None:
        """The middle between the new point and others with the same eigenvalues: it may be a centre of symmetry."""
        node = self.nodes[number]
        size = float(np.max(np.abs(node.values)))
        alike = [
            k
            for k, other in self.nodes.items()
            if k != number and float(np.max(np.abs(other.values - node.values))) <= ALIKE * size
        ]
        for other in alike[:HALVED]:
            x = (self.points[number] + self.points[other]) / 2.0
            radius = float(np.linalg.norm(self.points[number] - self.points[other])) / 2.0
            self.queues["middle"].append(Task("middle", x, node.found.hessian, radius, parent=number))

    def _mirrored(self, number: int) -> None:
        """The new point and each that was tried as a centre; the new point as a centre of the first others."""
        for centre, row in self.centres.items():
            if row[0] or row[1] < MIRRORS:
                self._mirror(centre, number)
        if self.nodes[number].found.third > ODD * float(np.max(np.abs(self.nodes[number].values))):
            return
        self.centres[number] = [0, 0]
        for other in list(self.nodes)[:MIRRORS]:
            if other != number:
                self._mirror(number, other)

    def _mirror(self, centre: int, number: int) -> None:
        x = 2.0 * self.points[centre] - self.points[number]
        radius = float(np.linalg.norm(self.points[centre] - self.points[number]))
        matrix = self.nodes[number].found.hessian
        self.queues["mirror"].append(Task("mirror", x, matrix, radius, parent=centre))

    # ---------------------------------------------------------------------------------------------------- tasks

    def take(self) -> list[Task]:
        """The next tasks, of one kind; empty where only random starts are left."""
        for kind, queue in self.queues.items():
            if self.barren.get(kind, 0) >= PATIENCE.get(kind, 10**9):
                queue.clear()
            chosen: list[Task] = []
            while queue and len(chosen) < ROUND:
                task = self._worth(queue.popleft(), chosen)
                if task is not None:
                    chosen.append(task)
            if chosen:
                return chosen
        return []

    def _worth(self, task: Task, chosen: list[Task]) -> Task | None:
        """The task as it is done now, or None where it is not."""
        if task.kind in ("guess", "mirror", "middle"):
            node = self.nodes[task.parent]
            tries = self.centres[task.parent] if task.kind == "mirror" else [node.hit, node.tried]
            least = MIRRORS if task.kind == "mirror" else GUESSES
            if task.kind != "middle" and tries[1] >= least and tries[0] < 0.1 * tries[1]:
                return None
            close = SAME * task.radius
            if not self.region.allowed(task.x) or self.known.near(task.x)[1] <= close:
                return None
            if any(float(np.linalg.norm(task.x - other.x)) <= close for other in chosen):
                return None
            tries[1] += 1
            if task.kind == "guess":
                node.tried += 1
            return task
        radius = FIRST * self.edge
        if task.vector is not None and task.kind in ("follow", "up"):
            sides = self._sides(task)
            if sides == 2 or (sides == 1 and task.kind == "up"):
                self.queues["again"].append(replace(task, kind="again"))
                return None
        return replace(task, radius=radius)

    def _sides(self, task: Task) -> int:
        """To how many sides of a point along an eigenvector the nearest known point along it is there already."""
        assert task.vector is not None
        away = self.known.points - task.x
        lengths = np.linalg.norm(away, axis=1)
        cosines = away @ task.vector / np.maximum(lengths, np.finfo(float).tiny)
        return int(np.any(cosines >= ALONG)) + int(np.any(cosines <= -ALONG))

    def learn(self, task: Task, ends: list[Ended], new: int, numbers: list[int]) -> None:
        """What became of a task: how many new points it gave, and the numbers of all that it led to."""
        kind = task.kind
        self.barren[kind] = 0 if new else self.barren.get(kind, 0) + 1
        if kind == "guess":
            self.nodes[task.parent].hit += bool(numbers)
        if kind == "mirror":
            self.centres[task.parent][0] += bool(numbers)
        reached = [number for number in numbers if number != task.parent]
        if kind in ("follow", "up", "again", "aimed") and task.parent in self.nodes:
            for number in reached:
                self.join(task.parent, number)
        if kind == "up" and reached:
            self._further(task.parent)
        if kind in ("follow", "up") and not reached and task.vector is not None:
            self._aim(task)

    def _aim(self, task: Task) -> None:
        """Where a way along an eigenvector found nothing: from beside the point, aimed at the next index."""
        node = self.nodes[task.parent]
        assert task.vector is not None
        index = int(np.sum(node.values < 0)) + (1 if task.kind == "up" else -1)
        up = task.vector if task.kind == "up" else None
        for side in (1.0, -1.0):
            x = task.x + side * BESIDE * self.edge * task.vector
            if self.region.allowed(x):
                self.queues["aimed"].append(
                    Task("aimed", x, node.found.hessian, 0.0, index, up, task.parent, task.ends)
                )
