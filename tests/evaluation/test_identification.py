import numpy as np
import pytest

from zoo.errors import ZooError
from zoo.evaluation.identification import rank1, setting1, setting2

# columns: identity, yaw, light, session, angle of a two-dimensional feature in degrees
ROWS = [
    # identities 1 and 2 train; 3 and 4 test
    (1, 0, 7, 1, 0),
    (2, 0, 7, 1, 0),
    (1, 45, 7, 1, 0),
    (3, 0, 7, 1, 0),  # gallery of 3
    (4, 0, 7, 1, 90),  # gallery of 4
    (3, 0, 2, 1, 90),  # frontal under another light: neither gallery nor probe
    (3, 45, 7, 1, 30),  # right
    (3, -45, 2, 1, 60),  # nearer to 4: wrong
    (4, 45, 7, 1, 80),  # right
    (4, 90, 3, 1, 44),  # nearer to 3: wrong
    (3, 90, 7, 1, 10),  # right
    (3, 15, 7, 2, 80),  # session 2: wrong, and not in setting 1
    (4, 0, 7, 2, 20),  # a later frontal image: not the gallery of setting 2
]


def arrays(rows=ROWS):
    identity, yaw, light, session, angle = np.array(rows, float).T
    features = np.column_stack([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    length = np.arange(1, len(rows) + 1)[:, None]  # the cosine does not see it
    return features * length, identity.astype(int), yaw, light.astype(int), session.astype(int)


def test_rank1_by_hand():
    gallery = np.array([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0]])
    probes = np.array([[5.0, 1.0], [1.0, 1.1], [-1.0, 0.2], [-1.0, 2.0]])
    hits = rank1(gallery, [7, 8, 9], probes, [7, 7, 9, 9])
    np.testing.assert_array_equal(hits, [True, False, True, False])


def test_setting1_by_hand():
    result = setting1(*arrays(), train_identities=2)
    assert result.gallery == 2
    assert result.probes == {45: 3, 90: 2}
    assert result.rates == {45: 2 / 3, 90: 1 / 2}
    assert result.mean == pytest.approx(7 / 12)


def test_setting2_takes_all_sessions_and_the_first_appearance():
    result = setting2(*arrays(), train_identities=2)
    assert result.probes == {15: 1, 45: 3, 90: 2}
    assert result.rates == {15: 0.0, 45: 2 / 3, 90: 1 / 2}
    swapped = [(*row[:3], 3 - row[3], row[4]) for row in ROWS]  # now 4 came at 20 degrees first
    rows = [row for row in swapped if row[0] != 3 or row[1] == 0]
    assert setting2(*arrays(rows), train_identities=2).rates == {45: 1.0, 90: 1.0}


def test_other_light_and_other_session():
    rows = [(*row[:2], 1 if row[2] == 7 else row[2], 4, row[4]) for row in ROWS]
    result = setting1(*arrays(rows), train_identities=2, frontal_light=1, session_number=4)
    assert result.probes == {15: 1, 45: 3, 90: 2}


def test_refused():
    with pytest.raises(ZooError, match="4 identities leave none to test"):
        setting1(*arrays())
    with pytest.raises(ZooError, match="identity 4 has no frontal image under light 7"):
        setting1(*arrays([r for r in ROWS if r != ROWS[4]]), train_identities=2)
    with pytest.raises(ZooError, match="no turned images"):
        setting1(*arrays(ROWS[:6]), train_identities=3)
    features, identity, yaw, light, session = arrays()
    with pytest.raises(ZooError, match=r"yaw has shape \(3,\); legal is \(13,\)"):
        setting1(features, identity, yaw[:3], light, session)
    with pytest.raises(ZooError, match="gallery holds features that are zero"):
        rank1(np.zeros((1, 2)), [1], np.ones((1, 2)), [1])
    with pytest.raises(ZooError, match="gallery has 2 features an image, probes 3"):
        rank1(np.ones((1, 2)), [1], np.ones((1, 3)), [1])
    with pytest.raises(ZooError, match="one per image"):
        rank1(np.ones((2, 2)), [1], np.ones((1, 2)), [1])
    with pytest.raises(ZooError, match="gallery is empty"):
        rank1(np.ones((0, 2)), [], np.ones((1, 2)), [1])
