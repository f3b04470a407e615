"""A container's limits on memory and processors are found in the files of its control groups, and count."""

import os

import pytest
from test_memory import spec_of

from keras_samplernn import UserError, machine
from keras_samplernn.model import memory

CPUSET = "3:cpuset:/docker/abc"


def write(root, files):
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    return root


@pytest.mark.parametrize(
    ("files", "limit", "quota", "cores"),
    [
        ({}, None, None, 64),
        ({"proc/self/cgroup": "0::/"}, None, None, 64),
        # Version 2, within the container's own view of the groups.
        (
            {
                "proc/self/cgroup": "0::/",
                "sys/fs/cgroup/memory.max": "3000000",
                "sys/fs/cgroup/cpu.max": "150000 100000",
            },
            3000000,
            1.5,
            2,
        ),
        # Version 2, a group of a user's within a stricter one.
        (
            {
                "proc/self/cgroup": "0::/user.slice/run.scope",
                "sys/fs/cgroup/user.slice/run.scope/memory.max": "max",
                "sys/fs/cgroup/user.slice/run.scope/cpu.max": "400000 100000",
                "sys/fs/cgroup/user.slice/memory.max": "2000000",
                "sys/fs/cgroup/user.slice/cpu.max": "max 100000",
                "sys/fs/cgroup/other.slice/memory.max": "1",
            },
            2000000,
            4.0,
            4,
        ),
        # Version 1, where the group's path is that outside of the container.
        (
            {
                "proc/self/cgroup": f"4:memory:/docker/abc\n{CPUSET}\n2:cpu,cpuacct:/docker/abc",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "1000000",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            1000000,
            0.5,
            1,
        ),
        # Version 1 without limits, beside an empty version 2.
        (
            {
                "proc/self/cgroup": "4:memory:/a\n1:cpu:/\n0::/",
                "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            9223372036854771712,
            None,
            64,
        ),
    ],
    ids=["no Linux", "none", "v2", "v2 nested", "v1", "v1 without"],
)
def test_limits_of_control_groups(tmp_path, monkeypatch, files, limit, quota, cores):
    monkeypatch.setattr(machine, "allowed_cores", lambda: 64)
    root = write(tmp_path, files)
    assert (machine.container_bytes(root), machine.container_cores(root)) == (limit, quota)
    assert machine.machine_bytes(root) == min(limit or machine.physical_bytes(), machine.physical_bytes())
    assert machine.usable_cores(root) == cores


def test_the_processors_that_a_process_may_run_on_are_counted(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 5, 7}, raising=False)
    assert machine.usable_cores(tmp_path) == 3
    root = write(tmp_path, {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "110000 100000"})
    assert machine.usable_cores(root) == 2


def test_a_model_that_a_container_does_not_hold_is_refused(monkeypatch, tmp_path):
    root = write(tmp_path, {"proc/self/cgroup": "0::/", "sys/fs/cgroup/memory.max": "1000"})
    monkeypatch.setattr(memory, "machine_bytes", lambda: machine.machine_bytes(root))
    with pytest.raises(UserError, match=r"this machine or its container has 0\.0 GB; lower the tiers' dim$"):
        memory.check_training_memory(spec_of())
