"""A quantity is found by its name, a count by its convention, and a doubt is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalelaw.errors import DataError, UsageError
from scalelaw.readers import ColumnMap, read_runs
from scalelaw.runs import RunTable


def _read(tmp_path: Path, header: str, row: str = "1e7,1e9,3", **options: object) -> RunTable:
    path = tmp_path / "runs.csv"
    path.write_text(f"{header}\n{row}\n")
    return read_runs(path, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "header",
    [
        "N,D,loss",
        "Model Size,train_tokens,Eval/Loss",
        "num_params,tokens,val_loss",
        "n_params,n_tokens,validation-loss",
    ],
)
def test_the_usual_names_are_known(header: str, tmp_path: Path) -> None:
    table = _read(tmp_path, header)
    assert (table.n_params[0], table.n_tokens[0], table.loss[0]) == (1e7, 1e9, 3.0)
    assert table.flops[0] == 6e16
    assert table.conventions.flops == "6ND"


def test_of_n_d_and_c_any_two_suffice(tmp_path: Path) -> None:
    assert _read(tmp_path, "N,C,loss", "1e7,6e16,3").n_tokens[0] == 1e9
    assert _read(tmp_path, "C,D,loss", "6e16,1e9,3").n_params[0] == 1e7
    table = _read(tmp_path, "N,D,C,loss", "1e7,1e9,,3")
    assert table.flops[0] == 6e16


def test_logged_flops_are_given_unless_said_otherwise(tmp_path: Path) -> None:
    row = "1e7,1e9,6e16,3"
    assert _read(tmp_path, "N,D,C,loss", row).conventions.flops == "given"
    assert _read(tmp_path, "N,D,C,loss", row, flops_convention="exact").conventions.flops == "exact"


@pytest.mark.parametrize("header", ["params,n_params_total,D,loss", "N,D,train_loss,val_loss", "N,D,loss,Loss"])
def test_two_columns_for_one_quantity_are_a_doubt(header: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--") as caught:
        _read(tmp_path, header, "1e7,1e9,3,3")
    assert caught.value.code == "E_AMBIGUOUS_COLUMN"


def test_a_named_column_settles_the_doubt_and_the_other_one_is_kept(tmp_path: Path) -> None:
    table = _read(tmp_path, "N,D,train_loss,loss", "1e7,1e9,3,2", loss="train_loss")
    assert table.loss[0] == 3.0
    assert table.extras["loss (as logged)"].tolist() == [2]


def test_an_unknown_column_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did you mean 'val_loss'"):
        _read(tmp_path, "N,D,val_loss", loss="val_los")


def test_parameters_are_counted_as_asked(tmp_path: Path) -> None:
    header, row = "n_params,n_params_non_embedding,D,loss", "2e7,1e7,1e9,3"
    every = _read(tmp_path, header, row)
    assert (every.n_params[0], every.n_params_non_embedding[0], every.conventions.params) == (2e7, 1e7, "all")
    without = _read(tmp_path, header, row, params_convention="non_embedding")
    assert (without.n_params[0], without.conventions.params) == (1e7, "non_embedding")
    assert without.extras["n_params (as logged)"].tolist() == [2e7]
    only = _read(tmp_path, "n_params_non_embedding,D,loss")
    assert (only.n_params[0], only.conventions.params) == (1e7, "non_embedding")


def test_unknown_conventions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Known: all, kaplan, non_embedding"):
        _read(tmp_path, "N,D,loss", params_convention="some")


@pytest.mark.parametrize("header", ["N,D,ppl", "N,D,C4 Eval PPL", "N,D,accuracy"])
def test_a_metric_is_not_a_loss(header: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="E_METRIC"):
        _read(tmp_path, header)
    with pytest.raises(DataError, match="E_METRIC"):
        _read(tmp_path, header, loss=header.split(",")[2])


def test_a_mapping_file_says_what_the_flags_would(tmp_path: Path) -> None:
    toml = tmp_path / "map.toml"
    toml.write_text(
        'loss_unit = "bpb"\nbytes_per_token = 4.0\nparams = "kaplan"\n[columns]\nloss = "score"\nn-params = "size"\n'
    )
    assert ColumnMap.load(toml) == ColumnMap(
        loss="score", n_params="size", loss_unit="bpb", bytes_per_token=4.0, params_convention="kaplan"
    )
    table = _read(tmp_path, "size,D,score", mapping=toml, params_convention="all")
    assert table.conventions.params == "all"
    assert table.loss[0] == pytest.approx(3 * 4 * 0.6931471805599453)


def test_a_misspelt_key_of_a_mapping_is_answered(tmp_path: Path) -> None:
    toml = tmp_path / "map.toml"
    toml.write_text('lossunit = "bits"\n')
    with pytest.raises(UsageError, match="Did you mean 'loss_unit'"):
        ColumnMap.load(toml)


def test_a_column_named_outside_its_part_of_a_mapping_is_told_where_it_belongs(tmp_path: Path) -> None:
    toml = tmp_path / "map.toml"
    toml.write_text('loss = "val_loss"\n')
    with pytest.raises(UsageError, match=r"under \[columns\]"):
        ColumnMap.load(toml)


@pytest.mark.parametrize(
    ("header", "flag"),
    [
        ("N,D,train_loss,val_loss", "--loss 'val_loss'"),
        ("N,D,loss,loss_per_token", "--loss 'loss_per_token'"),
        ("N,n_tokens,tokens,loss", "--n-tokens 'tokens'"),
    ],
)
def test_of_several_columns_the_likeliest_is_proposed(tmp_path: Path, header: str, flag: str) -> None:
    """Validation before training, a mean before a sum, a counter that grows before the total a run was planned for."""
    path = tmp_path / "runs.csv"
    path.write_text(f"{header}\n1e6,1e9,3.1,3.2\n1e6,1e9,2.9,3.0\n")
    with pytest.raises(DataError) as refused:
        read_runs(path)
    assert flag in str(refused.value)


def test_seeds_of_a_configuration_share_a_group(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("id,N,D,loss,seed\na,1e7,1e9,3,0\nb,1e7,1e9,3.1,1\nc,2e7,1e9,2.9,0\n")
    table = read_runs(path)
    assert table.group == ("a", "a", "c")
    assert [note.code for note in table.notes] == ["W_CLUSTERS"]
