"""Where `-o` writes: a slash behind a name makes it a folder."""

from pathlib import Path

from monitor.cli.contract_files import place_to_write


def test_a_name_with_a_slash_behind_it_is_a_folder(tmp_path: Path) -> None:
    folder = place_to_write(f"{tmp_path}/cases/http/")
    assert folder.is_dir()
    assert place_to_write(f"{folder}/") == folder
    assert not place_to_write(f"{tmp_path}/case.http").exists()
