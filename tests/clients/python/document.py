"""schemathesis over the document that the service shows of itself: whatever the document allows and
forbids is tried, and every answer must be one that it describes. It knows one route by name."""

import faulthandler
import os
import subprocess
import sys
import tempfile

from check import URL, done

# Requests are made up here, which takes its time on a machine that is busy.
faulthandler.dump_traceback_later(600, exit=True)

TOKEN = os.environ["FOREBAY_TEST_TOKEN"]

# What a statement says decides whether it is accepted, which no document can tell.
LEFT_OUT = "positive_data_acceptance"

# What it answers ends when the client says so.
ENDLESS = "/api/v1/admin/live"

# The same requests each time: others are tried with another number.
SEED = os.environ.get("FOREBAY_TEST_SEED", "1")

# What Hrana says nests so deeply that its edges, and what is wrong, are very many: there, what is
# allowed is tried by chance.
PARTS = [
    ["--exclude-tag=hrana", "--phases=examples,coverage,fuzzing"],
    ["--include-tag=hrana", "--phases=examples,fuzzing", "--mode=positive"],
]


def run(part, folder):
    return subprocess.Popen(
        [
            os.path.join(os.path.dirname(sys.executable), "schemathesis"),
            "run",
            f"{URL}/openapi.json",
            f"--header=Authorization: Bearer {TOKEN}",
            "--checks=all",
            f"--exclude-checks={LEFT_OUT}",
            f"--max-examples={os.environ.get('FOREBAY_TEST_EXAMPLES', '4')}",
            # How fast this machine is, is not what is tested.
            "--suppress-health-check=all",
            "--request-timeout=60",
            f"--exclude-path={ENDLESS}",
            f"--seed={SEED}",
            "--warnings=off",
            "--no-color",
            *part,
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


with tempfile.TemporaryDirectory() as folder:
    counts = []
    for process in [run(part, folder) for part in PARTS]:
        said, _ = process.communicate()
        assert process.returncode == 0, said
        counts.append(next(line.strip() for line in said.splitlines() if " generated, " in line))
done("; ".join(counts))
