"""Only a page that is alone in the making is told so, and it is known whether any is."""

from serving.making import Making


def test_the_second_is_not_alone_and_the_next_one_after_both_is() -> None:
    making = Making()
    assert not making.is_any()
    with making:
        assert making.is_alone()
        with making:
            assert not making.is_alone()
            assert making.is_any()
    assert not making.is_any()
    with making:
        assert making.is_alone()


def test_one_that_fails_is_over() -> None:
    making = Making()
    try:
        with making:
            raise ValueError
    except ValueError:
        pass
    assert not making.is_any()
