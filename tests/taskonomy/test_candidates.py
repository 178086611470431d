import itertools

import pytest

from taskonomy.measure import high_order_candidates

WORTH = dict(zip("ABCDEFGH", [3, 8, 1, 6, 5, 4, 7, 2], strict=True))


@pytest.mark.parametrize(
    ("order", "pool", "count"), [(2, "BDEFG", 10), (3, "BDEFG", 10), (4, "ABDEFG", 15)]
)
def test_orders_2_to_4(order, pool, count):
    found = high_order_candidates(WORTH, order)
    assert found == sorted(itertools.combinations(pool, order))
    assert len(found) == count


def test_few_sources():
    assert high_order_candidates({"A": 1.0}, 2) == []
