"""The config: where it is found, what is accepted, and what an error says."""

from pathlib import Path

import pytest

from tsn.runtime.errors import InputError, UsageError
from tsn.train.config import Config
from tsn.train.config_file import find_config, read_config, shipped_configs

CONFIGS = Path(__file__).parents[2] / "configs"
NAMES = ["default", "high_res", "lite", "lite_start", "multi_gpu", "smoke", "studio"]


def written(folder: Path, text: str) -> Path:
    path = folder / "my.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_config_is_valid_and_found_by_name_from_anywhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    expected = read_config(CONFIGS / f"{name}_config.yaml")
    for word in (name, f"{name}_config", f"{name}_config.yaml"):
        assert read_config(Path(word)) == expected
        assert find_config(Path(word)).resolve() == CONFIGS / f"{name}_config.yaml"


def test_all_configs_in_the_folder_are_shipped() -> None:
    assert shipped_configs() == NAMES
    assert len(list(CONFIGS.iterdir())) == len(NAMES)


def test_a_file_goes_before_a_shipped_config_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("smoke").write_text("batch_size: 3\n")
    assert read_config(Path("smoke")).batch_size == 3


@pytest.mark.parametrize(
    ("word", "near"), [("defualt", "default"), ("configs/high_res_config.yaml", "high_res"), ("multigpu", "multi_gpu")]
)
def test_an_unknown_name_lists_those_there_are_and_the_nearest(
    word: str, near: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refused:
        read_config(Path(word))
    assert f"there is no config {word}. Did you mean {near}? " in str(refused.value)
    assert ", ".join(NAMES) in str(refused.value)


def test_the_high_resolution_config_is_the_reference_run() -> None:
    config = read_config(CONFIGS / "high_res_config.yaml")
    assert (config.image_size, config.batch_size, config.epochs) == (512, 4, 15)
    assert (config.learning_rate, config.content_weight, config.style_weight, config.use_amp) == (1e-4, 1.0, 50.0, True)


def test_flags_go_before_the_file_and_the_file_before_the_defaults(tmp_path: Path) -> None:
    path = written(tmp_path, "batch_size: 3\nepochs: 7\n")
    config = read_config(path, flags={"epochs": 9, "seed": None})
    assert (config.batch_size, config.epochs, config.seed) == (3, 9, Config().seed)


def test_an_unknown_key_names_the_nearest_one_the_file_and_the_line(tmp_path: Path) -> None:
    path = written(tmp_path, "# mine\nbatch_size: 4\nlearning_rat: 0.1\n")
    with pytest.raises(InputError, match=r"my\.yaml:3: there is no key 'learning_rat'. Did you mean 'learning_rate'"):
        read_config(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("batch_size: four", "batch_size: input should be a valid integer, not 'four'"),
        ("batch_size: 2.5", "batch_size"),
        ("batch_size: 0", "greater than or equal to 1, not 0"),
        ("use_amp: 1", "use_amp: input should be a valid boolean, not 1"),
        ("amp_dtype: fp8", "amp_dtype: input should be 'bf16' or 'fp16', not 'fp8'"),
        ("learning_rate: fast", "learning_rate: input should be a valid number, not 'fast'"),
        ("learning_rate: .nan", "learning_rate"),
    ],
)
def test_a_wrong_type_or_value_names_the_key_the_value_and_the_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=r"my\.yaml:2: ") as caught:
        read_config(written(tmp_path, f"seed: 1\n{line}\n"))
    assert message in str(caught.value)


def test_a_number_without_a_dot_is_a_number(tmp_path: Path) -> None:
    assert read_config(written(tmp_path, "learning_rate: 1e-4\n")).learning_rate == 1e-4


def test_keys_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="shorter_side_min 64 is below the size of the crops"):
        read_config(written(tmp_path, "shorter_side_min: 64\nimage_size: 128\n"))


def test_clips_without_the_loss_that_they_are_for_and_weights_without_clips_are_refused() -> None:
    for flags in ({"clips": "videos"}, {"clips": "videos", "temporal_weight": 1.0, "objective": "recolour"}):
        with pytest.raises(UsageError, match=r"clips are for the temporal loss of objective style. Give temporal_weig"):
            read_config(None, flags=flags)
    with pytest.raises(UsageError, match="flow_weights are given without clips"):
        read_config(None, flags={"flow_weights": "raft.pth"})


def test_a_wrong_flag_is_a_usage_error_that_names_the_flag() -> None:
    with pytest.raises(UsageError, match=r"--batch-size: .*greater than or equal to 1, not 0"):
        read_config(None, flags={"batch_size": 0})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\n", "my.yaml:2: this is no YAML"),
        ("- 1\n- 2\n", "a config is a list of 'key: value' lines"),
        ("seed: 1\nseed: 2\n", "my.yaml:2: 'seed' is given twice"),
    ],
)
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_config(written(tmp_path, text))
    assert message in str(caught.value)


def test_a_missing_file_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no config .*none\.yaml. Give a YAML file"):
        read_config(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_config(tmp_path)
    assert read_config(written(tmp_path, "\n")) == Config()
