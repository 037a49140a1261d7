"""Cards from files, and as Markdown: what is read, what is refused, and that a README reads back as its card."""

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.errors import PachaError
from pacha.base.names import ArtifactName
from pacha.base.toml import write_toml
from pacha.base.yaml import write_yaml
from pacha.registry import card_text
from pacha.registry.card_edit import set_field
from pacha.registry.card_file import is_card_file, read_card, split_front_matter
from pacha.registry.card_forms import Command, Numbers, Text, Texts
from pacha.registry.card_markdown import END, escape, sections, unescape
from pacha.registry.card_record import Parts, members_of
from pacha.registry.card_text import to_markdown, to_readme
from pacha.registry.cards import BadCard, Datasheet, ModelCard, Recipe
from tests.nasty import json_value, text
from tests.registry.strategies import cards
from tests.registry.test_cards import DATA, MODEL, RECIPE

MODEL_NAME, DATA_NAME = ArtifactName("model", "fraud"), ArtifactName("data", "users")
#: As huggingface_hub finds front matter (repocard.py, REGEX_YAML_BLOCK).
HUB_BLOCK = re.compile(r"^(\s*---[\r\n]+)([\S\s]*?)([\r\n]+---(\r\n|\n|$))")
HUB_CARD = """\
---
language: [en, no]
license: apache-2.0
library_name: transformers
pipeline_tag: text-classification
tags: [sentiment]
datasets: [imdb]
base_model: distilbert-base-uncased
metrics: [accuracy]
model-index:
- name: my
  results:
  - task: {type: text-classification}
    dataset: {name: imdb, type: imdb, split: test}
    metrics: [{type: accuracy, value: 0.91, name: Accuracy}]
  - task: {type: text-classification}
    dataset: {name: sst2, type: glue}
    metrics: [{type: accuracy, value: "0.88"}, {type: loss, value: 0.1}, {type: report, value: {a: 1}}]
---

<!-- Provide a quick summary of what the model is. -->
# My model

![badge](https://example.org/x.svg)

## Model description

A model that is **good**
at things.

## Intended uses

- Reviews of films,
  in English
- Nothing else

## Limitations

It has some:

- one

## Training procedure

| a | b |
|---|---|
"""


def model(page: str, name: str = "README.md") -> ModelCard:
    found = read_card(page.encode(), name=name, kind="model")
    assert isinstance(found, ModelCard)
    return found


def test_a_card_is_read_from_toml_json_and_front_matter_of_both_kinds() -> None:
    wanted = ModelCard.from_document(MODEL, name="x")
    toml, spelled = write_toml(MODEL), json.dumps(MODEL)
    assert model(toml, "card.toml") == model(spelled, "card.json") == model(f"+++\n{toml}+++\n", "card.md") == wanted
    assert model(f"---\n{spelled}\n---\n", "README.md") == wanted
    assert model(toml, "card") == model(spelled, "card") == model(f"---\n{spelled}\n---\n", "card") == wanted
    assert read_card(write_toml(DATA).encode(), name="sheet.toml", kind="data") == Datasheet.from_document(
        DATA, name="x"
    )


def test_a_card_of_hugging_face_is_read() -> None:
    card = model(HUB_CARD)
    assert card.license == "apache-2.0" and card.description == "A model that is **good** at things."
    assert card.primary_uses == ("Reviews of films, in English", "Nothing else")
    assert card.limitations == (), "a section that is more than a list is left alone"
    assert card.metrics == {"accuracy (imdb)": 0.91, "accuracy (sst2)": 0.88, "loss": 0.1}
    assert card.references() == [], "their ids are not references"
    assert card.extra["language"] == ["en", "no"] and card.extra["datasets"] == ["imdb"]
    assert card.extra["base_model"] == "distilbert-base-uncased" and card.extra["metrics"] == ["accuracy"]
    assert card.extra["model-index"][0]["results"][0]["dataset"]["split"] == "test"
    assert card.extra["readme"].startswith("<!-- Provide") and card.extra["readme"].endswith("|---|---|")


def test_a_card_of_hugging_face_goes_out_as_it_came() -> None:
    card = model(HUB_CARD)
    page = to_readme(card, artifact=MODEL_NAME)
    front, came = (
        yaml.safe_load(page.split("---\n")[1]),
        yaml.safe_load(HUB_CARD.split("---\n")[1].replace("no]", "'no']")),
    )
    assert front == came
    assert page.endswith(HUB_CARD.partition("\n---\n")[2].strip("\n") + "\n")
    assert model(page) == card


