"""The chart lints, and every way to fill it in gives sound objects."""

import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.config import load

CHART = Path(__file__).parents[2] / "helm" / "seamwatch"
PLACES = os.pathsep.join([os.environ.get("PATH", ""), str(Path.home() / "go" / "bin")])
HELM = shutil.which("helm", path=PLACES)

pytestmark = pytest.mark.skipif(
    not HELM,
    reason="helm is not here: go install helm.sh/helm/v4/cmd/helm@v4.3.1",
)

PIPELINES = ("--set", "mode=pipelines", "--set", "existingSecret=seamwatch")
MATRIX = {
    "all in one": (),
    "all in one, own claim": ("--set", "persistence.existingClaim=mine"),
    "all in one, no volume": ("--set", "persistence.enabled=false"),
    "all in one, storage class": ("--set", "persistence.storageClass=fast", "--set", "persistence.size=1Ti"),
    "pipelines": PIPELINES,
    "pipelines, busy": (*PIPELINES, "--set", "pipelines.traces.replicas=8", "--set", "pipelines.traces.resources.limits.memory=2Gi"),
    "no policy, no account": ("--set", "networkPolicy.enabled=false", "--set", "serviceAccount.create=false"),
    "closed in": ("--set-json", 'networkPolicy.egress=[{"to":[{"namespaceSelector":{}}]}]', "--set-json", 'networkPolicy.ingressFrom=[{"podSelector":{}}]'),
    "settings": ("--set", "settings.windows.seal_seconds=90", "--set", "settings.kafka.brokers=b:9092"),
    "everything else": (
        "--set-json", 'podLabels={"team":"sre"}', "--set-json", 'podAnnotations={"a":"b"}', "--set-json", 'nodeSelector={"disk":"ssd"}',
        "--set-json", 'tolerations=[{"operator":"Exists"}]', "--set-json", 'imagePullSecrets=[{"name":"pull"}]', "--set", "image.tag=1.2.3",
        "--set-json", 'extraEnv=[{"name":"SEAMWATCH_LOG_LEVEL","value":"debug"}]', "--set-json", 'service.annotations={"x":"y"}', "--set", "service.type=NodePort",
    ),
}  # fmt: skip


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(HELM), *words], capture_output=True, text=True, timeout=120, check=False
    )


def objects(*words: str) -> list[dict[str, Any]]:
    made = helm("template", "shop", str(CHART), *words)
    assert made.returncode == 0, made.stderr
    return [manifest for manifest in yaml.safe_load_all(made.stdout) if manifest]


def pods(made: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for manifest in made:
        if manifest["kind"] in {"StatefulSet", "Deployment"}:
            yield manifest["spec"]["template"]


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_the_chart_lints_and_its_pods_may_do_nothing_they_need_not(
    values: tuple[str, ...],
) -> None:
    linted = helm("lint", "--strict", str(CHART), *values)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    made = objects(*values)
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in made]
    assert len(set(names)) == len(names)
    for pod in pods(made):
        spec, container = pod["spec"], pod["spec"]["containers"][0]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["automountServiceAccountToken"] is False
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        declared = {volume["name"] for volume in spec["volumes"]}
        claims = {
            claim["metadata"]["name"]
            for manifest in made
            for claim in manifest.get("spec", {}).get("volumeClaimTemplates", [])
        }
        assert mounted <= declared | claims


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_every_pod_can_be_asked_whether_it_is_ready(values: tuple[str, ...]) -> None:
    for pod in pods(objects(*values)):
        container = pod["spec"]["containers"][0]
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
        assert container["args"] in (["up"], ["run", "api"]) or container["args"][::2] == [
            "run",
            "--serve",
        ]


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_selectors_find_their_pods(values: tuple[str, ...]) -> None:
    made = objects(*values)
    labels = [pod["metadata"]["labels"] for pod in pods(made)]
    for manifest in made:
        wanted: dict[str, str] = {}
        if manifest["kind"] in {"StatefulSet", "Deployment"}:
            wanted = manifest["spec"]["selector"]["matchLabels"]
        elif manifest["kind"] == "Service":
            wanted = manifest["spec"]["selector"]
        elif manifest["kind"] == "NetworkPolicy":
            wanted = manifest["spec"]["podSelector"]["matchLabels"]
        assert any(wanted.items() <= pod_labels.items() for pod_labels in labels), manifest[
            "metadata"
        ]["name"]


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX.keys())
def test_the_settings_it_hands_over_are_settings(values: tuple[str, ...], tmp_path: Path) -> None:
    made = objects(*values)
    text = next(manifest for manifest in made if manifest["kind"] == "ConfigMap")["data"][
        "seamwatch.toml"
    ]
    assert tomllib.loads(text)
    (tmp_path / "seamwatch.toml").write_text(text)
    for pod in pods(made):
        container = pod["spec"]["containers"][0]
        variables = {
            variable["name"]: variable["value"]
            for variable in container["env"]
            if variable["name"].startswith("SEAMWATCH_")
        }
        settings = load(tmp_path / "seamwatch.toml", {}, variables)
        assert (settings.api.host, settings.api.port) == ("0.0.0.0", 8420)


def test_an_embedded_store_has_one_pod_with_a_volume_of_its_own() -> None:
    sets = [manifest for manifest in objects() if manifest["kind"] == "StatefulSet"]
    assert [manifest["spec"]["replicas"] for manifest in sets] == [1]
    assert (
        sets[0]["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]
        == "50Gi"
    )


def test_each_pipeline_is_a_deployment_that_runs_it() -> None:
    made = [manifest for manifest in objects(*PIPELINES) if manifest["kind"] == "Deployment"]
    pipelines = {
        manifest["spec"]["template"]["spec"]["containers"][0]["args"][1] for manifest in made
    }
    assert pipelines == {"traces", "api-logs", "deploys", "windows", "detection", "notify", "api"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "mode=cluster"), "mode"),
        (("--set", "persistence.size=lots"), "size"),
        (("--set", "pipelines.tracez.replicas=1"), "tracez"),
        (("--set", "imagee.tag=1"), "imagee"),
        (("--set", "mode=pipelines"), "existingSecret"),
    ],
)
def test_wrong_values_are_refused_by_name(words: tuple[str, ...], said: str) -> None:
    made = helm("template", "shop", str(CHART), *words)
    assert made.returncode != 0
    assert said in made.stderr
