"""The front matter of Hugging Face cards, to and from a card's document. Source: docs/cards.md, "Hugging Face".

Three things mean the same there and here: the licence, metrics (in `model-index`), and what Pacha itself wrote under
`pacha`. The rest is kept in `extra` by its own name. Their ids name things on their hub, so they are no references.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pacha.registry.card_record import CardRecord, members_of
from pacha.registry.card_values import KEY_MAX, guess, number_of

#: The key under which front matter says what no key of theirs can: it wins over everything else.
OWN = "pacha"
#: Keys that their tools know, in the order in which they are written.
KEYS = (
    "license_name", "license_link", "license_details", "language", "pretty_name", "tags", "pipeline_tag",
    "library_name", "base_model", "base_model_relation", "new_version", "datasets", "task_categories", "task_ids",
    "size_categories", "multilinguality", "language_creators", "annotations_creators", "source_datasets",
    "paperswithcode_id", "arxiv", "doi", "model_name", "model_creator", "quantized_by", "inference", "widget",
    "thumbnail", "co2_eq_emissions", "dataset_info", "configs", "train-eval-index", "viewer", "extra_gated_prompt",
    "extra_gated_fields", "extra_gated_heading", "extra_gated_description", "extra_gated_button_content", "eval_results",
)  # fmt: skip
#: What stands for a dataset that the card does not name, as other writers of cards have it.
UNKNOWN_TYPE, UNKNOWN_NAME, UNKNOWN_TASK = "unknown", "Unknown", "other"


def document_of(front: Mapping[str, object], card: type[CardRecord]) -> dict[str, object]:
    """What front matter says, as a document for `card.from_document`. What Pacha wrote there is left to `own_members`."""
    members = {one.name for one in members_of(card)}
    extra: dict[str, object] = {}
    document: dict[str, object] = {}
    for key, value in front.items():
        if key == OWN and isinstance(value, Mapping):
            continue
        if key == "license" and isinstance(value, list):
            document[key] = ", ".join(str(item) for item in value)
        elif key == "metrics" and isinstance(value, list):
            extra[key] = value
        elif key == "extra" and isinstance(value, Mapping):
            extra |= value
        elif key in members:
            document[key] = value
        elif key in KEYS or key in ("model-index", OWN):
            extra[key] = value
        else:
            document[key] = value
    if "metrics" in members and "metrics" not in document:
        _take_metrics(document, extra, front)
    return {**document, "extra": extra} if extra else document


def _take_metrics(document: dict[str, object], extra: dict[str, object], front: Mapping[str, object]) -> None:
    """Takes metrics out of `model-index`; it stays in `extra` too where it says more than they do."""
    index = extra.get("model-index")
    metrics = index_metrics(index)
    if not metrics:
        return
    document["metrics"] = metrics
    if index == plain_index(metrics, index, front):
        del extra["model-index"]
        listed = extra.get("metrics")
        if isinstance(listed, list) and listed == list(metrics):
            del extra["metrics"]


def own_members(front: Mapping[str, object]) -> Mapping[str, object]:
    """What Pacha wrote under its own key."""
    value = front.get(OWN)
    return value if isinstance(value, Mapping) else {}


def index_metrics(index: object) -> dict[str, object]:
    """The numbers of a `model-index` by name: the metric's type, and where that is there twice, its dataset behind it.

    >>> index_metrics([{"results": [{"metrics": [{"type": "auc", "value": 0.93}]}]}])
    {'auc': 0.93}
    """
    rows = list(_rows(index))
    counts: dict[str, int] = {}
    for name, _, _ in rows:
        counts[name] = counts.get(name, 0) + 1
    found: dict[str, object] = {}
    for name, dataset, value in rows:
        full = name if counts[name] == 1 or not dataset else f"{name} ({dataset})"
        key, number = full, 1
        while key in found and number < 100:
            number += 1
            key = f"{full} #{number}"
        found.setdefault(key, value)
    return found


def _rows(index: object) -> Iterator[tuple[str, str, object]]:
    """Name, dataset and value of each metric that is a number."""
    for result in _mappings(item for model in _mappings(index) for item in _mappings(model.get("results"))):
        dataset = result.get("dataset")
        about = dataset if isinstance(dataset, Mapping) else {}
        where = next((text for key in ("name", "type") if isinstance(text := about.get(key), str) and text), "")
        for metric in _mappings(result.get("metrics")):
            name = next((text for key in ("type", "name") if isinstance(text := metric.get(key), str) and text), "")
            value = metric.get("value")
            number = number_of(guess(value) if isinstance(value, str) else value)
            if name and number is not None:
                yield name[: KEY_MAX // 2], where[: KEY_MAX // 2 - 8], number


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, (list, Iterator)):
        yield from (item for item in value if isinstance(item, Mapping))


def plain_index(metrics: Mapping[str, object], index: object, front: Mapping[str, object]) -> object:
    """The `model-index` that Pacha would write for these metrics, with the model's and the dataset's name as found in
    `index`: one that is equal says nothing that the card does not."""
    model = next(_mappings(index), {})
    result = next(_mappings(model.get("results")), {})
    dataset = result.get("dataset")
    name = dataset.get("name") if isinstance(dataset, Mapping) else None
    evaluated = own_members(front).get("evaluation_data", front.get("evaluation_data", []))
    known = [UNKNOWN_NAME, *(evaluated if isinstance(evaluated, list) else [evaluated])]
    return model_index(model.get("name"), metrics, task=_task(front), dataset=name if name in known else UNKNOWN_NAME)


def _task(values: Mapping[str, object]) -> object:
    task = values.get("pipeline_tag")
    return task if isinstance(task, str) and task else UNKNOWN_TASK


def model_index(name: object, metrics: Mapping[str, object], *, task: object, dataset: object) -> list[object]:
    """Metrics as their tools want them: of one model, on one dataset."""
    rows = [{"type": key, "value": value, "name": key} for key, value in metrics.items()]
    result = {"task": {"type": task}, "dataset": {"type": UNKNOWN_TYPE, "name": dataset}, "metrics": rows}
    return [{"name": name, "results": [result]}]


def front_matter(card: CardRecord, name: str) -> dict[str, object]:
    """What front matter of their keys can say of a card, for reading it back with `document_of`."""
    plain = card.plain()
    extra: Mapping[str, object] = plain.get("extra", {})
    front: dict[str, object] = {"license": plain["license"]} if "license" in plain else {}
    front |= {key: extra[key] for key in KEYS if key in extra}
    metrics = plain.get("metrics", {})
    if not isinstance(metrics, dict) or not metrics:
        return front | {key: extra[key] for key in ("model-index",) if key in extra}
    listed = extra.get("metrics")
    index = extra.get("model-index")
    if index_metrics(index) == metrics:
        return front | ({"metrics": listed} if isinstance(listed, list) else {}) | {"model-index": index}
    evaluated = plain.get("evaluation_data") or [UNKNOWN_NAME]
    front["metrics"] = listed if isinstance(listed, list) and listed else list(metrics)
    front["model-index"] = model_index(name, metrics, task=_task(extra), dataset=evaluated[0])
    return front
