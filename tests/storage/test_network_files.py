"""Network files: what is saved is what is loaded, and nothing else is loaded at all."""

import hashlib
import io
import json
import math
import os
import pickle
import zipfile

import numpy as np
import pytest
from helpers.remaking import npy, remade, setting
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from marquardt.errors import ConfigurationError, DataError, FileError, MarquardtError, ShapeError
from marquardt.networks import (
    ACTIVATIONS,
    Activation,
    Network,
    Scaling,
    cascade_forward,
    feed_forward,
    initial_weights,
    register_activation,
)
from marquardt.storage import NetworkFile, archive, load, save
from marquardt.storage.files import FORMAT
from marquardt.training import Division, Epoch, HashedParts, Limits, Parts, Record, Stop, train

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def bits(array):
    return (array.dtype.str, array.shape, np.ascontiguousarray(array).tobytes())


def same_plain(left, right):
    """Equal to the bit: repr tells -0.0 from 0.0, 1 from True and NaN from nothing."""
    return repr(left) == repr(right)


def fingerprint(content):
    """Everything a network file holds, as something that compares to the bit."""
    network, record = content.network, content.record
    parts = [network.weights]
    for scaling in (network.input_scaling, network.target_scaling):
        parts += [scaling.offset, scaling.factor]
    if record is not None:
        parts += [record.parts.train, record.parts.validation, record.parts.test]
        parts += [record.column(name) for name in record.columns]
    return (
        network.graph,
        network.input_scaling.kind,
        network.target_scaling.kind,
        [bits(part) for part in parts],
        repr((content.task, content.coding, content.classes, content.report, content.about)),
        record and repr((record.algorithm, record.settings, record.metric, record.stop, record.best_epoch)),
    )


def trained(n_epochs=3):
    rng = np.random.default_rng(0)
    inputs = rng.uniform(-1, 1, (30, 2))
    targets = inputs[:, :1] * inputs[:, 1:]
    graph = cascade_forward(2, (3, 2), 1)
    network = Network(
        graph,
        initial_weights(graph, "nguyen_widrow", rng),
        Scaling.fit("minmax", inputs),
        Scaling.fit("standard", targets),
    )
    limits = Limits(max_epochs=n_epochs)
    result = train(network, inputs, targets, parts=Division(seed=0).split(30), limits=limits)
    return NetworkFile(
        result.network,
        "regression",
        coding={"targets": ["product"]},
        record=result.record,
        report={"test": {"rmse": 0.25, "r2": math.nan}},
        about={"seed": 0, "source": "products.csv"},
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "products.marquardt"


@pytest.fixture(scope="module")
def content():
    return trained()


@pytest.fixture(scope="module")
def written(content, tmp_path_factory):
    """The bytes of a network file."""
    path = tmp_path_factory.mktemp("written") / "products.marquardt"
    save(path, content)
    return path.read_bytes()


def test_load_gives_what_was_saved_to_the_bit(content, path):
    save(path, content)
    assert fingerprint(load(path)) == fingerprint(content)
    inputs = np.random.default_rng(1).normal(size=(7, 2))
    assert bits(load(path).network.outputs(inputs)) == bits(content.network.outputs(inputs))


def test_equal_content_gives_equal_bytes(content, written, path):
    save(path, content)
    assert path.read_bytes() == written


def test_any_weights_come_back_to_the_bit(tmp_path):
    finite = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=True, width=64)

    @given(weights=arrays(np.float64, 13, elements=finite), offset=arrays(np.float64, 2, elements=finite))
    def law(weights, offset):
        scaling = Scaling(offset, np.array([-0.0, 5e-324]), "minmax")
        network = Network(feed_forward(2, 3, 1), weights, scaling)
        save(tmp_path / "any.marquardt", NetworkFile(network, "regression"), force=True)
        again = load(tmp_path / "any.marquardt").network
        assert bits(again.weights) == bits(weights)
        assert bits(again.input_scaling.offset) == bits(offset)
        assert bits(again.input_scaling.factor) == bits(scaling.factor)

    law()


