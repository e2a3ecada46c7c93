"""Only a page that is alone in the making is told so."""

from serving.making import Making


def test_the_second_is_not_alone_and_the_next_one_after_both_is() -> None:
    making = Making()
    with making as first, making as second:
        assert (first, second) == (True, False)
    with making as later:
        assert later
