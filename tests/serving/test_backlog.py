import pytest

from serving.backlog import Backlog, BacklogFullError


def test_a_batch_of_any_size_is_let_in_when_nothing_waits():
    with Backlog(2).hold(3):
        pass


def test_the_bound_holds_for_what_waits_together_and_frees_again():
    backlog = Backlog(5)
    with backlog.hold(3), backlog.hold(2):
        with pytest.raises(BacklogFullError, match="5 events wait for the disk and at most 5 may; send these 1 again"):
            backlog.hold(1).__enter__()
        with pytest.raises(BacklogFullError):
            backlog.hold(1).__enter__()  # what was refused does not count
    with backlog.hold(5):
        pass


def test_a_batch_that_failed_waits_no_longer():
    backlog = Backlog(1)
    with pytest.raises(OSError, match="full"), backlog.hold(1):
        raise OSError("full")
    with backlog.hold(1):
        pass