def test_any_plain_values_come_back_to_the_bit(tmp_path):
    network = Network(feed_forward(1, (), 1), [1.0, 0.0])

    @given(about=st.dictionaries(st.text(max_size=5), PLAIN, max_size=3))
    def law(about):
        save(tmp_path / "any.marquardt", NetworkFile(network, "regression", about=about), force=True)
        assert same_plain(load(tmp_path / "any.marquardt").about, about)

    law()


def test_record_keeps_infinities_nan_and_negative_zero(path):
    strange = [math.inf, -math.inf, math.nan, -0.0, 5e-324, 1.7976931348623157e308, 0.1]
    epochs = [Epoch(n, v, v, v, v, v, n, v, n, v) for n, v in enumerate(strange)]
    stop = Stop("goal", "The goal is met: 1 ≤ 2.", True)
    settings = {"max_seconds": math.inf, "goal_metric": "mse", "max_epochs": 7}
    parts = Parts(np.array([5, 0, 3]), np.array([], dtype=np.intp), np.array([2**40]))
    record = Record("lm", settings, "mse", parts, epochs, stop, best_epoch=2)
    content = NetworkFile(Network(feed_forward(1, (), 1), [1.0, 0.0]), "regression", record=record)
    save(path, content)
    assert fingerprint(load(path)) == fingerprint(content)


def test_record_without_an_epoch_comes_back(path):
    record = Record("lm", {}, "mse", Parts.all_training(3))
    content = NetworkFile(Network(feed_forward(1, (), 1), [1.0, 0.0]), "regression", record=record)
    save(path, content)
    assert fingerprint(load(path)) == fingerprint(content)


def test_division_by_hash_comes_back_as_counts(path):
    parts = HashedParts(7_000_000, 1_500_000, 0, 0.15, 0.0, seed=3)
    record = Record("lm", {}, "mse", parts)
    save(path, NetworkFile(Network(feed_forward(1, (), 1), [1.0, 0.0]), "regression", record=record))
    assert path.stat().st_size < 10_000
    assert load(path).record.parts == parts


def test_hundreds_of_weights_come_back(path):
    graph = feed_forward(9, 20, 1)
    weights = np.linspace(-1, 1, graph.n_weights)
    save(path, NetworkFile(Network(graph, weights), "regression"))
    assert np.array_equal(load(path).network.weights, weights)


@pytest.mark.parametrize("classes", [("no", "yes"), (False, True), (1, 2), (0.5, 1.5), ("only",)])
def test_classes_keep_their_type(classes, path):
    network = Network(feed_forward(1, (), 1, output_activation="logistic"), [1.0, 0.0])
    save(path, NetworkFile(network, "classification", classes=classes))
    assert same_plain(load(path).classes, classes)


def test_labels_and_numbers_of_numpy_become_plain(path):
    network = Network(feed_forward(1, (), 2, output_activation="softmax"), [1.0, 0.0, 0.0, 0.0])
    content = NetworkFile(
        network,
        "classification",
        classes=np.array(["a", "b"]),
        report={"confusion": np.eye(2, dtype=int), "rmse": np.float64(2.0)},
        about={"seed": np.int64(3), "shape": (1, 2), "is_good": np.True_},
    )
    assert same_plain(content.classes, ("a", "b"))
    assert same_plain(content.report, {"confusion": [[1, 0], [0, 1]], "rmse": 2.0})
    assert same_plain(content.about, {"seed": 3, "shape": [1, 2], "is_good": True})
    save(path, content)
    assert fingerprint(load(path)) == fingerprint(content)


