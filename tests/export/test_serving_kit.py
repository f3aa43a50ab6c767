"""The files of the deployment kit say what the exporter writes and what each other says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from zoo.export import serving_folder

KIT = Path(__file__).parents[2] / "export"


def flags(words) -> dict[str, str]:
    return dict(word.removeprefix("--").split("=") for word in words)


def test_configurations_are_those_of_the_exporter(tmp_path):
    for name in ("sc_fegan", "stgan"):
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "1" / "saved_model.pb").write_bytes(b"")
    text = (KIT / "tf_serving" / "models.config").read_text()
    assert text == serving_folder.models_config(tmp_path)
    text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    assert (KIT / "tf_serving" / "batching.config").read_text() == serving_folder._BATCHING


def test_compose_mounts_where_the_configuration_looks():
    service = yaml.safe_load((KIT / "tf_serving" / "compose.yaml").read_text())["services"][
        "serving"
    ]
    assert service["volumes"][0].endswith(f":{serving_folder.MOUNT}:ro")
    options = flags(service["command"])
    assert options["model_config_file"] == f"{serving_folder.MOUNT}/models.config"
    assert service["entrypoint"] == ["tensorflow_model_server"]
    assert (options["port"], options["rest_api_port"]) == ("8500", "8501")
    assert service["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]
    (probe,) = [word for word in service["healthcheck"]["test"] if "GET" in word]
    assert "HTTP/1.0\\r\\n\\r\\n" in probe and probe.count("\n") == 0


def test_kubernetes_probes_and_limits():
    documents = {
        d["kind"]: d for d in yaml.safe_load_all((KIT / "kubernetes/serving.yaml").read_text())
    }
    pod = documents["Deployment"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    options = flags(container["args"])
    assert options["model_config_file"] == f"{serving_folder.MOUNT}/models.config"
    mounts = {m["mountPath"]: m.get("readOnly", False) for m in container["volumeMounts"]}
    assert mounts == {serving_folder.MOUNT: True, "/tmp": False}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    assert container["command"] == ["tensorflow_model_server"]
    assert (options["port"], options["rest_api_port"]) == ("8500", "8501")
    for probe in ("startupProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] in ports
        assert container[probe]["httpGet"]["path"] == "/v1/models/sc_fegan/metadata"
    assert container["livenessProbe"]["tcpSocket"]["port"] in ports
    assert "memory" in container["resources"]["limits"]
    selector = documents["Deployment"]["spec"]["selector"]["matchLabels"]
    assert selector.items() <= pod["metadata"]["labels"].items()
    assert selector == documents["Service"]["spec"]["selector"]
    assert selector == documents["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    assert {p["targetPort"] for p in documents["Service"]["spec"]["ports"]} == set(ports)


def test_smoke_script_is_bash_and_names_what_is_there():
    script = KIT / "tf_serving" / "smoke.sh"
    subprocess.run(["bash", "-n", script], check=True, timeout=20)
    named = re.findall(r"\$here/([\w./]+\.py)", script.read_text())
    assert len(named) == 3 and all((script.parent / name).is_file() for name in named)
    refused = subprocess.run(["bash", script], capture_output=True, text=True, timeout=20)
    assert refused.returncode != 0 and "$1" in refused.stderr