def test_own_names_in_front_matter_are_members_and_what_pacha_says_wins() -> None:
    card = model(
        "---\nlicense: mit\ntraining_data: data/users:3\nlimitations: [front]\npacha:\n  license: Apache-2.0\n---\n"
        "First.\n\n## Limitations\n\n- body\n"
    )
    assert (card.license, card.training_data, card.limitations) == ("Apache-2.0", ("data/users:3",), ("front",))
    assert card.description == "First."


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("card.toml", b"license = 3", "card.toml: license: a text, not the number 3"),
        ("card.json", b"[1]", "card.json: a table, not a list"),
        ("card.yaml", b"license: mit", "card.yaml: a card is not YAML"),
        ("README.md", b"# Hello", "README.md: no front matter"),
        ("README.md", b"---\nlicense: mit\n", "README.md: no front matter"),
        ("README.md", b"---\nlicense: mit\nlimitation: x\n---\n", "README.md: limitation: no such member; did you mean limitations?"),
        ("README.md", b"---\nextra: 3\n---\n", "README.md: extra: a table, not 3"),
        ("README.md", b"---\npacha: 3\nlicense: {}\n---\n", "README.md: license: a text, not a table"),
        ("README.md", b"\xff\xfe", "README.md: not UTF-8 text (at byte 0)"),
        ("card.md", b"---\na: " + b"[" * 5000, "card.md: no front matter"),
        ("card.md", b"---\na: " + b"[" * 5000 + b"\n---\n", "card.md: line 1: nested more than 32 levels deep"),
        ("card.md", b"---\na: &x 1\nb: *x\n---\n", "card.md: line 1: anchors and aliases are not read"),
        ("card.md", b"---\nlicense: mit\n---\n" + b"x" * 10_000_000, "card.md: larger than 1048576 bytes"),
        ("card.toml", b"x = '" + b"x" * 20_000_000 + b"'", "card.toml: larger than 1048576 bytes"),
        ("card.json", b'{"extra": {' + b",".join(b'"%d": "%s"' % (n, b"x" * 9000) for n in range(40)) + b"}}", "card.json: a card of"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_is_no_card_is_refused_in_one_line(name: str, raw: bytes, message: str) -> None:
    with pytest.raises(PachaError) as caught:
        read_card(raw, name=name, kind="model")
    assert caught.value.message.startswith(message) and "\n" not in caught.value.message and caught.value.exit_code == 2


def test_a_recipe_has_no_card_file() -> None:
    with pytest.raises(BadCard, match="the recipe itself"):
        read_card(b"", name="card.toml", kind="recipe")


@pytest.mark.parametrize(
    ("path", "raw", "is_card"),
    [
        ("README.md", b"---\nlicense: mit\n---\n", True),
        ("model/Readme.MD", b"\xef\xbb\xbf---\r\nlicense: mit\r\n---\r\nx", True),
        ("README.md", b"+++\nlicense = 'mit'\n+++\n", True),
        ("README.md", b"---\n---\n", True),
        ("README.md", b"# Hello", False),
        ("README.md", b"---\nA rule, and prose.\n---\n", False),
        ("README.md", b"---\nlicense: mit\n", False),
        ("README.md", b"---", False),
        ("README.md", b"----\na: b\n----\n", False),
        ("README.md", b"---\na: \xff\n---\n", False),
        ("notes.md", b"---\nlicense: mit\n---\n", False),
        ("README.md", b"---\nlicense: mit\n---\n" + b"x" * (1 << 20), False),
    ],
)
def test_a_readme_is_a_card_if_front_matter_is_on_top(path: str, raw: bytes, is_card: bool) -> None:
    assert is_card_file(path, raw) is is_card


def test_a_long_readme_stays_in_its_file() -> None:
    card = model("---\nlicense: mit\n---\n" + "word " * 5000)
    assert card.extra == {"readme_bytes": 25_000}
    assert model(to_readme(card, artifact=MODEL_NAME)) == card


def test_numbers_of_front_matter_that_are_none_are_left_in_extra() -> None:
    card = model(
        "---\nmodel-index:\n- name: x\n  results:\n  - metrics: [{type: f1, value: n/a}, {value: 3}, 7]\n- 3\n---\n"
    )
    assert card.metrics == {} and card.extra["model-index"][1] == 3
    assert model(to_readme(card, artifact=MODEL_NAME)) == card


def test_a_readme_says_what_the_hub_knows_in_its_words() -> None:
    card = ModelCard.from_document(
        {**MODEL, "extra": {"tags": ["fraud"], "pipeline_tag": "tabular-classification"}}, name="x"
    )
    page = to_readme(card, artifact=MODEL_NAME, version="1.2.0", lineage=["trained on data/users:3.0.0"])
    front = yaml.safe_load(HUB_BLOCK.match(page)[2])  # type: ignore[index]
    assert front["license"] == "MIT" and front["tags"] == ["fraud"] and front["metrics"] == ["auc", "n"]
    assert front["model-index"] == [
        {
            "name": "fraud",
            "results": [
                {
                    "task": {"type": "tabular-classification"},
                    "dataset": {"type": "unknown", "name": "data/test:1.0.0"},
                    "metrics": [{"type": "auc", "value": 0.93, "name": "auc"}, {"type": "n", "value": 3, "name": "n"}],
                }
            ],
        }
    ]
    assert front["pacha"].keys() == {
        "training_data", "training_recipe", "training_date", "training_duration_secs", "evaluation_data", "parent_model", "derived_from",
    }  # fmt: skip
    assert "# fraud 1.2.0" in page and "- small shops" in page and "- trained on data/users:3.0.0" in page


def test_what_a_person_changes_in_a_readme_is_what_it_then_says() -> None:
    page = to_readme(ModelCard.from_document(MODEL, name="x"), artifact=MODEL_NAME)
    changed = (
        page.replace("license: MIT", "license: Apache-2.0")
        .replace("- small shops", "- large shops")
        .replace("value: 0.93", "value: 0.94")
    )
    card = model(changed.replace("Finds fraud", "Finds more fraud"))
    assert (card.license, card.limitations, card.metrics["auc"]) == ("Apache-2.0", ("large shops",), 0.94)
    assert card.description == "Finds more fraud"


def test_metrics_that_were_changed_since_are_written_anew() -> None:
    card = model(HUB_CARD)
    changed = set_field(card, "metrics.loss", "0.05")
    page = to_readme(changed, artifact=MODEL_NAME)
    assert model(page) == changed
    assert yaml.safe_load(page.split("---\n")[1])["model-index"][0]["results"][0]["metrics"][2]["value"] == 0.05


@pytest.mark.parametrize(("kind", "name"), [(ModelCard, MODEL_NAME), (Datasheet, DATA_NAME)])
@given(data=st.data())
def test_a_readme_reads_back_as_its_card(kind: type[Any], name: ArtifactName, data: st.DataObject) -> None:
    card = data.draw(cards(kind))
    page = to_readme(card, artifact=name, version="1.0.0", lineage=data.draw(st.lists(text, max_size=2)))
    assert read_card(page.encode(), name="README.md", kind=name.kind) == card
    front = HUB_BLOCK.match(page)
    assert front is not None or page.startswith("---\n---\n")
    assert front is None or isinstance(yaml.safe_load(front[2]), dict)


@given(data=st.data())
def test_a_readme_that_was_read_reads_back(data: st.DataObject) -> None:
    body = "\n".join(
        data.draw(st.lists(text | st.sampled_from(["# T", "## Limitations", "- a", "", "prose", "```"]), max_size=8))
    )
    front = data.draw(
        st.dictionaries(
            st.sampled_from(["license", "tags", "metrics", "model-index", "pacha", "x"]), json_value, max_size=3
        )
    )
    try:
        card = read_card(f"---\n{write_yaml(front)}---\n{body}".encode(), name="README.md", kind="model")
    except PachaError:
        return
    assert read_card(to_readme(card, artifact=MODEL_NAME).encode(), name="README.md", kind="model") == card


def test_the_round_trip_property_sees_a_page_without_what_pacha_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_text, "_differences", lambda card, found: {})
    card = ModelCard(description="two\n\nparagraphs")
    assert model(to_readme(card, artifact=MODEL_NAME)) != card