def test_object_with_to_dict_is_kept_as_its_dict():
    class Coding:
        def to_dict(self):
            return {"targets": ("a",)}

    network = Network(feed_forward(1, (), 1), [1.0, 0.0])
    assert NetworkFile(network, "regression", coding=Coding()).coding == {"targets": ["a"]}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"task": "regresion"}, ConfigurationError, "Did you mean 'regression'"),
        ({"classes": ("a", "b", "c")}, ShapeError, "1 outputs cannot tell 3 classes apart"),
        ({"classes": (None, "b")}, DataError, "a text, a number or a boolean, got None"),
        ({"about": {"when": object()}}, DataError, r"about\['when'\] cannot be kept.*object is not a plain value"),
        ({"about": {1: "a"}}, DataError, "keys of about must be texts"),
        ({"report": [1]}, DataError, "report must be a dict, got list"),
    ],
)
def test_content_that_cannot_be_kept_is_refused(changes, error, message):
    network = Network(feed_forward(1, (), 1), [1.0, 0.0])
    with pytest.raises(error, match=message):
        NetworkFile(**{"network": network, "task": "regression", **changes})


def test_archive_is_what_the_page_says(written):
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        assert archive.testzip() is None
        description = json.loads(archive.read("network.json"))
        weights = np.load(io.BytesIO(archive.read("weights.npy")), allow_pickle=False)
        line = archive.read("network.json.sha256").decode()
        assert line == hashlib.sha256(archive.read("network.json")).hexdigest() + "  network.json\n"
    assert description["format"] == 1
    assert weights.dtype == np.float64
    for name, array in description["arrays"].items():
        with zipfile.ZipFile(io.BytesIO(written)) as archive:
            assert hashlib.sha256(archive.read(f"{name}.npy")).hexdigest() == array["sha256"]


def test_file_in_the_way_is_replaced_only_by_force(content, path):
    path.write_text("precious")
    with pytest.raises(FileError, match=r"exists already.*force"):
        save(path, content)
    assert path.read_text() == "precious"
    save(path, content, force=True)
    assert fingerprint(load(path)) == fingerprint(content)


# What is not a network file.


