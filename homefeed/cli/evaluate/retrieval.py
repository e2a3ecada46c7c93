"""`homefeed evaluate retrieval`: the two-tower retriever beside two baselines, by a published protocol."""

import hashlib
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homefeed.cli.evaluate.inputs import ArgumentsError, Inputs, inputs
from homefeed.cli.output import AsJson, OutFile, dumps, emit, progress

if TYPE_CHECKING:
    from homefeed.settings.retrieval import RetrievalSettings
    from models.evaluation.sequences import Recommender
    from models.evaluation.sequences.evaluation import Result
    from models.evaluation.sequences.split import Split


def command(
    format_: Annotated[
        str, typer.Option("--format", help="sequences, pairs or ncf; docs/evaluate.md shows a line of each.")
    ],
    protocol: Annotated[
        str | None,
        typer.Option(
            help="sequences: leave-one-out, sampled-100 or time-split; pairs: split; ncf: given-negatives. Default: "
            "the first of the format."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="sequences: lines `user item` or `user item time`.")
    ] = None,
    train: Annotated[Path | None, typer.Option(metavar="FILE", help="pairs, ncf: what is trained on.")] = None,
    valid: Annotated[Path | None, typer.Option(metavar="FILE", help="pairs: what chooses the model.")] = None,
    test: Annotated[Path | None, typer.Option(metavar="FILE", help="pairs, ncf: what is measured.")] = None,
    negatives: Annotated[
        Path | None, typer.Option(metavar="FILE", help="ncf: the negatives of each test line.")
    ] = None,
    baselines_only: Annotated[
        bool, typer.Option("--baselines-only", help="Measure most-popular and item-kNN only; nothing else is trained.")
    ] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Of everything random. Default: HOMEFEED_SEED.")] = None,
    max_minutes: Annotated[
        float | None, typer.Option(min=0, help="Each training ends after this time, with the best model so far.")
    ] = None,
    dimension: Annotated[int | None, typer.Option(help="Width of the vectors.")] = None,
    layers: Annotated[int | None, typer.Option(help="Blocks of the transformer.")] = None,
    heads: Annotated[int | None, typer.Option(help="Heads of attention in each block.")] = None,
    length: Annotated[int | None, typer.Option(help="Newest items of a history that are read.")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share of activations left out in training.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Training interactions per step.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Most passes; the best on validation is kept.")] = None,
    as_json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Train on a public log and measure on its test: HR and NDCG at 10, or Recall and NDCG at 20.

    Most-popular and item-kNN are always measured on the same split. The model is chosen on validation only. --dimension
    to --epochs, where not given, follow from the size of the data; docs/evaluate.md has the rule.

    Example: homefeed evaluate retrieval --format sequences --data ml-1m.txt --protocol sampled-100 --out ml-1m.json
    """
    from homefeed.cli.evaluate.shape import shaped
    from homefeed.cli.evaluate.table import table
    from homefeed.settings import load
    from models.evaluation.sequences.baselines import ItemKnn, MostPopular
    from models.evaluation.sequences.evaluation import evaluate

    began = time.monotonic()
    files = {"data": data, "train": train, "valid": valid, "test": test, "negatives": negatives}
    chosen, settings = inputs(format_, protocol, files), load()
    seed = settings.seed if seed is None else seed
    options = {
        "dimension": dimension,
        "layers": layers,
        "heads": heads,
        "length": length,
        "dropout": dropout,
        "batch_size": batch_size,
        "epochs": epochs,
    }
    if baselines_only and any(value is not None for value in options.values()):
        raise ArgumentsError("--baselines-only trains no model: leave out --dimension to --epochs")
    max_s = None if max_minutes is None else 60 * max_minutes
    with progress("reading", total=3, as_json=as_json) as bar:

        def say(text: str) -> None:
            bar.update(bar.task_ids[0], description=text)

        split = chosen.read(seed)
        knobs = shaped(settings.retrieval, split.train, options)
        popular, neighbours = MostPopular(), ItemKnn()
        recommenders: list[Recommender] = [popular, neighbours]
        if not baselines_only:
            recommenders.append(_model(knobs))
        results = []
        for recommender in recommenders:
            results.append(evaluate(split, recommender, seed=seed, max_s=max_s, say=say))
            bar.advance(bar.task_ids[0])
    value = _value(chosen, split, results, None if baselines_only else knobs, seed)
    value["baselines"][neighbours.name]["chosen"] = dict(zip(("k", "shrink"), neighbours.chosen, strict=True))
    value["seconds"] = round(time.monotonic() - began, 2)
    emit(value, as_json, table(value), out)


def _model(knobs: "RetrievalSettings") -> "Recommender":
    """The retriever; its module imports tensorflow, which the baselines do without."""
    from models.retrieval.sequence_recommender import TwoTowerRecommender

    return TwoTowerRecommender(knobs)


def _value(
    chosen: Inputs, split: "Split", results: "list[Result]", knobs: "RetrievalSettings | None", seed: int
) -> dict[str, Any]:
    """The JSON object; docs/evaluate.md says what each field is."""
    baselines, model = results[:2], results[2] if len(results) > 2 else None
    shaping = {
        "format": chosen.format,
        "protocol": chosen.protocol,
        "retrieval": knobs and knobs.model_dump(mode="json"),
    }
    return {
        "format": chosen.format,
        "protocol": chosen.protocol,
        "files": {name: str(file) for name, file in chosen.files.items()},
        "model": model and model.name,
        "metrics": model and model.metrics,
        "intervals": model and model.intervals,
        "training": model and _training(model),
        "baselines": {
            result.name: {**result.metrics, "intervals": result.intervals, **_training(result)} for result in baselines
        },
        "counts": asdict(split.counts),
        "seed": seed,
        "settings_digest": hashlib.sha256(dumps(shaping)).hexdigest(),
        "settings": shaping["retrieval"],
    }


def _training(result: "Result") -> dict[str, Any]:
    return {
        "fit_s": round(result.fit_s, 2),
        "test_s": round(result.test_s, 2),
        "validation_ndcg": result.validation,
        "num_validations": result.num_validations,
        "is_cut": result.is_cut,
    }