HOSTILE = (
    "</p><script>alert(1)</script><!-- x --> [a](javascript:alert(1)) ![b](c) <https://e.org> https://e.org me@e.org "
    "\x1b[31m\u202e\n---\n# h\n- i\n"
)


def hostile_page(kind: type[Any], **more: Any) -> str:
    """A page of a card whose every text is hostile."""
    texts = {
        one.name: HOSTILE
        for one in members_of(kind)
        if isinstance(one.form, (Text, Texts, Command))
    }  # fmt: skip
    tables = {one.name: {HOSTILE: 1} for one in members_of(kind) if isinstance(one.form, Numbers)}
    steps = {
        one.name: [{"name": HOSTILE, "description": HOSTILE, "parameters": {HOSTILE: [HOSTILE]}}]
        for one in members_of(kind)
        if isinstance(one.form, Parts)
    }
    extra = {"extra": {HOSTILE: [HOSTILE, {HOSTILE: HOSTILE}]}}
    card = kind(**texts, **tables, **steps, **extra, **more)
    name = {ModelCard: MODEL_NAME, Datasheet: DATA_NAME, Recipe: ArtifactName("recipe", "fraud")}[kind]
    return to_markdown(card, artifact=name, version=HOSTILE, lineage=[HOSTILE])


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (ModelCard, {}),
        (Datasheet, {"features": {HOSTILE: {"dtype": HOSTILE, "description": HOSTILE}}}),
        (Recipe, {"optimizer": {"optimizer_type": HOSTILE, "params": {HOSTILE: HOSTILE}}, "dependencies": {"env_vars": {HOSTILE: HOSTILE}}}),
    ],
)  # fmt: skip
def test_hostile_texts_come_out_as_texts(kind: type[Any], more: dict[str, Any]) -> None:
    page = hostile_page(kind, **more)
    assert page.count("alert") > 5
    assert "<" not in page and "\x1b" not in page and "\u202e" not in page
    assert not re.search(r"(?<!\\)\]\(|!\[|(?<!\\)\[a|https:|javascript:|me@", page)
    assert not re.search(r"^ *(---|# h|- i)$", page, re.MULTILINE)
    assert "h" not in [section.title for section in sections(page)]


