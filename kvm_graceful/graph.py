"""Order in a graph of needs: a topological order, and the circles that stand in its way. Pure."""
from __future__ import absolute_import, division, print_function


def topological(nodes, after):
    # type: (list, dict) -> tuple
    """Nodes in an order in which each stands before all of `after[node]`, and the nodes left over, which have no such order.

    Kahn's algorithm; the order of equals is that of `nodes`, so the result is the same every time. A node that is left
    over lies on a circle or behind one.
    """
    waiting = dict((node, 0) for node in nodes)
    for node in nodes:
        for follower in after.get(node, ()):
            waiting[follower] += 1
    order = [node for node in nodes if not waiting[node]]
    for node in order:  # grows while it is walked
        for follower in after.get(node, ()):
            waiting[follower] -= 1
            if not waiting[follower]:
                order.append(follower)
    done = set(order)
    return order, [node for node in nodes if node not in done]


def components(nodes, after):
    # type: (list, dict) -> list
    """The strongly connected components of two or more nodes (or one that points at itself), each a list.

    Tarjan's algorithm without recursion: a chain of 10,000 guests would overrun Python's stack.
    """
    index, low = {}, {}  # type: dict, dict
    stack, found, on_stack = [], [], set()  # type: list, list, set
    inside = set(nodes)
    for root in nodes:
        if root in index:
            continue
        work = [(root, iter(after.get(root, ())))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, followers = work[-1]
            for follower in followers:
                if follower not in inside:
                    continue
                if follower not in index:
                    index[follower] = low[follower] = len(index)
                    stack.append(follower)
                    on_stack.add(follower)
                    work.append((follower, iter(after.get(follower, ()))))
                    break
                if follower in on_stack:
                    low[node] = min(low[node], index[follower])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    component = stack[at:]
                    del stack[at:]
                    on_stack.difference_update(component)
                    if len(component) > 1 or node in after.get(node, ()):
                        found.append(component)
    return found


def circle(component, after):
    # type: (list, dict) -> list
    """One way round inside a component: a, b, ..., a. The shortest through its first node."""
    start, inside = component[0], set(component)
    came_from = {}  # type: dict
    queue = [start]
    for node in queue:  # breadth first; grows while it is walked
        for follower in after.get(node, ()):
            if follower == start:
                way = [start, node] if node != start else [start]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1] if node != start else [start, start]
            if follower in inside and follower not in came_from:
                came_from[follower] = node
                queue.append(follower)
    raise AssertionError('a component without a circle: %r' % (component,))
