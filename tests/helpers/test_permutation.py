from helpers.permutation import permuted_units
from marquardt.networks import feed_forward


def test_rows_of_the_layer_and_columns_of_its_consumer_move():
    # hidden1: (w, b) of unit 1, (w, b) of unit 2; output: v1, v2, c.
    assert permuted_units(feed_forward(1, 2, 1), "hidden1", [1, 0]).tolist() == [2, 3, 0, 1, 5, 4, 6]