def test_the_readme_of_a_person_is_shown_with_its_html_as_text() -> None:
    page = to_markdown(ModelCard(extra={"readme": "# Mine\n<script>x</script> **b** \x1b[31m"}), artifact=MODEL_NAME)
    assert "# Mine\n&lt;script>x&lt;/script> **b** \\x1b[31m" in page


def test_a_planted_end_of_the_generated_part_is_a_text() -> None:
    card = ModelCard(
        description=f"a\n{END}\nb", limitations=(END,), extra={"readme": f"{END}\n\n## Limitations\n\n- planted"}
    )
    page = to_readme(card, artifact=MODEL_NAME, lineage=[END])
    assert model(page) == card


@given(value=text)
def test_an_escaped_text_shows_that_text(value: str) -> None:
    plain = "".join(character for character in value if character >= " " and ord(character) not in range(0x7F, 0xA0))
    visible = "".join(character for character in plain if character not in "\u2028\u202e\ufeff")
    assert unescape(escape(visible)) == visible


def test_front_matter_ends_at_the_first_line_that_ends_it() -> None:
    page = split_front_matter("---\na: 1\n---\nb\n---\n")
    assert page is not None and (page.text, page.body) == ("a: 1", "b\n---\n")


def test_markdown_for_reading_shows_every_member() -> None:
    page = to_markdown(ModelCard.from_document(MODEL, name="x"), artifact=MODEL_NAME, version="1.0.0", lineage=["line"])
    for words in (
        "Finds fraud",
        "data/users:3.0.0",
        "12.5",
        "small shops",
        "| auc | 0.93 |",
        "team: risk",
        "- line",
        "# model/fraud 1.0.0",
    ):
        assert words in page
    page = to_markdown(Datasheet.from_document(DATA, name="x"), artifact=DATA_NAME)
    assert "| age | Int64 | no | in years |" in page and "- dedupe (keep = first): by id" in page
    page = to_markdown(Recipe.from_document(RECIPE, name="x"), artifact=ArtifactName("recipe", "fraud"))
    for words in (
        "learning_rate: 0.001",
        "custom.dropout: 0.1",
        "python, train.py",
        "gpu.min_vram_gb: 24",
        "| auc | 0.9 |",
    ):
        assert words in page


def test_the_hub_reads_what_is_written() -> None:
    hub = pytest.importorskip("huggingface_hub")
    card = ModelCard.from_document({**MODEL, "extra": {"tags": ["fraud"], "language": "no"}}, name="x")
    read = hub.ModelCard(to_readme(card, artifact=MODEL_NAME))
    assert read.data.license == "MIT" and read.data.language == "no" and read.data.model_name == "fraud"
    assert [(result.metric_type, result.metric_value) for result in read.data.eval_results] == [("auc", 0.93), ("n", 3)]
