"""The devices and machines of a training run."""

from __future__ import annotations

import functools
import json
import os
import re

import tensorflow as tf

from zoo.errors import ZooError

ClusterResolver = tf.distribute.cluster_resolver.ClusterResolver  # no module of that name
SimpleClusterResolver = tf.distribute.cluster_resolver.SimpleClusterResolver

PORT = 8888  # where the workers of Slurm and Kubernetes meet; the next tasks of a node: one more
LOST = (  # what a worker sees of it when another one is gone
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


@functools.cache  # in one process the collectives of two strategies take each other's keys
def make_strategy(kind: str) -> tf.distribute.Strategy:
    """The strategy of `training.distribution`. Call it before TensorFlow computes anything.

    Args:
        kind: "none"; "mirrored": all GPUs of this machine, without any its logical CPUs;
            "multi_worker": the machines of `cluster`, with all their GPUs.

    Raises:
        ZooError: "multi_worker" without a cluster, or one described badly.
    """
    if kind == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if kind == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy(cluster())
    return tf.distribute.get_strategy()


def cluster() -> ClusterResolver:
    """Who the workers are, and which of them this is.

    Read from the first of these that is there: `TF_CONFIG`, with workers and no other kind of task;
    the variables of a Slurm job step; those of a pod of an indexed Kubernetes job:
    `JOB_COMPLETION_INDEX` and `HOSTNAME` (`<job>-<index>`), with `ZOO_WORKERS` (pods of the job)
    and `ZOO_SERVICE` (its headless service) from the manifest.

    TensorFlow's own resolver for Slurm puts node9 behind node10, unlike Slurm, and wants GPUs; the
    one for Kubernetes asks the cluster's API and cannot tell which pod it is in.

    Raises:
        ZooError: none is there, or it is broken.
    """
    for key, read in (
        ("TF_CONFIG", _tf_config),
        ("SLURM_STEP_NODELIST", _slurm),
        ("JOB_COMPLETION_INDEX", _kubernetes),
    ):
        if key in os.environ:
            try:
                hosts, index = read()
                if not 0 <= index < len(hosts):
                    raise ValueError(f"worker {index} of {len(hosts)}")
            except (KeyError, ValueError, TypeError) as error:
                why = f"{error} is missing" if isinstance(error, KeyError) else error
                raise ZooError(f"{key} is set, but it describes no cluster: {why}") from error
            spec = tf.train.ClusterSpec({"worker": hosts})
            return SimpleClusterResolver(spec, task_type="worker", task_id=index, rpc_layer="grpc")
    raise ZooError(
        "training.distribution is multi_worker, but nothing describes the workers; legal are "
        "TF_CONFIG, a Slurm job step and an indexed Kubernetes job (docs/clusters.md)"
    )


def _tf_config() -> tuple[list[str], int]:
    config = json.loads(os.environ["TF_CONFIG"])
    if set(config["cluster"]) != {"worker"} or config["task"]["type"] != "worker":
        raise ValueError(f"legal is the task type worker; received {', '.join(config['cluster'])}")
    return list(config["cluster"]["worker"]), int(config["task"]["index"])


def _slurm() -> tuple[list[str], int]:
    hosts = []
    nodes = expanded(os.environ["SLURM_STEP_NODELIST"])
    tasks = re.findall(r"(\d+)(?:\(x(\d+)\))?", os.environ["SLURM_STEP_TASKS_PER_NODE"])
    counts = [int(count) for count, times in tasks for _ in range(int(times or 1))]
    for node, count in zip(nodes, counts, strict=True):
        hosts += [f"{node}:{PORT + task}" for task in range(count)]
    return hosts, int(os.environ["SLURM_PROCID"])


def expanded(nodes: str) -> list[str]:
    """The hosts of a list as Slurm writes it: `gpu[08-10,12],login1`."""
    hosts = []
    for prefix, ranges in re.findall(r"([^,\[\]]+)(?:\[([^\]]+)\])?", nodes):
        for part in ranges.split(",") if ranges else ("",):
            first, _, last = part.partition("-")
            numbers = range(int(first), int(last or first) + 1) if part else ("",)
            hosts += [f"{prefix}{str(number).zfill(len(first))}" for number in numbers]
    return hosts


def _kubernetes() -> tuple[list[str], int]:
    job, _, index = os.environ["HOSTNAME"].rpartition("-")
    service, count = os.environ["ZOO_SERVICE"], int(os.environ["ZOO_WORKERS"])
    return [f"{job}-{i}.{service}:{PORT}" for i in range(count)], int(index)


# What the runner asks of a strategy ---------------------------------------------------------------


def workers(strategy: tf.distribute.Strategy) -> int:
    """How many processes train together."""
    resolver = strategy.cluster_resolver
    return resolver.cluster_spec().num_tasks("worker") if resolver else 1


def worker(strategy: tf.distribute.Strategy) -> int:
    """Which of them this is; worker 0 is the chief, who alone writes."""
    return strategy.cluster_resolver.task_id if strategy.cluster_resolver else 0


def shares(strategy: tf.distribute.Strategy) -> list[int]:
    """Which shares of a batch, of `num_replicas_in_sync`, go to the devices of this worker."""
    local = strategy.num_replicas_in_sync // workers(strategy)
    return list(range(worker(strategy) * local, (worker(strategy) + 1) * local))


def distribute(strategy: tf.distribute.Strategy, datasets: list[tf.data.Dataset]):
    """What `fit` takes: each of this worker's devices draws from its own dataset.

    Args:
        strategy: in force.
        datasets: one for each of `shares`, equally long.
    """
    if strategy.num_replicas_in_sync == 1:
        return datasets[0]
    turns = tf.data.Dataset.range(len(datasets)).repeat()
    # without end: otherwise workers would ask each other before every step who has data left
    endless = tf.data.Dataset.choose_from_datasets([d.repeat() for d in datasets], turns)
    return strategy.distribute_datasets_from_function(lambda context: endless)


def meet(strategy: tf.distribute.Strategy, value: int = 0) -> list[int]:
    """Waits until all workers are here, and returns the value that each brought."""
    if workers(strategy) == 1:
        return [value]

    @tf.function
    def gathered():
        return strategy.gather(strategy.run(lambda: tf.constant([value])), axis=0)

    return gathered().numpy().tolist()
