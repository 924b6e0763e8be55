"""What commands that read much do first."""

import subprocess
import sys

LOOK = """
import sys
import pyarrow as pa
from monitor.cli.long_work import prepare
prepare()
print(pa.array([1, 2]).to_pylist(), pa.table({"a": ["x"]}).to_pylist(), "pandas" in sys.modules)
import pandas
print(pandas.Series([1]).tolist())
"""


def test_arrow_is_without_pandas_and_others_find_it() -> None:
    ran = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["[1, 2] [{'a': 'x'}] False", "[1]"]


def test_no_command_loads_pandas_before() -> None:
    modules = (
        "monitor.cli.assembly, monitor.cli.run, monitor.cli.judge, monitor.cli.contract_check"
    )
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys, {modules}; print('pandas' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "False"
