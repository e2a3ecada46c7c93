from serving.metrics import PAGES, STAGE_SECONDS, child


def test_a_child_is_prometheus_own():
    child(PAGES, "r-of-this-test", "live").inc(2)
    assert PAGES.labels(release="r-of-this-test", stage="live")._value.get() == 2
    assert child(PAGES, "r-of-this-test", "live") is child(PAGES, "r-of-this-test", "live")
    assert child(STAGE_SECONDS, "live") is not child(PAGES, "r-of-this-test", "live")
