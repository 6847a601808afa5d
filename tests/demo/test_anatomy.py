from dataclasses import replace

import numpy as np
import pytest

from medinorm.demo.anatomy import deform, draw_person, tissue_fractions
from medinorm.demo.grid import Grid
from medinorm.demo.study import label_map
from medinorm.demo.tissues import TISSUES

GRID = Grid(
    (44, 52, 42),
    np.array([[4.5, 0, 0, -97], [0, 4.5, 0, -131], [0, 0, 4.5, -80], [0, 0, 0, 1]]),
)
ONE = (1, 1, 1)


def person(seed):
    return draw_person(np.random.default_rng(seed))


def still(someone):
    """The atlas itself, with somebody's shells."""
    return replace(
        someone,
        pose=np.eye(4),
        amplitudes=0 * someone.amplitudes,
        ageing=0.0,
        balance=(1.0, 1.0, 1.0),
    )


def test_the_undeformed_grid_is_the_identity():
    np.testing.assert_allclose(deform(still(person(0)), GRID), GRID.points(), atol=1e-4)


def test_the_displacement_is_the_sum_of_its_waves():
    someone = replace(person(1), ageing=0.0)
    index = np.array([7, 30, 11])
    place = (GRID.affine @ [*index, 1])[:3]
    waves = np.exp(1j * someone.waves @ place) @ someone.amplitudes
    expected = (someone.pose @ [*place, 1])[:3] + waves.real
    np.testing.assert_allclose(deform(someone, GRID)[:, 7, 30, 11], expected, atol=1e-3)


def test_an_oblique_grid_samples_the_same_head():
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * 5, (10, -20, 3)
    oblique = Grid((4, 5, 6), affine)
    place = (affine @ [2, 3, 4, 1])[:3]
    alone = np.eye(4)
    alone[:3, 3] = place
    single = deform(person(2), Grid((1, 1, 1), alone))[:, 0, 0, 0]
    np.testing.assert_allclose(
        deform(person(2), oblique)[:, 2, 3, 4], single, atol=1e-3
    )


@pytest.mark.parametrize("seed", range(25))
def test_nobody_is_folded(seed):
    places = deform(person(seed), GRID).astype(np.float64)
    rows = [np.stack(np.gradient(axis, 4.5)) for axis in places]
    jacobian = np.linalg.det(np.moveaxis(np.stack(rows), (0, 1), (-2, -1)))
    assert jacobian.min() > 0.05


def test_people_differ_visibly_and_not_wildly(atlas):
    maps = [label_map(tissue_fractions(atlas, person(s), GRID, ONE)) for s in range(4)]
    for i in range(4):
        for j in range(i):
            either = (maps[i] > 0) | (maps[j] > 0)
            assert 0.25 < (maps[i] != maps[j])[either].mean() < 0.75


def test_fractions_are_shares(atlas):
    fractions = tissue_fractions(atlas, person(3), GRID, (2, 2, 1))
    assert fractions.shape == (len(TISSUES), *GRID.shape)
    assert fractions.min() >= 0
    assert fractions.sum(axis=0).max() <= 1 + 1e-5


@pytest.mark.parametrize("seed", range(4))
def test_volumes_are_human(atlas, seed):
    fractions = tissue_fractions(atlas, person(seed), GRID, (2, 2, 2))
    litres = fractions.sum(axis=(1, 2, 3)) * 4.5**3 / 1e6
    volume = dict(zip(TISSUES, litres.tolist(), strict=True))
    assert 0.3 < volume["white matter"] < 0.75
    assert 0.45 < volume["gray matter"] < 1.1
    assert 0.1 < volume["cerebrospinal fluid"] < 0.6
    assert 1.1 < sum(litres[:3]) < 2.2
    assert volume["bone"] > 0.2
    assert volume["fat"] > 0.1


def test_the_skull_surrounds_the_brain(atlas):
    """No voxel of brain touches air."""
    fractions = tissue_fractions(atlas, person(5), GRID, ONE)
    brain = fractions[:2].sum(axis=0) > 0.9
    air = fractions.sum(axis=0) < 0.1
    for axis in range(3):
        for step in (-1, 1):
            assert not (brain & np.roll(air, step, axis))[:, :, 1:-1].any()


def test_ageing_enlarges_the_ventricles(atlas):
    centre = np.linalg.norm(
        GRID.points() - np.reshape([0, -12, 12], (3, 1, 1, 1)), axis=0
    )
    volumes = []
    for ageing in (-0.25, 0.0, 0.45):
        aged = replace(still(person(0)), ageing=ageing)
        fluid = tissue_fractions(atlas, aged, GRID, (2, 2, 2))[2]
        volumes.append(fluid[centre < 25].sum())
    assert volumes[0] * 1.1 < volumes[1] < volumes[2] / 1.1
