"""The `doctor` command."""

import dataclasses
import json
import sys

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for other programs.")
def doctor(as_json: bool) -> None:
    """Say what is found or missing here, and what to do.

    One line for each finding: "ok"; "note" for what is less or missing that one may do without; "fail" for what stands
    in the way of training and generating. The exit status is 1 if anything fails.
    """
    from keras_samplernn.doctor.examination import examine
    from keras_samplernn.doctor.finding import FAIL

    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            print(finding)
    well = all(finding.state != FAIL for finding in findings)
    if as_json:
        print(json.dumps({"ok": well, "findings": list(map(dataclasses.asdict, findings))}))
    if not well:
        sys.exit(1)
