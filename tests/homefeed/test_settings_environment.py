from homefeed.settings import load
from homefeed.settings.environment import environment


def test_a_child_reads_the_settings_of_its_parent(tmp_path, monkeypatch):
    settings = load(var=tmp_path, data=tmp_path, seed=7, clock_file=tmp_path / "clock", serving={"exploration": 0.25})
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert load() == settings