def test_missing_file_names_the_nearest(content, path, tmp_path):
    save(path, content)
    with pytest.raises(FileError, match=r"There is no file .*product\.marquardt\. Did you mean 'products\.marquardt'"):
        load(tmp_path / "product.marquardt")
    with pytest.raises(FileError, match="there is no folder"):
        load(tmp_path / "no" / "such.marquardt")
    with pytest.raises(FileError, match="is a folder"):
        load(tmp_path)
    with pytest.raises(FileError, match=r"Cannot read|There is no file"):  # by the version of Python
        load("a\0b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_refused_instead_of_waited_for(path):
    os.mkfifo(path)
    with pytest.raises(FileError, match="not an ordinary file"):
        load(path)


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_", "."), text)
    return buffer.getvalue()


FOREIGN = {
    "text": b"age,strength\n28,41.5\n",
    "pickle": pickle.dumps({"weights": [1.0]}),
    "one byte": b"P",
    "other zip": zipped(hello_txt="hello"),
    "json of another kind": zipped(network_json='{"kind": "road network"}'),
    "json that is a list": zipped(network_json="[]"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_file_is_refused(kind, path):
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(FileError, match="is not a network file"):
        load(path)


def test_empty_file_is_refused(path):
    path.write_bytes(b"")
    with pytest.raises(FileError, match="is empty"):
        load(path)


def test_truncated_file_is_refused_wherever_it_ends(written, path):
    for length in [*range(4, len(written), 97), len(written) - 1]:
        path.write_bytes(written[:length])
        with pytest.raises(FileError, match="is damaged"):
            load(path)


def assert_refused_or_the_same(changed, content, path):
    path.write_bytes(changed)
    try:
        loaded = load(path)
    except FileError:
        return 1
    assert fingerprint(loaded) == fingerprint(content)
    return 0


def test_altered_byte_is_found_or_changes_nothing(written, content, path):
    # Every seventh byte here, all of them in the slow test below; 7 does not divide the layout's periods.
    refused = 0
    places = range(0, len(written), 7)
    for place in places:
        changed = bytearray(written)
        changed[place] ^= 1 << place % 8
        refused += assert_refused_or_the_same(bytes(changed), content, path)
    # What a flip may leave unfound are dates and permissions of members, a small part of the file.
    assert refused > 0.9 * len(places)


@pytest.mark.slow
def test_no_altered_byte_goes_through(written, content, path):
    for place in range(len(written)):
        for value in {written[place] ^ 1, written[place] ^ 128, 0, 255} - {written[place]}:
            changed = bytearray(written)
            changed[place] = value
            assert_refused_or_the_same(bytes(changed), content, path)


def test_any_damage_is_a_file_error_and_nothing_else(written, content, path):
    @given(st.data())
    def law(data):
        first = data.draw(st.integers(0, len(written)))
        last = data.draw(st.integers(first, min(len(written), first + 200)))
        changed = written[:first] + data.draw(st.binary(max_size=20)) + written[last:]
        assert_refused_or_the_same(changed, content, path)

    law()


# Files made on purpose, with checksums that fit.


def removing(key):
    return lambda description, members: description.pop(key)


def member(name, content):
    return lambda description, members: members.update({name: content})


def huge_header(description, members):
    """An array of 128 bytes whose header claims 8 TB."""
    shape = (10**12,)
    header = npy(np.zeros(1))[:10] + str({"descr": "<f8", "fortran_order": False, "shape": shape}).encode().ljust(117)
    members["weights.npy"] = header + b"\n" + bytes(8 * description["arrays"]["weights"]["shape"][0])


def test_file_remade_without_a_change_loads(written, content, path):
    path.write_bytes(remade(written))
    assert fingerprint(load(path)) == fingerprint(content)


def test_newer_file_asks_for_an_upgrade(written, path):
    path.write_bytes(remade(written, setting("format", to=FORMAT + 1)))
    with pytest.raises(FileError, match=r"written by a newer marquardt: it has format \d.*pip install --upgrade"):
        load(path)


MADE = {
    "format that is no number": setting("format", to="1"),
    "format below 1": setting("format", to=0),
    "no arrays": removing("arrays"),
    "arrays as a list": setting("arrays", to=[]),
    "no graph": removing("graph"),
    "no layers": setting("graph", "layers", to=[]),
    "layer of size 1e9": setting("graph", "layers", 0, "size", to=10**9),
    "layer of size -1": setting("graph", "layers", 0, "size", to=-1),
    "layer with a list for a name": setting("graph", "layers", 0, "name", to=[]),
    "activation that is a number": setting("graph", "layers", 0, "activation", to=7),
    "scaling of no kind": setting("input_scaling", to="log"),
    "task of no kind": setting("task", to="clustering"),
    "coding that is a list": setting("coding", to=[]),
    "report that is a text": setting("report", to="good"),
    "about that is missing": removing("about"),
    "about that is null": setting("about", to=None),
    "float of no kind": setting("about", to={"$float": "1e5"}),
    "classes that are a number": setting("classes", to=3),
    "too many classes": setting("classes", to=["a", "b", "c"]),
    "record that is a text": setting("record", to="long"),
    "record without a stop": lambda d, m: d["record"].pop("stop"),
    "record with a stop of another form": setting("record", "stop", to={"reason": "none"}),
    "record whose best epoch is not there": setting("record", "best_epoch", to=99),
    "record with a column less": lambda d, m: d["record"]["epochs"].pop(),
    "weights that are missing": lambda d, m: m.pop("weights.npy"),
    "weights not listed": lambda d, m: d["arrays"].pop("weights"),
    "weights of another length": lambda d, m: (
        m.update({"weights.npy": npy(np.zeros(3))}),
        d["arrays"]["weights"].update(shape=[3]),
    ),
    "weights with a NaN": lambda d, m: m.update({"weights.npy": npy(np.full(d["arrays"]["weights"]["shape"], np.nan))}),
    "weights of another type": lambda d, m: m.update(
        {"weights.npy": npy(np.zeros(d["arrays"]["weights"]["shape"], np.int64))}
    ),
    "weights that are objects": lambda d, m: (
        m.update({"weights.npy": npy(np.full(13, None))}),
        d["arrays"]["weights"].update(type="|O", shape=[13]),
    ),
    "header that claims 8 TB": huge_header,
    "shape that claims 8 TB": setting("arrays", "weights", "shape", to=[10**12]),
    "shape below zero": setting("arrays", "weights", "shape", to=[-1, -13]),
    "shape of floats": setting("arrays", "weights", "shape", to=[13.0]),
    "member from outside": member("../../evil.txt", b"evil"),
    "member of an absolute path": member("/evil.npy", npy(np.zeros(1))),
    "one hundred members": lambda d, m: m.update({f"m{i}": b"" for i in range(100)}),
    "epochs that are infinite": lambda d, m: m.update(
        {"epochs.npy": npy(np.full(d["arrays"]["epochs"]["shape"], np.inf))}
    ),
}


@pytest.mark.parametrize("kind", MADE)
def test_file_made_on_purpose_is_a_file_error(kind, written, path):
    path.write_bytes(remade(written, MADE[kind]))
    with pytest.raises(FileError, match="is damaged"):
        load(path)


def test_compressed_file_is_refused_so_that_none_unpacks_to_more_than_it_is(written, path):
    path.write_bytes(remade(written, member("zeros", bytes(10**6)), compression=zipfile.ZIP_DEFLATED))
    with pytest.raises(FileError, match=r"is damaged.*compressed"):
        load(path)


def test_no_checksum_of_the_description_is_refused(written, path):
    with zipfile.ZipFile(io.BytesIO(written)) as archive, zipfile.ZipFile(path, "w") as without:
        for name in archive.namelist():
            if name != "network.json.sha256":
                without.writestr(name, archive.read(name))
    with pytest.raises(FileError, match=r"network\.json\.sha256' is missing"):
        load(path)


def test_activation_of_ones_own_must_be_registered_first(path):
    register_activation(Activation("storage_arctan", np.arctan, lambda net, a: 1 / (1 + net**2)))
    try:
        graph = feed_forward(1, 2, 1, activation="storage_arctan")
        save(path, NetworkFile(Network(graph, np.arange(7.0)), "regression"))
        assert load(path).network.graph == graph
    finally:
        ACTIVATIONS.pop("storage_arctan")
    with pytest.raises(FileError, match=r"uses the activation 'storage_arctan'.*register_activation"):
        load(path)


def test_refusals_are_caught_as_what_a_caller_expects():
    with pytest.raises(OSError, match="no file"):
        load("missing.marquardt")
    assert issubclass(FileError, MarquardtError)


def test_fixed_and_shared_weights_come_back_to_the_bit(path):
    graph = feed_forward(2, (3,), 1).with_shared({("hidden1", "bias"): [0, 0, -1]})
    graph = graph.with_fixed({("hidden1", "inputs"): [[0.1, math.nan], [-0.0, 5e-324], [math.nan, 1 / 3]]})
    network = Network(graph, np.random.default_rng(0).normal(size=graph.n_weights))
    save(path, NetworkFile(network, "regression"))
    again = load(path).network
    assert again.graph == graph
    assert bits(again.graph.connections(again.weights)) == bits(graph.connections(network.weights))
    assert again.graph.weight_map.values.tobytes() == graph.weight_map.values.tobytes()


def test_a_file_asks_for_no_newer_marquardt_than_it_needs(path):
    network = Network(feed_forward(1, (2,), 1), np.ones(7))
    gained = Network(feed_forward(1, (2,), 1, "tanh(0.5)"), np.ones(7))
    for written, newest in ((network, 1), (network.freeze("hidden1"), 2), (gained, 2)):
        save(path, NetworkFile(written, "regression"), force=True)
        assert load(path).network.graph == written.graph
        with zipfile.ZipFile(path) as archive:
            assert json.loads(archive.read("network.json"))["format"] == newest


def test_array_whose_checksum_alone_tells_is_refused(written, path):
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = bytearray(members["weights.npy"])
    weights[-1] ^= 1  # a weight stays a number; the zip file gets a right CRC of its own
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**members, "weights.npy": bytes(weights)}.items():
            archive.writestr(name, text)
    with pytest.raises(FileError, match=r"'weights\.npy' was altered, its checksum does not fit"):
        load(path)


# ---------------------------------------------------------------- sections, and how much there may be of one


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("graph", setting("graph", "layers", 0, "size", to="three")),
        ("weights", setting("target_scaling", to="log")),
        ("record", setting("record", "stop", "why", to="because")),
        ("report", setting("report", to={"$float": "many"})),
        ("classes", lambda description, members: description.pop("classes")),
    ],
)
def test_a_section_that_does_not_fit_is_named(name, change, written, path):
    path.write_bytes(remade(written, change))
    with pytest.raises(FileError, match=rf"products\.marquardt is damaged: its section '{name}' does not fit together"):
        load(path)


