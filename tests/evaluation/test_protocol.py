"""Protocol files: all that come with the package are legal, and mistakes are named."""

import numpy as np
import pytest

from zoo.data.readers import source_class
from zoo.errors import ZooError
from zoo.evaluation.evaluate import PROCEDURES
from zoo.evaluation.holes import KINDS, Holes
from zoo.evaluation.protocol import digest, list_protocols, load_protocol
from zoo.evaluation.scores import MEASURES, check_versions
from zoo.masks.irregular import BUCKETS


@pytest.mark.parametrize("name", list_protocols())
def test_every_protocol_of_the_package(name):
    pinned = load_protocol(name)
    values, procedure = pinned.values, PROCEDURES[pinned.values.procedure]
    check_versions(values.metrics, {**MEASURES, **procedure.MEASURED})
    assert set(values.baselines) <= set(procedure.BASELINES)
    assert (values.holes is not None) == (values.procedure == "completion")
    if values.data.source != "synthfaces":
        source_class(values.data.source)


def test_there_is_one_for_every_paper_in_both_forms():
    names = set(list_protocols())
    assert {n for n in names if n.endswith("_synthfaces")} >= {
        *("context_encoder_center_synthfaces", "gfc_parts_synthfaces", "free_form_synthfaces"),
        *("stgan_synthfaces", "sc_fegan_synthfaces", "pairs_synthfaces"),
        *("tp_gan_setting1_synthfaces", "tp_gan_setting2_synthfaces"),
    }
    assert {load_protocol(n).values.data.source for n in names} == {
        *("synthfaces", "photos", "celeba", "celeba_hq", "helen", "multi_pie", "lfw")
    }


@pytest.mark.parametrize(
    "name", [n for n in list_protocols() if load_protocol(n).values.data.source == "synthfaces"]
)
def test_pins_of_synthfaces_protocols(name):
    """The split and those holes that do not depend on the faces are what the file pins."""
    import hashlib

    values = load_protocol(name).values
    identities = np.arange(values.data.count) // values.data.views_per_identity
    scored = identities % 10 == 8 if values.split.name == "test" else identities % 10 < 8
    own = np.flatnonzero(scored)
    count = values.split.count or len(own)
    names = "".join(f"{own[i * len(own) // count]:06d}\n" for i in range(count))
    assert values.split.sha256 == hashlib.sha256(names.encode()).hexdigest()
    if values.holes and values.holes.kind != "sc_fegan":
        assert set(values.holes.sha256) == {64, 128}
        holes = Holes(values.holes.kind, values.holes.seed, 64)
        for number in range(count):
            for case in holes.cases:
                holes(case, number, {})
        assert holes.sha256 == values.holes.sha256[64]


def test_holes():
    assert list(KINDS["facial_parts"]) == ["O1", "O2", "O3", "O4", "O5", "O6"]
    holes = Holes("area_buckets", 3, 64)
    for case, (low, high) in zip(holes.cases, BUCKETS, strict=True):
        hole = holes(case, 7, {})
        assert hole.shape == (64, 64, 1) and low < hole.mean() <= high
        np.testing.assert_array_equal(hole, holes(case, 7, {}))
        assert (hole != holes(case, 8, {})).any()
        assert (hole != Holes("area_buckets", 4, 64)(case, 7, {})).any()
    with pytest.raises(ZooError, match="need landmarks and parsing"):
        Holes("sc_fegan", 0, 64)("free form", 0, {"image": np.zeros((64, 64, 3), np.uint8)})


def test_what_unpins():
    free = ["data.directory=x", "data.size=64", "networks.embedding=y"]
    assert load_protocol("gfc_parts_synthfaces", free).altered == ()
    pinned = load_protocol("gfc_parts_synthfaces", [*free, "data.count=30"])
    assert pinned.altered == ("data.count",) and pinned.values.data.count == 30
    pinned.check_hash("holes", "a", "b")  # is not held to it
    with pytest.raises(ZooError, match="the holes have SHA-256 b..., pinned are a..."):
        load_protocol("gfc_parts_synthfaces", free).check_hash("holes", "a", "b")


def test_identity_is_what_decides():
    first = load_protocol("gfc_parts_synthfaces").identity({"holes": "a"})
    assert digest(first) == digest(
        load_protocol("gfc_parts_synthfaces", ["data.directory=z"]).identity({"holes": "a"})
    )
    for change in ("data.size=64", "holes.seed=1", "gallery=7", "split.count=3"):
        other = load_protocol("gfc_parts_synthfaces", [change]).identity({"holes": "a"})
        assert digest(other) != digest(first)
    assert digest(load_protocol("gfc_parts_synthfaces").identity({"holes": "b"})) != digest(first)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "must hold a mapping"),
        ("a: [", "is not legal YAML"),
        ("version: 1", "description is missing"),
        ("OK\nmask: 1", "unknown key mask; legal are .*metrics"),
        ("OK\nsplit: {nam: test}", "unknown key split.nam; .* Did you mean 'name'"),
        ("OK\nholes: {kind: centre}", "holes.kind is 'centre'"),
        ("OK\nstrength: 3", "strength is 3"),
        ("OK", "holes is missing"),
    ],
)
def test_mistakes_are_named(text, problem, tmp_path):
    base = (
        "version: 1\ndescription: x\nprocedure: completion\nmetrics: {psnr: 1}\n"
        "data: {directory: x}"
    )
    path = tmp_path / "bad.yaml"
    path.write_text(text.replace("OK", base))
    with pytest.raises(ZooError, match=problem):
        load_protocol(path)


def test_unknown_names_and_overrides(tmp_path):
    with pytest.raises(ZooError, match="Did you mean 'stgan_celeba'"):
        load_protocol("stgan_celebA")
    with pytest.raises(ZooError, match="write it as a.b=value"):
        load_protocol("stgan_celeba", ["data"])
    with pytest.raises(ZooError, match="version is no section"):
        load_protocol("stgan_celeba", ["version.x=1"])
    (tmp_path / "large.yaml").write_text("#" * 200_000)
    with pytest.raises(ZooError, match="is no protocol"):
        load_protocol(tmp_path / "large.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ZooError, match="cannot read"):
        load_protocol(tmp_path / "latin.yaml")
