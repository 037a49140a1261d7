"""What `pacha changes` shows of a value: as people write it, unless that would hide what changed."""

from tests.conftest import Project


def test_values_that_would_look_alike_are_shown_as_programs_write_them(git_project: Project) -> None:
    project = git_project
    project.write("card.toml", 'tags = ["a, b"]\nlicense = "MIT"\n')
    project.write("m.bin", "weights")
    project("add", "m.bin", "--kind", "model", "--name", "m")
    project("commit", "-m", "first", "--card", "card.toml")
    project.git("add", "-A")
    project.git("commit", "-qm", "first")
    project.write("card.toml", 'tags = ["a", "b"]\nlicense = "BSD"\n')
    project("commit", "m.bin", "-m", "tags", "--card", "card.toml")

    text = project("changes").out
    assert '["a, b"]' in text and '["a", "b"]' in text
    assert '"MIT"' not in text and "MIT" in text