def test_a_long_reason_is_cut(written, path):
    path.write_bytes(remade(written, setting("task", to="x" * 100_000)))
    with pytest.raises(FileError, match="is damaged") as error:
        load(path)
    assert len(str(error.value)) < 1000


@pytest.fixture
def narrow(monkeypatch):
    """The limits of a description in small: the laws hold at any, and the usual ones take seconds to reach."""
    monkeypatch.setattr(archive, "MOST_DESCRIPTION_BYTES", 10_000)
    monkeypatch.setattr(archive, "MOST_VALUES", 1000)


def test_the_limits_of_a_description_are_some_megabytes():
    assert archive.MOST_DESCRIPTION_BYTES <= 16 * 2**20
    assert archive.MOST_VALUES <= 1_000_000


def hurtful(about):
    return lambda description, members: description["about"].update(about)


@pytest.mark.parametrize(
    "about",
    [
        {"x": [[]] * 1_000_000},
        {"x": [{}] * 1_000_000},
        {"x": {str(k): 0 for k in range(1_000_000)}},
        {"x": "a" * 2**24},
    ],
    ids=["lists", "dicts", "entries", "text"],
)
def test_a_description_that_would_take_long_is_refused_unread(about, written, path, narrow, monkeypatch):
    path.write_bytes(remade(written, hurtful(about)))
    monkeypatch.setattr(json, "loads", None)
    with pytest.raises(FileError, match=r"its description (has more values|is larger) than any network needs"):
        load(path)


