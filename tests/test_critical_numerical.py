"""The benchmark of the numerical search runs, and its families are what they say."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_a_family_in_a_table() -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "critical_numerical.py"), "bent-30", "--starts", "20"],
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    (row,) = (line for line in ended.stdout.splitlines() if "(seed 0)" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    # 27 points, all found, none false, no wrong index; SciPy's 20 starts find at most 20
    assert cells[1:6] == ["30", "27", "27", "0", "0"]
    assert int(cells[8]) <= 20
    assert cells[-1].endswith("%")