def test_a_description_that_could_not_be_read_is_not_written(path, narrow):
    network = Network(feed_forward(1, (), 1), [1.0, 0.0])
    with pytest.raises(FileError, match="most of it 'about'"):
        save(path, NetworkFile(network, "regression", about={"x": [[]] * 1001}))
    assert not path.exists()


def test_a_long_description_is_written_without_its_lines(path):
    # A table of 600 classes: with a line and an indentation a number it would be 4 MB.
    network = Network(feed_forward(1, (), 1), [1.0, 0.0])
    content = NetworkFile(network, "regression", report={"confusion": np.ones((600, 600), dtype=int)})
    save(path, content)
    assert path.stat().st_size < 1_000_000
    assert same_plain(load(path).report, content.report)


def test_further_arrays_come_back_to_the_bit(path):
    network = Network(feed_forward(1, (), 1), [1.0, 0.0])
    given = {"rows": np.array([[-0.0, math.nan], [math.inf, 5e-324]]), "numbers": np.arange(3, dtype=np.int32)}
    save(path, NetworkFile(network, "regression", arrays=given))
    again = load(path).arrays
    assert bits(again["rows"]) == bits(given["rows"])
    assert bits(again["numbers"]) == bits(np.arange(3, dtype=np.int64))


@pytest.mark.parametrize("arrays", [{"../a": np.ones(2)}, {"a": np.array(["b"])}, {"a": np.ones((1, 1, 1))}])
def test_arrays_that_cannot_be_kept_are_refused(arrays):
    with pytest.raises(DataError, match="arrays must have names of small letters"):
        NetworkFile(Network(feed_forward(1, (), 1), [1.0, 0.0]), "regression", arrays=arrays)
